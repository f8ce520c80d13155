"""The sops file with the age keys of a host's guests: how it is laid out, and whose keys belong into it.

docs/decisions/0007-keys-of-guests.md says why there is one.
"""

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Host
from hybridlab.secrets.sops_file import SopsFile

# Below the name of each guest, as `hybridlab secrets init` writes it: sops leaves a key with this suffix as
# it is, so that anybody can compare it with the spec.
PUBLIC_HALF = "recipient_unencrypted"
PRIVATE_HALF = "age-key"


def guests_with_keys(cluster: Cluster, host: Host) -> tuple[Guest, ...]:
    """Return the guests of `host` that read secrets, or will have to: a node that is no recipient yet."""
    recipients = {} if cluster.secrets is None else cluster.secrets.recipients
    return tuple(guest for guest in host.guests if guest.membership or guest.name in recipients)


def has_key_of(file: SopsFile, guest: str) -> bool:
    """Whether the file holds an encrypted private key for `guest`."""
    return file.has_secret(f"{guest}/{PRIVATE_HALF}")

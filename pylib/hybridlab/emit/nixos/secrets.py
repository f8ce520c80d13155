"""`secrets.nix`: which secrets a machine decrypts; never what is in them."""

from pathlib import PurePosixPath

from hybridlab.model.cluster import Cluster, GuestKeys
from hybridlab.model.node import Machine
from hybridlab.nixlang import Commented, NixPath
from hybridlab.nixlang.build import Options

# From modules/generated/<machine>/ up to the folder of the spec.
_ROOT = PurePosixPath("../../..")


# The folder of decrypted secrets on a machine (sops-nix).
DECRYPTED = "/run/secrets"


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return what the machine decrypts: the join token on a node, and on a host the keys of its guests."""
    if cluster.secrets is None:
        return ()
    groups: list[Options] = []
    keys = cluster.guest_keys.get(machine.name)
    secrets = {} if keys is None else _guest_keys(keys)
    file: dict[str, object] = {}
    if keys is not None:
        file["useSystemdActivation"] = Commented(True, "as a unit, for which the guests wait")
    if cluster.kubernetes is not None and machine.membership is not None:
        token = cluster.kubernetes.join_token
        role = "server" if machine.membership.is_control_plane else "client"
        file["defaultSopsFile"] = Commented(
            NixPath(str(_ROOT / cluster.secrets.file)), "encrypted, so it may lie in the store"
        )
        secrets[token] = {"restartUnits": ["hybridlab-join-token.service"]}
        groups.append(
            {"hybridlab": {"joinToken": {"enable": True, "role": role, "file": f"{DECRYPTED}/{token}"}}}
        )
    return ({"sops": {**file, "secrets": secrets}}, *groups) if secrets else ()


def guest_key(guest: str) -> str:
    """Return the secret that holds a guest's age private key, by its name in the host's sops file."""
    return f"{guest}/age-key"


def _guest_keys(keys: GuestKeys) -> dict[str, object]:
    return {
        guest_key(guest): {
            "sopsFile": NixPath(str(_ROOT / keys.file)),
            "owner": Commented("microvm", "its hypervisor hands the key over"),
            "restartUnits": [f"microvm@{guest}.service"],
        }
        for guest in keys.guests
    }

"""Which secrets sops-nix puts in place on a machine, by name and owner; never what is in them."""

from collections.abc import Iterator

from attrs import frozen

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host, Machine
from hybridlab.model.workload import SecretUse

# The folder of decrypted secrets on a machine (sops-nix).
DECRYPTED = "/run/secrets"
# Who runs the hypervisors, and hands guests their keys (microvm.nix, nixos-modules/host).
MICROVM_USER, MICROVM_GROUP = "microvm", "kvm"


@frozen
class Delivered:
    """A decrypted secret: its name below DECRYPTED, and whose it is.

    `group` is the owner's own, and for nobody else than the owner is it readable (sops-nix, `mode`: 0400).
    """

    name: str
    owner: str = "root"
    group: str = "root"

    @property
    def path(self) -> str:
        return f"{DECRYPTED}/{self.name}"


def delivered(cluster: Cluster, machine: Machine) -> tuple[Delivered, ...]:
    """Return what the machine decrypts: the keys of its guests, the join token, what it brings to pods."""
    return tuple(_delivered(cluster, machine))


def _delivered(cluster: Cluster, machine: Machine) -> Iterator[Delivered]:
    if cluster.secrets is None:
        return
    keys = cluster.guest_keys.get(machine.name)
    for guest in keys.guests if keys is not None else ():
        yield Delivered(guest_key(guest), MICROVM_USER, MICROVM_GROUP)
    member = machine.membership
    if cluster.kubernetes is None or member is None:
        return
    yield Delivered(cluster.kubernetes.join_token)
    if member.is_control_plane and cluster.secrets.of_workloads is not None:
        for app in cluster.apps:
            for use in app.secrets:
                yield Delivered(pod_secret(app.name, use))


def decrypts_in_a_unit(cluster: Cluster, machine: Machine) -> bool:
    """Whether a unit decrypts, sops-install-secrets.service, and not the activation of a system.

    A host's guests wait for that unit, and a guest has no key before it runs units.
    """
    if isinstance(machine, Host):
        return machine.name in cluster.guest_keys
    return machine.name in cluster.guests_with_keys and bool(delivered(cluster, machine))


def guest_key(guest: str) -> str:
    """Return the secret that holds a guest's age private key, by its name in the host's sops file."""
    return f"{guest}/age-key"


def pod_secret(workload: str, use: SecretUse) -> str:
    """Return the secret with a value for pods, by its name on the control plane.

    Not the key in the sops file, which may be called like the join token in the other one.
    """
    return f"workloads/{workload}/{use.data_key}"

"""`cluster.nix`: what every machine has in common, whatever it does."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Machine
from hybridlab.nixlang import Commented
from hybridlab.nixlang.build import Options


def options(cluster: Cluster) -> tuple[Options, ...]:
    """Return platform, state version, names and resolvers."""
    names: dict[str, list[str]] = {}
    for machine in cluster.machines:
        names.setdefault(_address(machine), []).append(machine.name)
    return (
        {
            "nixpkgs": {"hostPlatform": cluster.nixos.system.value},
            "system": {
                "stateVersion": Commented(
                    cluster.nixos.state_version, "the release first installed: data formats depend on it"
                )
            },
            **({"time": {"timeZone": cluster.nixos.time_zone}} if cluster.nixos.time_zone else {}),
        },
        {
            "networking": {
                "hosts": Commented(names, "nodes verify each other's certificates by name"),
                "nameservers": [str(address) for address in cluster.resolvers],
            }
        },
        {
            "services": {
                "openssh": {
                    "enable": True,
                    "openFirewall": Commented(False, "firewall.nix opens it where the admin comes from"),
                    "settings": {
                        "KbdInteractiveAuthentication": False,
                        "PasswordAuthentication": False,
                        "PermitRootLogin": "prohibit-password",
                    },
                }
            }
        },
    )


def _address(machine: Machine) -> str:
    """The address under which other machines know this one: on the VLAN of Kubernetes if it is a node."""
    leg = machine.legs[0] if machine.membership is None else machine.membership.leg
    return str(leg.address)

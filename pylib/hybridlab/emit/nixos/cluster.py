"""`cluster.nix`: what every machine has in common, whatever it does."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import known_leg
from hybridlab.nixlang import Commented
from hybridlab.nixlang.build import Options


def options(cluster: Cluster) -> tuple[Options, ...]:
    """Return platform, state version, names and resolvers."""
    names: dict[str, list[str]] = {}
    for machine in cluster.machines:
        if (leg := known_leg(machine)) is not None:
            names.setdefault(str(leg.address), []).append(machine.name)
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

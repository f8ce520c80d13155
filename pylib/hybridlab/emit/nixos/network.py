"""`network.nix`: addresses and links by systemd-networkd; a host's bridge, its legs and its guests' taps."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.network import Leg, Vlan
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.nixlang import Commented
from hybridlab.nixlang.build import Options

# Priorities of routing rules, before the main table's 32766: pods, then answers by address, then by mark.
_PODS_FIRST, _BY_ADDRESS, _BY_MARK = 1000, 1100, 1200


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return the machine's name, and its links."""
    names = {
        "networking": {"hostName": machine.name, "useDHCP": False, "useNetworkd": True},
    }
    match machine:
        case Guest():
            return (names, {"systemd": {"network": _guest_network(machine)}})
        case Host():
            return (
                names,
                {"systemd": {"network": _host_network(cluster, machine)}},
                {"hybridlab": {"hypervisor": _packet_path(cluster, machine)}},
            )


def _guest_network(guest: Guest) -> dict[str, object]:
    leg, mac = guest.leg, guest.identity.mac
    addressing: dict[str, object] = {
        "matchConfig": {"MACAddress": Commented(mac, "by address, or pods' interfaces would match, too")},
        "address": [leg.prefixed],
    }
    if leg.vlan.gateway is not None:
        addressing["gateway"] = [str(leg.vlan.gateway)]
    return {
        "links": {
            f"10-{leg.interface}": {
                "matchConfig": {"PermanentMACAddress": mac},
                "linkConfig": {"Name": leg.interface},
            }
        },
        "networks": {f"20-{leg.interface}": addressing},
    }


def _host_network(cluster: Cluster, host: Host) -> dict[str, object]:
    bridge = cluster.bridge
    networks: dict[str, object] = {
        "10-uplink": Commented(
            {
                "matchConfig": {"Name": host.uplink},
                "networkConfig": {"Bridge": bridge},
                "bridgeVLANs": [_tagged(vlan) for vlan in host.vlans],
                "linkConfig": {"RequiredForOnline": "enslaved"},
            },
            "the uplink is a trunk: every VLAN tagged",
        ),
        f"20-{bridge}": Commented(
            {
                "matchConfig": {"Name": bridge},
                "networkConfig": {"LinkLocalAddressing": "no"},
                "vlan": [leg.interface for leg in host.legs],
                "bridgeVLANs": [_tagged(leg.vlan) for leg in host.legs],
                "linkConfig": {"RequiredForOnline": "no"},
            },
            "the host's own side of the bridge: no address, only its legs",
        ),
    }
    for leg in host.legs:
        networks[f"30-{leg.interface}"] = Commented(_leg(cluster, host, leg), f"VLAN {leg.vlan.name}")
    for guest in host.guests:
        networks[f"40-{guest.identity.tap}"] = _tap(bridge, guest)
    return {
        "netdevs": {
            f"10-{bridge}": {
                "netdevConfig": {"Kind": "bridge", "Name": bridge},
                "bridgeConfig": {
                    "DefaultPVID": Commented("none", "a port is in no VLAN that it is not put into"),
                    "VLANFiltering": True,
                },
            },
            **{
                f"20-{leg.interface}": {
                    "netdevConfig": {"Kind": "vlan", "Name": leg.interface},
                    "vlanConfig": {"Id": leg.vlan.id},
                }
                for leg in host.legs
            },
        },
        "networks": networks,
    }


def _leg(cluster: Cluster, host: Host, leg: Leg) -> dict[str, object]:
    """Return a leg's addressing: what came in over it is answered over it (docs/decisions/0003)."""
    gateway = leg.vlan.gateway
    network: dict[str, object] = {
        "matchConfig": {"Name": leg.interface},
        "address": [leg.prefixed],
    }
    if gateway is not None and leg == host.default_leg:
        network["gateway"] = [str(gateway)]
    routes: list[dict[str, object]] = [
        {"Destination": str(leg.vlan.network), "Scope": "link", "Table": leg.table}
    ]
    if gateway is not None:
        routes.append({"Gateway": str(gateway), "Table": leg.table})
    network["routes"] = routes
    network["routingPolicyRules"] = _rules(cluster, host, leg)
    return network


def _rules(cluster: Cluster, host: Host, leg: Leg) -> list[object]:
    rules: list[object] = [
        {"From": str(leg.address), "Table": leg.table, "Priority": _BY_ADDRESS},
        Commented(
            {"FirewallMark": f"{leg.table}/0xfff", "Table": leg.table, "Priority": _BY_MARK},
            "answers of pods, marked with the leg on which the question came",
        ),
    ]
    if cluster.kubernetes is not None and host.membership is not None and leg == host.membership.leg:
        pods = {
            "To": str(cluster.kubernetes.pod_network),
            "Table": "main",
            "Priority": _PODS_FIRST,
        }
        rules.insert(0, Commented(pods, "pods are behind no leg"))
    return rules


def _tap(bridge: str, guest: Guest) -> Commented:
    tap = {
        "matchConfig": {"Name": guest.identity.tap},
        "networkConfig": {"Bridge": bridge},
        "bridgeVLANs": [
            {"VLAN": guest.leg.vlan.id, "PVID": guest.leg.vlan.id, "EgressUntagged": guest.leg.vlan.id}
        ],
        "linkConfig": {"RequiredForOnline": "no"},
    }
    return Commented(tap, f"made by microvm.nix for {guest.name}; in its VLAN only, untagged")


def _tagged(vlan: Vlan) -> dict[str, object]:
    return {"VLAN": vlan.id}


def _packet_path(cluster: Cluster, host: Host) -> dict[str, object]:
    return {
        "enable": True,
        "bridge": cluster.bridge,
        "legs": Commented({leg.interface: leg.table for leg in host.legs}, "each leg with its routing table"),
    }

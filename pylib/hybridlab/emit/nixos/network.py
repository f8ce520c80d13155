"""`network.nix`: addresses and links by systemd-networkd; a host's bridge, its legs and its guests' taps."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.links import LEG_MARK, Port, Route, Rule, bridge_ports, leg_routes, leg_rules
from hybridlab.model.network import Leg
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.nixlang import Commented
from hybridlab.nixlang.build import Options


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
    uplink, own_side, *taps = bridge_ports(cluster, host)
    networks: dict[str, object] = {
        "10-uplink": Commented(
            {
                "matchConfig": {"Name": host.uplink},
                "networkConfig": {"Bridge": bridge},
                "bridgeVLANs": _vlans(uplink),
                "linkConfig": {"RequiredForOnline": "enslaved"},
            },
            "the uplink is a trunk: every VLAN tagged",
        ),
        f"20-{bridge}": Commented(
            {
                "matchConfig": {"Name": bridge},
                "networkConfig": {"LinkLocalAddressing": "no"},
                "vlan": [leg.interface for leg in host.legs],
                "bridgeVLANs": _vlans(own_side),
                "linkConfig": {"RequiredForOnline": "no"},
            },
            "the host's own side of the bridge: no address, only its legs",
        ),
    }
    for leg in host.legs:
        networks[f"30-{leg.interface}"] = Commented(_leg(cluster, host, leg), f"VLAN {leg.vlan.name}")
    for guest, tap in zip(host.guests, taps, strict=True):
        networks[f"40-{tap.interface}"] = _tap(bridge, guest, tap)
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
    network["routes"] = [_route(route) for route in leg_routes(leg)]
    network["routingPolicyRules"] = [_rule(rule) for rule in leg_rules(cluster, host, leg)]
    return network


def _route(route: Route) -> dict[str, object]:
    way: dict[str, object] = {"Table": route.table}
    if route.gateway is not None:
        return {"Gateway": str(route.gateway), **way}
    return {"Destination": str(route.destination), "Scope": "link", **way}


def _rule(rule: Rule) -> object:
    way = {"Table": "main" if rule.table is None else rule.table, "Priority": rule.priority}
    if rule.destination is not None:
        return Commented({"To": str(rule.destination), **way}, "pods are behind no leg")
    if rule.mark is not None:
        mark = {"FirewallMark": f"{rule.mark}/{LEG_MARK:#x}", **way}
        return Commented(mark, "answers of pods, marked with the leg on which the question came")
    return {"From": str(rule.source), **way}


def _tap(bridge: str, guest: Guest, port: Port) -> Commented:
    tap = {
        "matchConfig": {"Name": port.interface},
        "networkConfig": {"Bridge": bridge},
        "bridgeVLANs": _vlans(port),
        "linkConfig": {"RequiredForOnline": "no"},
    }
    return Commented(tap, f"made by microvm.nix for {guest.name}; in its VLAN only, untagged")


def _vlans(port: Port) -> list[dict[str, object]]:
    if port.untagged is not None:
        return [{"VLAN": port.untagged, "PVID": port.untagged, "EgressUntagged": port.untagged}]
    return [{"VLAN": vlan} for vlan in port.tagged]


def _packet_path(cluster: Cluster, host: Host) -> dict[str, object]:
    return {
        "enable": True,
        "bridge": cluster.bridge,
        "legs": Commented({leg.interface: leg.table for leg in host.legs}, "each leg with its routing table"),
    }

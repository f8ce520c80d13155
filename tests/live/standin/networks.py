"""What ip, bridge and nft show on a healthy machine, made from the model in the formats of iproute2 6.1.

bridge/vlan.c has the format of VLANs and ip/iplink_vlan.c that of VLAN links: no kernel here has either.
"""

from collections.abc import Sequence
from typing import Any

from hybridlab import Cluster
from hybridlab.model.links import bridge_ports, default_route, leg_routes, leg_rules
from hybridlab.model.network import Leg
from hybridlab.model.node import Guest, Host, Machine, known_leg
from live.standin.rulesets import ruleset

_MASK = "0xfff"
_FIRST, _LAST = (
    {"priority": 0, "src": "all", "table": "local"},
    {"priority": 32766, "src": "all", "table": "main"},
)


def network(cluster: Cluster, machine: Machine) -> dict[str, Any]:
    """Return what is shown, in the order in which plays_network.py names it."""
    rules = {
        str(version): [
            _FIRST,
            *(_rules(cluster, machine, version) if isinstance(machine, Host) else ()),
            _LAST,
        ]
        for version in (4, 6)
    }
    links = _host_links(cluster, machine) if isinstance(machine, Host) else _guest_links(machine)
    return {
        "links": [_loopback(), *links],
        "routes": _routes(machine),
        "rules": rules,
        "vlans": _vlans(cluster, machine) if isinstance(machine, Host) else [],
        "nft": ruleset(cluster, machine),
    }


def hosts(cluster: Cluster, machine: Machine) -> str:
    """Return the /etc/hosts of a machine, as NixOS writes it."""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    lines += [f"{known_leg(other).address} {other.name}" for other in cluster.machines]
    return "\n".join((*lines, f"127.0.0.2 {machine.name}", ""))


def _loopback() -> dict[str, Any]:
    flags = ["LOOPBACK", "UP", "LOWER_UP"]
    own = [_address("127.0.0.1", 8, "host"), _address("::1", 128, "host")]
    return {"ifindex": 1, "ifname": "lo", "flags": flags, "operstate": "UNKNOWN", "addr_info": own}


def _link(name: str, legs: Sequence[Leg] = (), **more: Any) -> dict[str, Any]:
    flags = ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"]
    own = [_address(one.address, one.vlan.network.prefixlen, "global") for one in legs]
    return {"ifname": name, "flags": flags, "mtu": 1500, "operstate": "UP", **more, "addr_info": own}


def _address(address: Any, length: int, scope: str) -> dict[str, Any]:
    family = "inet6" if ":" in str(address) else "inet"
    return {"family": family, "local": str(address), "prefixlen": length, "scope": scope}


def _host_links(cluster: Cluster, host: Host) -> list[dict[str, Any]]:
    bridge_info = {"info_kind": "bridge", "info_data": {"vlan_filtering": 1, "vlan_default_pvid": 0}}
    port = {"master": cluster.bridge, "linkinfo": {"info_slave_kind": "bridge"}}
    tap = {"master": cluster.bridge, "linkinfo": {"info_kind": "tun", "info_slave_kind": "bridge"}}
    return [
        _link(host.uplink, **port),
        _link(cluster.bridge, linkinfo=bridge_info),
        *(
            _link(
                leg.interface,
                [leg],
                link=cluster.bridge,
                linkinfo={"info_kind": "vlan", "info_data": {"protocol": "802.1Q", "id": leg.vlan.id}},
            )
            for leg in host.legs
        ),
        *(_link(guest.identity.tap, **tap) for guest in host.guests),
        *_pod_links(host),
    ]


def _guest_links(guest: Guest) -> list[dict[str, Any]]:
    return [_link(guest.leg.interface, [guest.leg], address=guest.identity.mac), *_pod_links(guest)]


def _pod_links(machine: Machine) -> list[dict[str, Any]]:
    if machine.membership is None:
        return []
    bridge_info = {"info_kind": "bridge", "info_data": {"vlan_filtering": 0, "vlan_default_pvid": 1}}
    vxlan = {"info_kind": "vxlan", "info_data": {"id": 1, "port": 8472}}
    return [_link("mynet", linkinfo=bridge_info), _link("flannel.1", linkinfo=vxlan)]


def _routes(machine: Machine) -> list[dict[str, Any]]:
    wanted = [default for default in [default_route(machine)] if default]
    wanted += (
        [route for leg in machine.legs for route in leg_routes(leg)] if isinstance(machine, Host) else []
    )
    routes: list[dict[str, Any]] = [
        {
            "dst": "default" if route.destination is None else str(route.destination),
            **({"scope": "link"} if route.gateway is None else {"gateway": str(route.gateway)}),
            "dev": route.interface,
            **({} if route.table is None else {"table": str(route.table)}),
            "protocol": "static",
            "flags": [],
        }
        for route in wanted
    ]
    for leg in machine.legs:
        direct = {"dst": str(leg.vlan.network), "dev": leg.interface, "protocol": "kernel", "flags": []}
        local = {
            "type": "local",
            "dst": str(leg.address),
            "dev": leg.interface,
            "table": "local",
            "flags": [],
        }
        routes += [direct, local]
    return routes


def _rules(cluster: Cluster, host: Host, version: int) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    for leg in host.legs:
        for rule in leg_rules(cluster, host, leg):
            about = rule.source or rule.destination
            if (4 if about is None else about.version) != version:
                continue
            said = {"priority": rule.priority, "src": "all" if rule.source is None else str(rule.source)}
            if rule.destination is not None:
                said["dst"] = str(rule.destination.network_address)
                said["dstlen"] = rule.destination.prefixlen
            if rule.mark is not None:
                said |= {"fwmark": hex(rule.mark), "fwmask": _MASK}
            rules.append(said | {"table": "main" if rule.table is None else str(rule.table)})
    rules.sort(key=lambda rule: int(rule["priority"]))
    return rules


def _vlans(cluster: Cluster, host: Host) -> list[dict[str, Any]]:
    own = {"flags": ["PVID", "Egress Untagged"]}
    ports = [
        {
            "ifname": port.interface,
            "vlans": [{"vlan": vlan} for vlan in port.tagged]
            if port.untagged is None
            else [{"vlan": port.untagged, **own}],
        }
        for port in bridge_ports(cluster, host)
    ]
    pods = {"ifname": "mynet", "vlans": [{"vlan": 1, **own}]}
    return ports if host.membership is None else [*ports, pods]

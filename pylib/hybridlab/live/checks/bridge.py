"""A host's bridge with its ports, their VLANs, and the VLAN links on it, held against the model.

What is on the links (addresses, routes) is not looked at here.
"""

from collections.abc import Iterator
from functools import partial

from hybridlab.live.checks.answers import understanding
from hybridlab.live.checks.check import Check, Failed, Key, Ok, Phase, Remote, Verdict
from hybridlab.live.checks.iproute import LINKS, VLANS, Vlans, links, vlans
from hybridlab.live.checks.microvms import guest_unit
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Cluster
from hybridlab.model.links import Port, bridge_ports
from hybridlab.model.network import Leg
from hybridlab.model.node import Host


def bridge_checks(cluster: Cluster, host: Host) -> Iterator[Check]:
    """Yield what has to be so of the host's bridge."""
    look = (Remote(host.name, LINKS),)
    bridge = Key("bridge", host.name, cluster.bridge)
    yield Check(
        bridge,
        Phase.NETWORK,
        f"bridge {cluster.bridge} is up and keeps VLANs apart",
        look,
        understanding(partial(_judge_bridge, host.name, cluster.bridge)),
    )
    units = {guest.identity.tap: (guest_unit(guest),) for guest in host.guests}
    for port in bridge_ports(cluster, host):
        name, needs = port.interface, (bridge,)
        if name != cluster.bridge:
            member = Key("bridge.port", host.name, name)
            yield Check(
                member,
                Phase.NETWORK,
                f"{name} is a port of {cluster.bridge}, and up",
                look,
                understanding(partial(_judge_port, host, cluster.bridge, name)),
                (bridge, *units.get(name, ())),
            )
            needs = (member,)
        yield Check(
            Key("bridge.vlans", host.name, name),
            Phase.NETWORK,
            f"{name} carries {_expected(port)}, and no other VLAN",
            (Remote(host.name, VLANS),),
            understanding(partial(_judge_vlans, host.name, port)),
            needs,
        )
    for leg in host.legs:
        yield Check(
            link_key(host, leg),
            Phase.NETWORK,
            f"{leg.interface} is VLAN {leg.vlan.id} of {cluster.bridge}",
            look,
            understanding(partial(_judge_link, host.name, cluster.bridge, leg)),
            (bridge,),
        )


def link_key(host: Host, leg: Leg) -> Key:
    """Return the key of the check that a leg's link is there."""
    return Key("vlan", host.name, leg.interface)


def _judge_bridge(host: str, bridge: str, output: Output) -> Verdict:
    link = links(output).get(bridge)
    expected = f"bridge {bridge}, up, with VLAN filtering"
    advice = (
        f"on {host}: `networkctl status {bridge}`, `journalctl -b -u systemd-networkd`; to set it up again: "
        f"`systemctl restart systemd-networkd`"
    )
    if link is None:
        return Failed(expected, f"there is no {bridge}", advice)
    if link.kind != "bridge":
        return Failed(expected, f"{bridge} is no bridge, but of kind {link.kind or 'none'}", advice)
    if link.data.get("vlan_filtering") != 1:
        return Failed(expected, "no VLAN filtering: every guest hears every VLAN", advice)
    return Ok() if link.up else Failed(expected, f"{bridge} is down", advice)


def _judge_port(host: Host, bridge: str, name: str, output: Output) -> Verdict:
    link = links(output).get(name)
    expected = f"{name} is a port of {bridge}, and up"
    advice = f"on {host.name}: `networkctl reconfigure {name}`, `journalctl -b -u systemd-networkd`"
    if link is None:
        if name == host.uplink:
            advice = (
                f"on {host.name}, `ip link` shows what its network card is called: hosts.{host.name}.uplink"
            )
        return Failed(expected, f"there is no {name}", advice)
    if link.bridge != bridge:
        return Failed(expected, f"it is a port of {link.bridge or 'no bridge'}", advice)
    if not link.up:
        return Failed(expected, "it is down", advice)
    if name == host.uplink and not link.carrier:
        return Failed(expected, "no carrier", "look at the cable, and at the switch's port")
    return Ok()


def _expected(port: Port) -> Vlans:
    own = frozenset(() if port.untagged is None else (port.untagged,))
    return Vlans(frozenset(port.tagged), own, own)


def _judge_vlans(host: str, port: Port, output: Output) -> Verdict:
    expected, found = _expected(port), vlans(output).get(port.interface, Vlans())
    if found == expected:
        return Ok(str(found))
    return Failed(
        str(expected),
        str(found),
        f"on {host}: `networkctl reconfigure {port.interface}`; `bridge vlan show` shows them all",
    )


def _judge_link(host: str, bridge: str, leg: Leg, output: Output) -> Verdict:
    name = leg.interface
    link = links(output).get(name)
    expected = f"VLAN {leg.vlan.id} of {bridge}, up"
    advice = f"on {host}: `systemctl restart systemd-networkd`, `networkctl status {name}`"
    if link is None:
        return Failed(expected, f"there is no {name}", advice)
    if link.kind != "vlan":
        return Failed(expected, f"{name} is of kind {link.kind or 'none'}", advice)
    found = f"VLAN {link.data.get('id')} of {link.below or 'nothing'}, {'up' if link.up else 'down'}"
    if found == expected:
        return Ok(found)
    # networkd does not give a VLAN link that is there another id.
    again = f"on {host}: `ip link delete {name}`, then `systemctl restart systemd-networkd`"
    return Failed(expected, found, advice if link.data.get("id") == leg.vlan.id else again)

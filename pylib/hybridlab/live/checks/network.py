"""Where each machine is on the network, held against the model: addresses, names, and who answers a ping.

The links below are looked at in `bridge`, the routes above in `ways`, and what is let in in `firewall`.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from ipaddress import ip_address, ip_interface

from hybridlab.live.checks.answers import NotUnderstoodError, understanding
from hybridlab.live.checks.bridge import bridge_checks, link_key
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Ping, Remote, Verdict
from hybridlab.live.checks.iproute import ADDRESSES, links
from hybridlab.live.checks.ways import way_checks
from hybridlab.live.ping import Answers, Result, Silent
from hybridlab.live.probe import Output, read
from hybridlab.model.cluster import Cluster
from hybridlab.model.network import Leg
from hybridlab.model.node import Host, Machine, known_leg
from hybridlab.spec.scalars import Address


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield what has to be so of the network of each machine, from below."""
    known = {
        machine.name: leg.address for machine in cluster.machines if (leg := known_leg(machine)) is not None
    }
    owners = {leg.address: machine.name for machine in cluster.machines for leg in machine.legs}
    for machine in cluster.machines:
        if isinstance(machine, Host):
            yield from bridge_checks(cluster, machine)
        on_leg = {leg: Key("address", machine.name, leg.interface) for leg in machine.legs}
        for leg, key in on_leg.items():
            yield _address_check(machine, leg, key)
        yield Check(
            Key("address.others", machine.name),
            Phase.NETWORK,
            "no address of the cluster is on an interface where it does not belong",
            (Remote(machine.name, ADDRESSES),),
            understanding(partial(_judge_others, machine, owners)),
            tuple(on_leg.values()),
        )
        yield from way_checks(cluster, machine, on_leg)
        yield Check(
            Key("names", machine.name),
            Phase.NETWORK,
            "the names of all machines resolve to their addresses",
            (Remote(machine.name, read("getent", "hosts", *known, fine=(0, 2))),),
            understanding(partial(_judge_names, machine.name, known)),
        )
        for leg, key in on_leg.items():
            yield _ping_check(machine, leg, key)


def _address_check(machine: Machine, leg: Leg, key: Key) -> Check:
    return Check(
        key,
        Phase.NETWORK,
        f"{leg.interface} is up and has {leg.prefixed} ({leg.vlan})",
        (Remote(machine.name, ADDRESSES),),
        understanding(partial(_judge_address, machine.name, leg)),
        (link_key(machine, leg),) if isinstance(machine, Host) else (),
    )


def _judge_address(machine: str, leg: Leg, output: Output) -> Verdict:
    found = links(output)
    link = found.get(leg.interface)
    expected = f"{leg.prefixed} on {leg.interface}, up"
    advice = (
        f"on {machine}: `networkctl reconfigure {leg.interface}`, `networkctl status {leg.interface}`, "
        f"`journalctl -b -u systemd-networkd`"
    )
    if link is None:
        return Failed(expected, f"there is no {leg.interface}", advice)
    if leg.prefixed not in link.addresses:
        elsewhere = [name for name, other in found.items() if _has(other.addresses, leg.address)]
        others = sorted(one for one in link.addresses if not ip_interface(one).is_link_local)
        where = f"it is on {', '.join(elsewhere)}" if elsewhere else f"there: {', '.join(others) or 'none'}"
        return Failed(expected, where, advice)
    return Ok(leg.prefixed) if link.up else Failed(expected, f"{leg.interface} is down", advice)


def _has(addresses: frozenset[str], address: Address) -> bool:
    return any(ip_interface(one).ip == address for one in addresses)


def _judge_others(machine: Machine, owners: Mapping[Address, str], output: Output) -> Verdict:
    own = {(leg.interface, leg.address) for leg in machine.legs}
    wrong = [
        (f"{address} on {name}", owners[address])
        for name, link in links(output).items()
        for address in (ip_interface(one).ip for one in sorted(link.addresses))
        if address in owners and (name, address) not in own
    ]
    if not wrong:
        return Ok()
    return Failed(
        "addresses on their own interfaces only",
        "; ".join(f"{where}, which belongs to {owner}" for where, owner in wrong),
        f"on {machine.name}: `ip addr show` shows them, `ip addr delete` takes one away; a file of yours in "
        "/etc/systemd/network may bring it back",
    )


def _judge_names(machine: str, known: Mapping[str, Address], output: Output) -> Verdict:
    found = _resolved(output)
    wrong = [
        f"{name} is {', '.join(sorted(map(str, found.get(name, ())))) or 'unknown'}"
        for name, address in known.items()
        if not _is_at(found.get(name, frozenset()), address, itself=name == machine)
    ]
    if not wrong:
        return Ok(f"{len(known)} names")
    expected = ", ".join(
        f"{name} is {known[name]}" for name in known if any(w.startswith(f"{name} ") for w in wrong)
    )
    return Failed(expected, "; ".join(wrong), f"`hybridlab deploy {machine}` writes its /etc/hosts anew")


def _is_at(found: frozenset[Address], address: Address, *, itself: bool) -> bool:
    """Whether a name leads to this address alone.

    NixOS gives a machine's own a loopback address, too. Without resolved nss-myhostname(8) gives it those of
    its interfaces, of the version of which /etc/hosts has none.
    """
    elsewhere = {one for one in found if one != address}
    if itself:
        return bool(found) and all(one.is_loopback or one.version != address.version for one in elsewhere)
    return address in found and not elsewhere


def _resolved(output: Output) -> Mapping[str, frozenset[Address]]:
    """Return the addresses by name in lines as hosts(5) has them. Raises: NotUnderstoodError."""
    found: dict[str, set[Address]] = {}
    for line in filter(str.strip, output.stdout.splitlines()):
        first, *names = line.split()
        try:
            address = ip_address(first)
        except ValueError as error:
            raise NotUnderstoodError(f"getent says {line!r}") from error
        for name in names:
            found.setdefault(name, set()).add(address)
    return {name: frozenset(addresses) for name, addresses in found.items()}


def _ping_check(machine: Machine, leg: Leg, address: Key) -> Check:
    return Check(
        Key("ping", machine.name, str(leg.address)),
        Phase.NETWORK,
        f"{leg.address} ({leg.vlan}) answers a ping from here",
        (Ping(leg.address),),
        partial(_judge_ping, machine.name, leg),
        (address, Key("firewall.icmp", machine.name)),
        even_unreached=True,
    )


def _judge_ping(machine: str, leg: Leg, answer: Result) -> Verdict:
    match answer:
        case Answers(None):
            return Ok()
        case Answers(milliseconds):
            return Ok(f"{milliseconds:g} ms")
        case Silent():
            return Failed(
                "an answer",
                "none came",
                f"if ssh reaches it, it has the address, so look at the way: `ip route get {leg.address}` "
                f"here and for your own address on {machine}, the router between, and that the switch "
                f"carries VLAN {leg.vlan.id}; if not, whether it is on",
            )
    return CouldNotLook(answer.reason)

"""Other programs that give out or set addresses: DHCP servers of modules, other managers of the network."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.evaluated import EvaluatedMachine, part, texts
from hybridlab.model.network import DhcpRange
from hybridlab.model.node import Host
from hybridlab.rules.address_plan import given_addresses
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule
from hybridlab.rules.wording import listed
from hybridlab.spec.scalars import parse_address, parse_network

_DNSMASQ = ("services.dnsmasq.enable", "services.dnsmasq.settings.dhcp-range")
_KEA = tuple(
    (f"services.kea.dhcp{version}.enable", f"services.kea.dhcp{version}.settings.subnet{version}")
    for version in (4, 6)
)


@deep_rule(
    "NIX138",
    "dhcp-gives-out-taken",
    summary="A DHCP server of a module gives out addresses that the spec gives to machines.",
    rationale="""Whoever asks first gets the address of a machine that is off, or of one that answers no ping;
        from then on two have it. Which of them a packet reaches changes with every ARP reply.""",
    source="dnsmasq(8), --dhcp-range; Kea ARM, pools; RFC 5227, section 1",
    reads=(*_DNSMASQ, *(option for pair in _KEA for option in pair)),
    bad=Example(
        "homelab",
        """
        services.dnsmasq.enable = true;
        services.dnsmasq.settings.dhcp-range = [ "10.0.20.5,10.0.20.10,12h" ];
        """,
        at=SpecPath.of("hosts", "homelab", "addresses", "services"),
    ),
    good=Example(
        "homelab",
        """
        services.dnsmasq.enable = true;
        services.dnsmasq.settings.dhcp-range = [ "10.0.20.100,10.0.20.200,12h" ];
        """,
        at=SpecPath.of("hosts", "homelab", "addresses", "services"),
    ),
)
def dhcp_gives_out_taken(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        for option, pool in _pools(seen.nixos):
            taken = [one for one in given_addresses(cluster) if one.address in pool]
            if taken:
                names = listed([f"{one.address} of {one.who}" for one in taken])
                yield Difference(
                    seen.machine,
                    f"{option} gives out {pool}, with {names}",
                    taken[0].path,
                    "let it give out others, and write its range below 'dhcp' of the VLAN",
                    seen.nixos.defined(option),
                )


def _pools(nixos: EvaluatedMachine) -> Iterator[tuple[str, DhcpRange]]:
    enable, option = _DNSMASQ
    if nixos.is_on(enable):
        for text in nixos.texts(option):
            # `set:TAG`, `interface:NAME`, a mask, a lease time may stand beside the two addresses.
            yield from ((option, pool) for pool in _range(text.split(",")))
    for enable, option in _KEA:
        value = nixos.value(option)
        for subnet in value if isinstance(value, list) and nixos.is_on(enable) else ():
            pools = part(subnet, "pools")
            for pool in pools if isinstance(pools, list) else ():
                for text in texts(part(pool, "pool")):
                    yield from ((option, one) for one in _pool(text))


def _pool(text: str) -> Iterator[DhcpRange]:
    """Yield what Kea has as a pool: `FIRST - LAST`, or a network."""
    try:
        network = parse_network(text)
    except ValueError:
        yield from _range(text.split("-"))
    else:
        yield DhcpRange(network[0], network[-1])


def _range(words: Iterable[str]) -> Iterator[DhcpRange]:
    found = []
    for word in words:
        try:
            found.append(parse_address(word.strip()))
        except ValueError:
            continue
    if len(found) > 1:
        yield DhcpRange(found[0], found[1])


_MANAGER = "networking.networkmanager.enable"
_UNMANAGED = "networking.networkmanager.unmanaged"
_CONNMAN = "services.connman.enable"


@deep_rule(
    "NIX139",
    "another-network-manager",
    summary="A host's uplink is also managed by NetworkManager or ConnMan.",
    rationale="""It takes the link from networkd: the uplink leaves the bridge and asks for an address by
        DHCP, and the host is gone from its VLANs, with all its guests. Installers and modules of desktops
        turn it on.""",
    source="NetworkManager.conf(5), unmanaged-devices; nixpkgs, services/networking/networkmanager.nix",
    reads=(_MANAGER, _UNMANAGED, _CONNMAN),
    bad=Example(
        "homelab",
        "networking.networkmanager.enable = true;",
        at=SpecPath.of("hosts", "homelab", "uplink"),
    ),
    good=Example(
        "homelab",
        """
        networking.networkmanager.enable = true;
        networking.networkmanager.unmanaged = [ "interface-name:enp1s0" "interface-name:br0*" ];
        """,
        at=SpecPath.of("hosts", "homelab", "uplink"),
    ),
)
def another_network_manager(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        host = seen.machine
        if not isinstance(host, Host):
            continue
        on = [option for option in (_MANAGER, _CONNMAN) if seen.nixos.is_on(option)]
        if on == [_MANAGER] and any(_leaves(spec, host.uplink) for spec in seen.nixos.texts(_UNMANAGED)):
            continue
        for option in on:
            yield Difference(
                host,
                f"{option} is true, and networkd has {host.uplink} as the uplink",
                host.path / "uplink",
                f'take it out, or let {_UNMANAGED} have "interface-name:{host.uplink}"',
                seen.nixos.defined(option),
            )


def _leaves(spec: str, link: str) -> bool:
    """Return whether NetworkManager leaves a link alone by this one of its specs of devices."""
    return spec in ("*", "type:ethernet", link) or (
        spec.startswith("interface-name:") and fnmatchcase(link, spec.partition(":")[2].lstrip("="))
    )

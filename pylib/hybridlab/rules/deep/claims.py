"""Addresses and networks of an evaluated machine, by whatever module: of links, VPNs and containers.

It is what the rules of addresses share; it finds nothing itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import TypeAlias

from attrs import frozen

from hybridlab.model.evaluated import Definition, EvaluatedMachine, part, texts
from hybridlab.spec.scalars import Address, Network

Interface: TypeAlias = IPv4Interface | IPv6Interface

NETWORKS = "systemd.network.networks"
_NETWORKD = (
    f"{NETWORKS}.*.address",
    f"{NETWORKS}.*.networkConfig.Address",
    f"{NETWORKS}.*.addresses.*.Address",
)
_INTERFACES = ("networking.interfaces.*.ipv4.addresses", "networking.interfaces.*.ipv6.addresses")
_TUNNELS = ("networking.wireguard.interfaces.*.ips", "networking.wg-quick.interfaces.*.address")
_CONTAINERS = tuple(
    f"containers.*.{side}Address{version}" for side in ("host", "local") for version in ("", "6")
)
_DOCKER = "virtualisation.docker.daemon.settings"
_PODMAN = "virtualisation.podman.defaultNetwork.settings"


@frozen
class _Taker:
    """Who takes a network without being told which: `default`, unless one is told; `change` is where."""

    enable: str
    name: str
    default: str
    change: str
    option: str | None = None


# Docker: moby, daemon/libnetwork (bip is 172.17.0.1/16 by default); podman: its module in nixpkgs; libvirt:
# src/network/default.xml.in; Tailscale: its knowledge base, "IP address pool", RFC 6598.
_TAKERS = (
    _Taker("virtualisation.docker.enable", "docker", "172.17.0.1/16", f"{_DOCKER}.bip", f"{_DOCKER}.bip"),
    _Taker(
        "virtualisation.podman.enable", "podman", "10.88.0.1/16", f"{_PODMAN}.subnets", f"{_PODMAN}.subnets"
    ),
    _Taker("virtualisation.libvirtd.enable", "libvirt", "192.168.122.1/24", "its network 'default' (virsh)"),
    _Taker("services.tailscale.enable", "Tailscale", "100.64.0.0/10", "the IP pool of the tailnet"),
)
_POOLS = f"{_DOCKER}.default-address-pools"
READS = (
    *_NETWORKD,
    *_INTERFACES,
    *_TUNNELS,
    *_CONTAINERS,
    *(taker.enable for taker in _TAKERS),
    *(taker.option for taker in _TAKERS if taker.option is not None),
    _POOLS,
)


@frozen
class Claim:
    """An address with its network, and the option that gives it to the machine.

    `on_link` is one of a link of the machine; any other is of a network of its own, which the machine routes.
    `local` is one that others do not see, so that another machine may have the same.
    """

    given: Interface
    option: str
    definitions: tuple[Definition, ...] = ()
    on_link: bool = False
    local: bool = False
    change: str = ""

    @property
    def address(self) -> Address:
        return self.given.ip

    @property
    def network(self) -> Network:
        return self.given.network


def claims(nixos: EvaluatedMachine) -> tuple[Claim, ...]:
    """Return the addresses that a machine has, each once, but for those of the loopback and of every link."""
    found: dict[Interface, Claim] = {}
    for claim in _all(nixos):
        if not (claim.address.is_loopback or claim.address.is_link_local):
            found.setdefault(claim.given, claim)
    return tuple(found.values())


def _all(nixos: EvaluatedMachine) -> Iterator[Claim]:
    # First what people write: NixOS makes units of networkd of it.
    for option in _INTERFACES:
        yield from _on(nixos, option, _of_interfaces, on_link=True)
    for option in _NETWORKD:
        yield from _on(nixos, option, _plain, on_link=True)
    for option in _TUNNELS:
        yield from _on(nixos, option, _plain)
    for option in _CONTAINERS:
        yield from _on(nixos, option, _plain, local=True)
    yield from _of_takers(nixos)


def _on(
    nixos: EvaluatedMachine,
    option: str,
    read: Callable[[object], Iterable[Interface]],
    *,
    on_link: bool = False,
    local: bool = False,
) -> Iterator[Claim]:
    for name, value in nixos.items(option):
        for given in dict.fromkeys(read(value)):

            def means(defined: object, name: str = name, given: Interface = given) -> bool:
                return given in set(read(part(defined, name)))

            yield Claim(
                given,
                option.replace("*", name, 1),
                nixos.defined(option, means),
                on_link=on_link,
                local=local,
            )


def _plain(value: object) -> Iterator[Interface]:
    """Yield addresses in a text, a list of texts, or of a list that holds a text for each of its parts."""
    for text in texts(value):
        for word in text.split():
            yield from _interface(word)


def _of_interfaces(value: object) -> Iterator[Interface]:
    for item in value if isinstance(value, list) else ():
        yield from _interface(f"{part(item, 'address')}/{part(item, 'prefixLength')}")


def _interface(text: str) -> Iterator[Interface]:
    try:
        yield ip_interface(text)
    except ValueError:
        return


def _of_takers(nixos: EvaluatedMachine) -> Iterator[Claim]:
    for taker in _TAKERS:
        if not nixos.is_on(taker.enable):
            continue
        told = [] if taker.option is None else [*_networks(nixos.value(taker.option))]
        if taker.option is None or not told:
            what, where = f"{taker.enable} ({taker.name} takes {taker.default} by default)", taker.enable
        else:
            what = where = taker.option
        for given in told or [ip_interface(taker.default)]:
            yield Claim(given, what, nixos.defined(where), local=True, change=taker.change)
        if taker.name == "docker":
            for given in _networks(nixos.value(_POOLS)):
                yield Claim(given, _POOLS, nixos.defined(_POOLS), local=True, change=_POOLS)


def _networks(value: object) -> Iterator[Interface]:
    """Yield networks in texts, or in a list of what has them as `subnet` or `base`."""
    yield from _plain(value)
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping):
            for key in ("subnet", "base"):
                yield from _plain(item.get(key))

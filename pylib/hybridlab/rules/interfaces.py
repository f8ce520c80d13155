"""Names of network interfaces: short enough for Linux, and each once on a machine."""

import re
from collections.abc import Iterable, Iterator

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Host, leg_path
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.uses import Use, conflict, used_again
from hybridlab.tables.interfaces import POD_BRIDGE

_IFNAMSIZ = 15  # characters of an interface's name (linux/if.h: 16 with the final NUL)
_BRIDGE = SpecPath.of("networks", "bridge")


@rule(
    "NET008",
    "interface-name-too-long",
    summary="The bridge's name with a VLAN id behind it is longer than an interface's name may be.",
    rationale="""A host's leg in VLAN 20 is the interface `br0.20`. Linux takes 15 characters; networkd
        refuses to make a longer one, and the host has no address.""",
    source="linux/if.h (IFNAMSIZ); systemd.netdev(5), Name=",
    bad=Example(
        """
        networks: {bridge: bridge-of-vlans}
        """,
        at=_BRIDGE,
    ),
    good="""
        networks: {bridge: vlan-bridge}
    """,
)
def interface_name_too_long(cluster: Cluster) -> Iterable[Finding]:
    legs = (leg for host in cluster.hosts for leg in host.legs)
    longest = max(legs, key=lambda leg: len(leg.interface), default=None)
    if longest is not None and (length := len(longest.interface)) > _IFNAMSIZ:
        most = len(cluster.bridge) - length + _IFNAMSIZ
        yield Finding(
            f"bridge {cluster.bridge!r} and {longest.vlan} (id {longest.vlan.id}) make an interface "
            f"{longest.interface!r} of {length} characters, Linux takes {_IFNAMSIZ}",
            _BRIDGE,
            f"give the bridge a name of at most {most} characters",
            related=(
                Related(
                    f"the id of {longest.vlan}", SpecPath.of("networks", "vlans", longest.vlan.name, "id")
                ),
            ),
        )


@rule(
    "NET009",
    "interface-name-collision",
    summary="Two interfaces of a host have the same name: bridge, uplink, leg or tap.",
    rationale="""microvm.nix deletes an interface that has the name of the tap that it is about to make:
        starting a guest would take the bridge, the uplink or another guest off the network.""",
    source="microvm.nix, the tap-up script of lib/runners; its own assertion covers one guest only",
    bad=Example(
        """
        guests:
          k8s-master: {tap: vm-control}
          k8s-worker-1: {tap: vm-control}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "tap"),
    ),
    good="""
        guests:
          k8s-master: {tap: vm-control}
          k8s-worker-1: {tap: vm-work}
    """,
)
def interface_name_collision(cluster: Cluster) -> Iterable[Finding]:
    bridge = Use(cluster.bridge, "the bridge", _BRIDGE)
    for host in cluster.hosts:
        for earlier, use in used_again((bridge, *_interfaces(host))):
            what = f"have the name {use.value!r} on {host}"
            yield conflict(earlier, use, what, "give one of them another name")


def _interfaces(host: Host) -> Iterator[Use]:
    """Yield the interfaces of a host that the spec names, derived taps before pinned ones."""
    yield Use(host.uplink, f"the uplink of {host}", host.path / "uplink")
    # Legs with one name are in VLANs with one id, of which NET006 tells.
    for interface, leg in {leg.interface: leg for leg in host.legs}.items():
        yield Use(interface, f"the leg in {leg.vlan}", leg_path(host, leg))
    for guest in sorted(host.guests, key=lambda guest: "tap" in guest.identity.pinned):
        yield Use(guest.identity.tap, f"the tap of {guest}", _tap_path(guest))


def _tap_path(guest: Guest) -> SpecPath:
    return guest.path / "tap" if "tap" in guest.identity.pinned else guest.path


# Names with a meaning of their own, and on whom: the kernel's loopback and sysctl's words for every
# interface; and what flannel and the CNI plugins make and modules/kubernetes-node.nix keeps networkd off.
_TAKEN_EVERYWHERE = re.compile(r"lo|all|default")
_TAKEN_ON_NODES = re.compile(rf"{POD_BRIDGE}|flannel.*|cni.*|veth.*")


@rule(
    "NET010",
    "reserved-interface-name",
    summary="A bridge, uplink or tap has a name that the kernel or the pod network uses.",
    rationale="""`mynet`, `flannel*`, `cni*` and `veth*` are made by flannel and its CNI plugins, and networkd
        is told to leave them alone: a bridge or tap of such a name gets neither address nor VLAN. `lo` is
        there already; `all` and `default` mean every interface to sysctl.""",
    source="nixpkgs, services/cluster/kubernetes/flannel.nix (mynet); modules/kubernetes-node.nix",
    bad=Example(
        """
        guests:
          k8s-worker-1: {tap: veth-worker-1}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "tap"),
    ),
    good="""
        guests:
          k8s-worker-1: {tap: vm-worker-1}
    """,
)
def reserved_interface_name(cluster: Cluster) -> Iterable[Finding]:
    bridge = Use(cluster.bridge, "the bridge", _BRIDGE)
    any_node = any(host.membership is not None for host in cluster.hosts)
    yield from _reserved((bridge,), any_node)
    for host in cluster.hosts:
        # Legs are called after the bridge.
        of_bridge = (bridge.value, *(leg.interface for leg in host.legs))
        uses = [use for use in _interfaces(host) if use.value not in of_bridge]
        yield from _reserved(uses, host.membership is not None)


def _reserved(uses: Iterable[Use], on_node: bool) -> Iterator[Finding]:
    for use in uses:
        name = str(use.value)
        if (owner := _owner(name, on_node)) is not None:
            yield Finding(
                f"{use.who} is called {name!r}, a name that {owner} uses itself",
                use.path,
                "give it another name",
            )


def _owner(name: str, on_node: bool) -> str | None:
    """Return who uses an interface's name itself, if somebody does."""
    if _TAKEN_EVERYWHERE.fullmatch(name):
        return "Linux"
    return "the pod network of Kubernetes" if on_node and _TAKEN_ON_NODES.fullmatch(name) else None


# Links that are no Ethernet port, by how systemd, the kernel and programs name them, and why not.
_NO_PORTS = (
    (re.compile(r"wl.+|ww.+"), "is wireless: an access point takes frames from the card's own address only"),
    (re.compile(r"(?:wg|tun|ppp|ipip|gre|sit)[0-9].*|tailscale.*"), "is a tunnel, which carries no Ethernet"),
    (
        re.compile(r".+\.[0-9]{1,4}|vlan[0-9]+"),
        "is a VLAN already, in which the others would be tagged twice",
    ),
    (
        re.compile(r"(?:docker|cni|podman)[0-9]+|docker_.+|(?:vir|vm|lxc|lxd|incus|xen)?br(?:[0-9]+|-.+)"),
        "is a bridge, and Linux puts no bridge into another",
    ),
    (
        re.compile(r"(?:veth|vnet|tap|macvtap)[0-9a-z].*|vm-.+"),
        "is one end of a virtual machine or container",
    ),
    (re.compile(r"(?:dummy|ifb)[0-9]+"), "leads nowhere"),
)


@rule(
    "NET019",
    "uplink-that-is-no-port",
    summary="An uplink is called like a link that can not carry VLANs for a bridge.",
    rationale="""Linux puts no wireless card or tunnel into a bridge ("Operation not supported"), nor another
        bridge, as docker's or libvirt's ("Can not enslave a bridge to a bridge"); and what leaves by a VLAN's
        interface has that VLAN's tag around its own. The host would have no network, and nobody could log in
        to put it right.""",
    source="""systemd.net-naming-scheme(7) (en, wl, ww); Linux, net/bridge/br_if.c (br_add_if); IEEE
        802.1Q""",
    bad=Example(
        """
        hosts: {homelab: {uplink: wlp2s0}}
        """,
        at=SpecPath.of("hosts", "homelab", "uplink"),
    ),
    good="""
        hosts: {homelab: {uplink: enp2s0}}
    """,
)
def uplink_that_is_no_port(cluster: Cluster) -> Iterable[Finding]:
    for host in cluster.hosts:
        # NET009 and NET010 tell of names that something else on the host has.
        if host.uplink == cluster.bridge or _owner(host.uplink, host.membership is not None):
            continue
        reason = next((why for pattern, why in _NO_PORTS if pattern.fullmatch(host.uplink)), None)
        if reason is not None:
            yield Finding(
                f"the uplink of {host}, {host.uplink!r}, {reason}",
                host.path / "uplink",
                "name the network card: `networkctl` lists those of the type ether",
            )

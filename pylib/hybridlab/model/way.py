"""How the deployer gets in to a machine now, followed in the network that is to be; nothing here looks.

A way has to hold at the switch to the new system and after the next boot, and what networkd leaves behind
until then can cut it off, or hide that it will be. What is relied on (R: seen with networkd 252):

- networkd restarts where a netdev changes, and reloads where only networks do (nixpkgs, networkd.nix). It
  never removes a netdev whose file is gone (systemd-networkd.service(8), systemd/systemd#6600; R). A bridge
  or leg under a new name comes beside the old one, which keeps address and routes, while the uplink moves to
  the new bridge: answers leave over the older of two equal routes, to nowhere, until a reboot (R).
- An uplink under a wrong name leaves the right one a port of the bridge, and an address that is taken away
  can stay: a new connection is let in all the same, and none after the next boot (R).
- The VLANs of a bridge's port that are no longer listed are taken off it (systemd/systemd#29975).
- A .network file matches a link by an alternative name, too (systemd.network(5), Name=; R).
- A link has one VLAN device for each id (EEXIST), and a VLAN device on the uplink itself takes its frames
  before the bridge sees them (net/core/dev.c: vlan_do_receive comes before rx_handler).
- kube-proxy translates what begins a connection only, so a network of services over the deployer cuts nothing
  off; packets to the network of pods are routed to pods, whoever has the address.
"""

import re
from collections.abc import Iterator

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.access import Access, Break, Hop, fingerprint
from hybridlab.model.cluster import Cluster
from hybridlab.model.exposure import Firewall
from hybridlab.model.links import Route, default_route, leg_routes, leg_rules
from hybridlab.model.network import Leg, Vlan
from hybridlab.model.node import Guest, Host, Machine, leg_path
from hybridlab.spec.scalars import Address, in_url
from hybridlab.tables.ports import SSH

_SSH_FROM = SpecPath.of("admin", "sshFrom")
_SSH_KEYS = SpecPath.of("admin", "sshKeys")
_BRIDGE = SpecPath.of("networks", "bridge")
# What a guest's one interface is called in the generated files: inside, its VLAN has no other trace.
_GUEST_LINK = re.compile(r"vlan(\d+)")


def follow(cluster: Cluster, machine: Machine, access: Access) -> tuple[Break, ...]:
    """Return the hops at which the way in to `machine`, by which `access` came, ends in the new `cluster`.

    A guest is deployed by way of its host, so it may get another address or VLAN: then it is followed at that
    one. What is on the host, its bridge and uplink, is told when the host is followed, and not again.
    """
    return tuple(_breaks(cluster, machine, access))


def _breaks(cluster: Cluster, machine: Machine, access: Access) -> Iterator[Break]:
    match machine:
        case Guest():
            yield from _tag_of_guest(machine, access)
            yield from _packets(cluster, machine, machine.leg, access)
        case Host():
            leg = next((leg for leg in machine.legs if leg.address == access.address), None)
            if leg is None:
                if not access.address.is_loopback:
                    yield _address_gone(machine, access)
            elif not access.local:
                yield from _frames(cluster, machine, leg, access)
                yield from _packets(cluster, machine, leg, access)
    if access.port != SSH.port:
        yield Break(
            Hop.SSH_PORT,
            f"ssh is reached at port {access.port} now, and listens at port {SSH.port} in the new system",
            SpecPath.of("admin"),
            f"deploy over port {SSH.port}; if a NixOS module of your own keeps and opens {access.port}, "
            "--allow-cut",
        )
    yield from _key(cluster, access)


def _address_gone(host: Host, access: Access) -> Break:
    leg = next((leg for leg in host.legs if access.address in leg.vlan.network), None)
    if leg is None:
        return Break(
            Hop.ADDRESS,
            f"{host} is reached at {access.address} now, and has no address in that network in the spec",
            host.path / "addresses",
            "deploy over an address that stays; if this is its first deployment, be at the console, and "
            "--allow-cut",
        )
    return Break(
        Hop.ADDRESS,
        f"{host} is reached at {access.address} now, and has {leg.address} in {leg.vlan} in the spec",
        leg_path(host, leg),
        f"deploy over an address that stays, or be at the console: `{_boot(host, access)}`, reboot, and "
        f"reach it at {leg.address}",
    )


def _frames(cluster: Cluster, host: Host, leg: Leg, access: Access) -> Iterator[Break]:
    """Follow frames from the switch to the host's leg."""
    vlan = leg.vlan
    if access.vlan is None:
        yield Break(
            Hop.SWITCH_PORT,
            f"frames for {access.address} come untagged now, over {access.interface!r}, and are to come "
            f"tagged with {vlan.id} ({vlan})",
            _vlan_path(vlan) / "id",
            "make the switch's port a trunk first; then be at the console, and --allow-cut",
        )
    elif access.vlan != vlan.id:
        yield _other_tag(vlan, access.vlan)
    elif access.bridge == cluster.bridge and access.interface != leg.interface:
        yield Break(
            Hop.VLAN,
            f"{vlan} is on interface {access.interface!r} now, and on {leg.interface!r} in the spec: a "
            "bridge has one interface for each VLAN, so the new one can not be made before a reboot",
            leg_path(host, leg),
            _by_reboot(host, access),
        )
    if host.uplink not in access.carriers:
        yield _other_uplink(host, access)
    if access.bridge != cluster.bridge:
        bridge, interface = access.bridge, access.interface
        now = f"over bridge {bridge!r}" if bridge else f"to {interface!r} without a bridge"
        yield Break(
            Hop.BRIDGE,
            f"frames for {access.address} come {now} now, and over bridge {cluster.bridge!r} in the spec: "
            "until a reboot the old way keeps its address and routes, and answers go there",
            _BRIDGE,
            _by_reboot(host, access),
        )


def _by_reboot(host: Host, access: Access) -> str:
    """Advise what leaves nothing of what was before: a boot."""
    return f"let it come by a reboot, with the console at hand: `{_boot(host, access)}`, and reboot"


def _boot(host: Host, access: Access) -> str:
    """Return what makes the new system the one of the next boot, and switches nothing."""
    return f"nixos-rebuild boot --flake .#{host.name} --target-host root@{in_url(access.address)}"


def _other_tag(vlan: Vlan, now: int) -> Break:
    return Break(
        Hop.VLAN,
        f"frames of {vlan} come tagged with {now} now, and are to come with {vlan.id}",
        _vlan_path(vlan) / "id",
        "switch and router have to change in the same moment: add a second VLAN and an address in it, deploy "
        "over that, then change this one",
    )


def _other_uplink(host: Host, access: Access) -> Break:
    taps = {guest.identity.tap for guest in host.guests}
    now = ", ".join(repr(name) for name in sorted(access.carriers - taps)) or "no card"
    if host.uplink not in access.links:
        return Break(
            Hop.UPLINK,
            f"{host} has no link {host.uplink!r}, the uplink of the spec: frames come over {now} now",
            host.path / "uplink",
            "`ip link` on the host shows its links, with alternative names",
        )
    return Break(
        Hop.UPLINK,
        f"frames come over {now} now, and over {host.uplink!r} in the spec",
        host.path / "uplink",
        f"if {host.uplink!r} is plugged into a trunk port, too: be at the console, and --allow-cut",
    )


def _tag_of_guest(guest: Guest, access: Access) -> Iterator[Break]:
    """A guest that keeps its address stays in its VLAN, which may get another id."""
    named = _GUEST_LINK.fullmatch(access.interface)
    if named and guest.leg.address == access.address and int(named[1]) != guest.leg.vlan.id:
        yield _other_tag(guest.leg.vlan, int(named[1]))


def _packets(cluster: Cluster, machine: Machine, leg: Leg, access: Access) -> Iterator[Break]:
    """Follow packets into the leg, and the answers out of it."""
    source = access.source
    home = _home(cluster, source)
    # A guest can move to another VLAN, of whose router nothing is known now.
    stays = isinstance(machine, Host) or access.address in leg.vlan.network
    if not _let_in(cluster, machine, leg, source):
        yield _refused(cluster, leg, access, home, stays)
        if home is None:
            return
    match _way_back(cluster, machine, leg, source):
        case None:
            yield Break(
                Hop.WAY_BACK,
                f"answers to the deployer ({source}) go through the gateway of {leg.vlan}, which has none in "
                "the spec",
                _vlan_path(leg.vlan) / "gateway",
                f"give {leg.vlan} its gateway, or deploy from inside it",
            )
        case _Pods():
            yield Break(
                Hop.WAY_BACK,
                f"answers to the deployer ({source}) go to the network of pods in the spec, which has this "
                "address in it",
                SpecPath.of("kubernetes", "podCidr"),
                "take a network that nobody else has",
            )
        case Route() as route if stays:
            yield from _other_way(leg.vlan, route, access)


def _home(cluster: Cluster, source: Address) -> Vlan | None:
    """Return the VLAN that has this address: of several, the one with the smallest network."""
    holding = (vlan for vlan in cluster.vlans if source in vlan.network)
    return max(holding, key=lambda vlan: vlan.network.prefixlen, default=None)


def _let_in(cluster: Cluster, machine: Machine, leg: Leg, source: Address) -> bool:
    """Whether the input chain takes ssh; modules/firewall.nix lets in anyone where no source is named."""
    return any(
        (opening.interface, opening.port, opening.protocol) == (leg.interface, SSH.port, SSH.protocol)
        and (not opening.sources or any(source in network for network in opening.sources))
        for opening in cluster.firewalls.get(machine.name, Firewall()).openings
    )


def _refused(cluster: Cluster, leg: Leg, access: Access, home: Vlan | None, stays: bool) -> Break:
    if home is None and access.gateway is None and stays:
        return Break(
            Hop.FIREWALL,
            f"the deployer ({access.source}) is on the wire of {leg.vlan} now, and not in its network "
            f"{leg.vlan.network} in the spec, so that ssh is refused",
            _vlan_path(leg.vlan) / "cidr",
            f"take a network with {access.source} in it, or give the deployer an address of "
            f"{leg.vlan.network} first",
        )
    allowed = ", ".join(f"{vlan} ({vlan.network})" for vlan in cluster.admin.vlans) or "nowhere"
    place = "no VLAN of the spec" if home is None else str(home)
    return Break(
        Hop.FIREWALL,
        f"ssh is let in from {allowed} in the spec, and the deployer ({access.source}) is in {place}",
        _SSH_FROM,
        "deploy from a machine in one of these" if home is None else f"add {home.name!r} to it",
    )


@frozen
class _Pods:
    """The way to the pods of this node and, through the tunnel, of others."""


def _way_back(cluster: Cluster, machine: Machine, leg: Leg, source: Address) -> Route | _Pods | None:
    """Return how the machine answers `source` from the address of `leg`; None if it can not."""
    match machine:
        case Guest():
            # One table; the routes to pods are longer than the default one, and learned from the cluster.
            if machine.membership and cluster.kubernetes and source in cluster.kubernetes.pod_network:
                return _Pods()
            direct = Route(leg.interface, destination=leg.vlan.network)
            routes = [route for route in (direct, default_route(machine)) if route is not None]
        case Host():
            rules = [rule for each in machine.legs for rule in leg_rules(cluster, machine, each)]
            table = next(
                rule.table
                for rule in sorted(rules, key=lambda rule: rule.priority)
                if rule.mark is None
                and rule.source in (None, leg.address)
                and (rule.destination is None or source in rule.destination)
            )
            if table is None:
                return _Pods()
            routes = [route for each in machine.legs for route in leg_routes(each) if route.table == table]
    fits = (route for route in routes if route.destination is None or source in route.destination)
    return max(fits, key=lambda route: route.destination is not None, default=None)


def _other_way(vlan: Vlan, route: Route, access: Access) -> Iterator[Break]:
    """What answers our question now is proven; another router, or none, is not."""
    now, then = access.gateway, route.gateway
    # A router that announces itself does so under its link-local address, which says nothing of the other.
    if now == then or (now is not None and now.is_link_local):
        return
    ways = [f"through {gateway}" if gateway else "straight to it" for gateway in (now, then)]
    moved = now is not None and then is not None
    yield Break(
        Hop.WAY_BACK,
        f"answers to the deployer ({access.source}) go {ways[0]} now, and {ways[1]} in the spec",
        _vlan_path(vlan) / ("gateway" if moved else "cidr"),
        f"if the router answers at {then} already, deploy from inside {vlan}, or --allow-cut"
        if moved
        else f"whoever is on the wire of {vlan} has to be in its network, and nobody else",
    )


def _key(cluster: Cluster, access: Access) -> Iterator[Break]:
    """Follow the login: root takes the keys of the spec, and has no password."""
    taken = {fingerprint(key) for key in cluster.admin.ssh_keys}
    shown = {*access.held, *([access.key] if access.key else [])}
    if taken & shown or (taken and not shown):
        return
    if access.key is None:
        message = f"none of the keys that ssh shows ({', '.join(sorted(shown))}) is in the spec"
    else:
        message = f"the key {access.key} lets us in now, and is not in the spec"
    yield Break(
        Hop.SSH_KEY,
        message if shown else "no key is in the spec, so nobody is let in",
        _SSH_KEYS,
        "leave the old key in until the new one has let you in: `ssh-add -l` shows those of your agent",
    )


def _vlan_path(vlan: Vlan) -> SpecPath:
    return SpecPath.of("networks", "vlans", vlan.name)

"""The chain from a machine that is off to a node that runs pods, link by link, derived from the model.

Each link is one check or some, in the order in which the one makes the other possible; where `verify` has a
check for it, it is that one. The pod network comes before Ready: with NixOS's kubelet, whose CNI
configuration is always there, a node becomes Ready without flannel, but not without what flannel waits for.
"""

import enum
from collections.abc import Iterator, Mapping

from attrs import evolve, frozen

from hybridlab.live.chain import own
from hybridlab.live.checks.all import all_checks
from hybridlab.live.checks.certificates import same_ca
from hybridlab.live.checks.check import Check, Key
from hybridlab.live.checks.cluster import exists
from hybridlab.live.checks.loaded import LOADED
from hybridlab.live.checks.microvms import guest_unit
from hybridlab.live.checks.node_programs import (
    active,
    api_reachable,
    api_ready,
    certificates_there,
    cfssl_reachable,
    kubelet_healthy,
)
from hybridlab.live.checks.secrets import token_path, units_of_secrets
from hybridlab.live.checks.selection import login
from hybridlab.model.cluster import Cluster, Node
from hybridlab.model.delivery import delivered
from hybridlab.model.node import Guest

DECRYPT, DELIVER = "sops-install-secrets.service", "hybridlab-join-token.service"
BOOTSTRAP = "kube-certmgr-bootstrap.service"  # fetches the CA where there is none, whenever certmgr starts
_LINKED = "/var/lib/kubernetes/secrets/apitoken.secret"  # on a control plane, to cfssl's (pki.nix)

Unit = tuple[str, str]  # a machine and a unit there


class Link(enum.Enum):
    """What a step of the chain belongs to, as it is told."""

    BOOTED = "guest booted"
    ADDRESS = "address"
    LOGIN = "ssh"
    NAME = "names"
    CFSSL = "cfssl"
    TOKEN = "join token"
    CA = "CA known"
    CERTIFICATE = "certificate"
    ETCD = "etcd"
    API = "API server"
    CONTAINERD = "containerd"
    KUBELET = "kubelet"
    OBJECT = "node object"
    NETWORK = "pod network"
    READY = "Ready"


@frozen
class Step:
    """A check of the chain; `units`: whose journals say why it is not well.

    `shown_by`: a later check that shows, if it is well, that this one is, too, should nobody have been able
    to look. `beside`: checks that are no links, but may tell the reason.
    """

    link: Link
    check: Check
    units: tuple[Unit, ...] = ()
    shown_by: Key | None = None
    beside: tuple[Check, ...] = ()


@frozen
class _Place:
    """Where a step is in the chain, before its checks are found."""

    link: Link
    what: Key | Check
    units: tuple[Unit, ...] = ()
    shown_by: Key | None = None
    beside: tuple[Key, ...] = ()


def chain(cluster: Cluster, node: Node) -> tuple[Step, ...]:
    """Return the chain of a node of a cluster that has Kubernetes.

    Its checks need each other no more: the order does that.
    """
    known = {check.key: check for check in all_checks(cluster)}
    return tuple(_step(place, known) for place in _places(cluster, node) if _has(place, known))


def _has(place: _Place, known: Mapping[Key, Check]) -> bool:
    """Whether this cluster has such a check: one without secrets has none of the token."""
    return isinstance(place.what, Check) or place.what in known


def _step(place: _Place, known: Mapping[Key, Check]) -> Step:
    check = place.what if isinstance(place.what, Check) else evolve(known[place.what], needs=())
    beside = tuple(evolve(known[key], needs=()) for key in place.beside if key in known)
    return Step(place.link, check, place.units, place.shown_by, beside)


def _places(cluster: Cluster, node: Node) -> Iterator[_Place]:
    yield from _machine(node)
    yield _Place(Link.NAME, Key("names", node.name))
    is_first = node.name == cluster.control_plane[0].name
    if is_first:
        # The certificate authority needs the token, and the rest its certificates.
        yield from _token(cluster, node)
        yield from _authority(cluster, node)
        yield from _certificate(cluster, node)
        yield from _api_server(cluster, node)
        yield from _kubelet(node)
    else:
        yield from _authority(cluster, node)
        yield from _token(cluster, node)
        yield from _certificate(cluster, node)
        yield from _kubelet(node)
        yield from _api_server(cluster, node)
    yield from _object(cluster, node)


def _machine(node: Node) -> Iterator[_Place]:
    name, leg = node.name, node.membership.leg
    if isinstance(node.machine, Guest):
        guest, host = node.machine, node.machine.host
        runner: tuple[Unit, ...] = ((host, f"microvm@{name}.service"),)
        shown_by, full = login(name), (Key("disk", host),)
        yield _Place(Link.BOOTED, guest_unit(guest), runner, shown_by, full)
        yield _Place(Link.BOOTED, Key("guest.current", host, name), (), shown_by)
        yield _Place(Link.ADDRESS, own.host_ping(guest), runner, shown_by)
        yield _Place(Link.LOGIN, login(name), runner)
    else:
        yield _Place(Link.LOGIN, login(name))
    yield _Place(Link.LOGIN, Key("hostname", name))
    yield _Place(Link.ADDRESS, Key("address", name, leg.interface), ((name, "systemd-networkd.service"),))


def _authority(cluster: Cluster, node: Node) -> Iterator[_Place]:
    first = cluster.control_plane[0].name
    journal: tuple[Unit, ...] = ((first, "cfssl.service"),)
    if node.name == first:
        yield _Place(Link.CFSSL, active(first, "cfssl"), journal, None, (Key("disk", first),))
    beside = (active(first, "cfssl"), *_firewall(cluster, node, cluster.cfssl_url))
    yield _Place(Link.CFSSL, cfssl_reachable(node.name), journal, None, beside)


def _firewall(cluster: Cluster, node: Node, url: str) -> tuple[Key, ...]:
    """Return the checks of what lets a node in at the control plane, where it asks there for `url`."""
    first = cluster.control_plane[0].name
    if node.name == first:
        return ()
    port = f"{url.rpartition(':')[2]}/tcp"
    openings = (f"{port} on {one.interface}" for one in cluster.firewalls[first].openings)
    return (
        Key(LOADED, first),
        Key("firewall.input", first),
        *(Key("firewall.opening", first, subject) for subject in dict.fromkeys(openings)),
    )


def _token(cluster: Cluster, node: Node) -> Iterator[_Place]:
    name, first = node.name, cluster.control_plane[0]
    kubernetes = cluster.kubernetes
    decrypt: tuple[Unit, ...] = (
        ((name, DECRYPT),) if DECRYPT in units_of_secrets(cluster, node.machine) else ()
    )
    deliver: tuple[Unit, ...] = ((name, DELIVER),)
    yield _Place(Link.TOKEN, Key("unit.active", name, DECRYPT), decrypt)
    for secret in delivered(cluster, node.machine):
        if kubernetes is not None and secret.name == kubernetes.join_token:
            yield _Place(Link.TOKEN, Key("secret.file", name, secret.path), decrypt)
    yield _Place(Link.TOKEN, Key("unit.active", name, DELIVER), deliver)
    yield _Place(Link.TOKEN, Key("secret.file", name, token_path(node)), deliver)
    if token_path(node) != _LINKED:
        yield _Place(Link.TOKEN, Key("secret.file", name, _LINKED), ((name, BOOTSTRAP),))
    if name != first.name:
        yield _Place(Link.TOKEN, Key("secret.file", first.name, token_path(first)), ((first.name, DELIVER),))
        yield _Place(Link.TOKEN, Key("token.same", name), ((name, "certmgr.service"),))


def _certificate(cluster: Cluster, node: Node) -> Iterator[_Place]:
    name, first = node.name, cluster.control_plane[0].name
    certmgr: tuple[Unit, ...] = ((name, "certmgr.service"),)
    both: tuple[Unit, ...] = (*certmgr, (first, "cfssl.service"))
    clocks = tuple(dict.fromkeys((Key("clock", name), Key("clock", first))))
    yield _Place(Link.CA, own.ca_there(node), ((name, BOOTSTRAP), *certmgr), None, clocks)
    yield _Place(Link.CA, same_ca(name), ((name, "kubelet.service"), *certmgr))
    yield _Place(Link.CERTIFICATE, active(name, "certmgr"), both, None, clocks)
    yield _Place(Link.CERTIFICATE, certificates_there(name), both, None, clocks)
    yield _Place(Link.CERTIFICATE, own.own_certificate(node), both, None, clocks)


def _kubelet(node: Node) -> Iterator[_Place]:
    name = node.name
    journal: tuple[Unit, ...] = ((name, "kubelet.service"),)
    full = (Key("disk", name),)
    yield _Place(Link.CONTAINERD, active(name, "containerd"), ((name, "containerd.service"),), None, full)
    yield _Place(Link.KUBELET, Key("swap", name), journal)
    yield _Place(Link.KUBELET, active(name, "kubelet"), journal, None, full)
    yield _Place(Link.KUBELET, kubelet_healthy(name), journal, None, full)


def _api_server(cluster: Cluster, node: Node) -> Iterator[_Place]:
    first = cluster.control_plane[0].name
    server: tuple[Unit, ...] = ((first, "kube-apiserver.service"),)
    if node.name == first:
        yield _Place(
            Link.ETCD, active(first, "etcd"), ((first, "etcd.service"),), None, (Key("disk", first),)
        )
        yield _Place(Link.API, active(first, "kube-apiserver"), server)
    beside = (active(first, "kube-apiserver"), *_firewall(cluster, node, cluster.api_url))
    yield _Place(Link.API, api_reachable(node.name), ((node.name, "kubelet.service"),), None, beside)
    yield _Place(Link.API, api_ready(cluster), (*server, (first, "etcd.service")))


def _object(cluster: Cluster, node: Node) -> Iterator[_Place]:
    name, first = node.name, cluster.control_plane[0].name
    kubelet: tuple[Unit, ...] = ((name, "kubelet.service"),)
    clocks = tuple(dict.fromkeys((Key("clock", name), Key("clock", first))))
    yield _Place(Link.OBJECT, exists(name), kubelet, None, (Key("nodes.known"), *clocks))
    yield _Place(Link.OBJECT, Key("node.address", name), kubelet)
    giver: tuple[Unit, ...] = ((first, "kube-controller-manager.service"),)
    yield _Place(
        Link.NETWORK, Key("node.pod-network", name), giver, None, (active(first, "kube-controller-manager"),)
    )
    flannel: tuple[Unit, ...] = ((name, "flannel.service"),)
    yield _Place(Link.NETWORK, active(name, "flannel"), flannel)
    yield _Place(Link.NETWORK, own.subnet_there(node), flannel)
    yield _Place(Link.READY, Key("node.ready", name), (*kubelet, (name, "containerd.service")), None, clocks)

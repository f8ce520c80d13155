"""Checks of Services: that they are as the spec says, have pods behind them, and answer at their NodePorts.

A NodePort is tried from here, if this machine is in a VLAN that may use it, and from a machine in each of
these VLANs.
"""

from collections.abc import Iterator

from attrs import frozen

from hybridlab.live.checks import answers, node_programs, own_manifests, parts, programs
from hybridlab.live.checks.answers import Object, count, fetched, find, listed, text, understanding
from hybridlab.live.checks.check import (
    Check,
    Connect,
    Connected,
    Failed,
    Key,
    Ok,
    Phase,
    Refused,
    Skipped,
    Source,
    SourceAddress,
    Verdict,
)
from hybridlab.live.checks.programs import APPLY
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Cluster, Node
from hybridlab.model.network import Vlan
from hybridlab.model.node import Machine
from hybridlab.model.plain import items, mapping
from hybridlab.model.workload import App, Exposure, Manifests, service_type
from hybridlab.spec.scalars import Address, in_url

_OF_SERVICE = "kubernetes.io/service-name"  # discovery/v1, LabelServiceName


@frozen
class Exposed:
    """A NodePort that VLANs may use, the nodes that its pods may run on, and what it needs to answer."""

    title: str
    exposure: Exposure
    is_udp: bool
    places: tuple[str, ...]
    needs: tuple[Key, ...]


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield the checks of the Services of all workloads, and of all their NodePorts."""
    for app in cluster.apps:
        if app.endpoints:
            yield _as_described(cluster, app)
            yield _endpoints(cluster, app)
    for found in _exposed(cluster):
        yield from _node_port(cluster, found)


def described(app: App) -> Key:
    return Key("service.as-described", None, _title(app))


def endpoints_ready(app: App) -> Key:
    """Return what identifies the check that a workload answers inside the cluster."""
    return Key("service.endpoints", None, _title(app))


def _title(app: App) -> str:
    return f"Service {app.namespace}/{app.name}"


def _as_described(cluster: Cluster, app: App) -> Check:
    kind = service_type(app)
    wanted = {
        (
            endpoint.name,
            endpoint.service.protocol.value.upper(),
            endpoint.service.port,
            endpoint.exposure.node_port if endpoint.exposure else None,
        )
        for endpoint in app.endpoints
    }

    @understanding
    def judge(output: Output) -> Verdict:
        found = find(output, "Service", app.namespace, app.name)
        if found is None:
            return Failed(_title(app), "none", APPLY)
        found_kind, ports = text(found, "spec", "type"), set(_ports(found, kind == "NodePort", wanted))
        if (found_kind, ports) == (kind, wanted):
            return Ok(_say(kind, wanted))
        return Failed(_say(kind, wanted), _say(found_kind, ports), f"somebody has changed it: {APPLY}")

    return Check(
        described(app),
        Phase.WORKLOADS,
        f"{_title(app)} is {_say(kind, wanted)}",
        (answers.objects(cluster),),
        judge,
        (node_programs.api_ready(cluster), programs.namespace_exists(app.namespace)),
    )


_Port = tuple[str, str, int, int | None]


def _ports(service: Object, with_node_ports: bool, wanted: set[_Port]) -> Iterator[_Port]:
    chosen = {(port[0], port[1]) for port in wanted if port[3] is None}
    for port in map(mapping, items(mapping(service.get("spec")).get("ports"))):
        name, protocol = text(port, "name"), text(port, "protocol") or "TCP"
        # Of a NodePort that the spec leaves open, the API server has chosen the number.
        ignored = not with_node_ports or (name, protocol) in chosen
        yield name, protocol, count(port, "port"), None if ignored else count(port, "nodePort") or None


def _say(kind: str, ports: set[_Port]) -> str:
    said = [
        f"{name} {port}/{protocol.lower()}{f' at {node_port}' if node_port else ''}"
        for name, protocol, port, node_port in sorted(ports, key=str)
    ]
    return f"{kind or 'no type'}, {', '.join(said) or 'no ports'}"


def _endpoints(cluster: Cluster, app: App) -> Check:
    @understanding
    def judge(output: Output) -> Verdict:
        slices = [
            one
            for one in listed(output, "EndpointSlice")
            if answers.namespace_of(one) == app.namespace
            and text(one, "metadata", "labels", _OF_SERVICE) == app.name
        ]
        ready = {
            address
            for one in slices
            for endpoint in map(mapping, items(one.get("endpoints")))
            if answers.at(endpoint, "conditions", "ready") is not False
            for address in items(endpoint.get("addresses"))
            if isinstance(address, str)
        }
        if ready:
            return Ok(f"{len(ready)} pods")
        return Failed(
            "a ready pod behind it",
            "none",
            f"its selector finds no pod: `kubectl get --namespace={app.namespace} --output=wide "
            f"service,pods,endpointslices`; {APPLY}",
        )

    [program] = programs.programs(app)
    needs = (program.key("object.available"), described(app)) if program.replicas else ()
    return Check(
        endpoints_ready(app),
        Phase.WORKLOADS,
        f"{_title(app)} leads to ready pods",
        (answers.objects(cluster),),
        judge if program.replicas else lambda _: Skipped("the spec wants no pods"),
        needs,
    )


def _exposed(cluster: Cluster) -> Iterator[Exposed]:
    for workload in cluster.workloads:
        if isinstance(workload, Manifests):
            places = tuple({name: None for pods in workload.pods for name in pods.nodes})
            for exposure in workload.exposures:
                ports = [port for port in workload.ports if port.node_port == exposure.node_port]
                for protocol in sorted({port.protocol.value for port in ports}):
                    title = f"{exposure.node_port}/{protocol}"
                    needs = tuple(own_manifests.behind(workload, ports))
                    yield Exposed(title, exposure, protocol == "udp", places, needs)
        elif isinstance(workload, App):
            for endpoint in workload.endpoints:
                if (exposed := endpoint.exposure) is not None:
                    protocol = endpoint.service.protocol.value
                    title = f"{exposed.node_port}/{protocol}"
                    ready = (endpoints_ready(workload),)
                    yield Exposed(title, exposed, protocol == "udp", workload.nodes, ready)


def _node_port(cluster: Cluster, found: Exposed) -> Iterator[Check]:
    if found.is_udp:
        yield Check(
            Key("port.answers", None, found.title),
            Phase.WORKLOADS,
            f"NodePort {found.title} answers",
            (),
            lambda: Skipped("over UDP, what takes a packet need not answer"),
        )
        return
    for node in cluster.nodes:
        yield _from_here(cluster, found, node)
    for vlan in found.exposure.vlans:
        yield _from_vlan(cluster, found, vlan)


def _needs(found: Exposed, node: Node) -> tuple[Key, ...]:
    """Return what a NodePort needs on the node whose address it is asked at."""
    units = (node_programs.active(node.name, unit) for unit in ("kube-proxy", "flannel"))
    return (*found.needs, *units)


def _from_here(cluster: Cluster, found: Exposed, node: Node) -> Check:
    port, vlans = found.exposure.node_port, found.exposure.vlans

    def judge(source: SourceAddress | Refused, answer: Connected | Refused) -> Verdict:
        if isinstance(source, Refused):
            return Skipped(f"there is no way from here: {source.how}")
        if not any(source.address in vlan.network for vlan in vlans):
            names = ", ".join(vlan.name for vlan in vlans)
            return Skipped(
                f"this machine ({source.address}) is in none of the VLANs that may use it: {names}"
            )
        if isinstance(answer, Connected):
            return Ok()
        return Failed("an answer", answer.how, _advice(node, port))

    return Check(
        Key("port.answers", node.name, found.title),
        Phase.WORKLOADS,
        f"NodePort {found.title} answers here at {node.address}",
        (Source(node.address), Connect(node.address, port)),
        judge,
        _needs(found, node),
    )


def _from_vlan(cluster: Cluster, found: Exposed, vlan: Vlan) -> Check:
    port = found.exposure.node_port
    nodes = {node.name: node for node in cluster.nodes}
    target = next((nodes[name] for name in found.places if name in nodes), cluster.nodes[0])
    key = Key("port.answers", None, f"{found.title} from {vlan.name}")
    title = f"NodePort {found.title} answers in VLAN {vlan.name}"
    askers = [m for m in cluster.machines if m.name != target.name and _address_in(vlan, m) is not None]
    if not askers:
        reason = f"no other machine of the spec is in VLAN {vlan.name}"
        return Check(key, Phase.WORKLOADS, title, (), lambda: Skipped(reason))
    # One that runs none of its pods shows more: a packet for it crosses the network twice.
    asker = min(askers, key=lambda machine: (machine.name in found.places, machine.name))
    address = _address_in(vlan, target.machine) or target.address
    url = f"http://{in_url(address)}:{port}/"

    @understanding
    def judge(output: Output) -> Verdict:
        answer = fetched(output)
        if answer.connected:
            return Ok(f"from {asker.name}")
        return Failed(f"an answer at {address} to {asker.name}", answer.why, _advice(target, port))

    return Check(
        key,
        Phase.WORKLOADS,
        title,
        (answers.curl(asker.name, url, "--head"),),
        judge,
        _needs(found, target),
    )


def _address_in(vlan: Vlan, machine: Machine) -> Address | None:
    return next((leg.address for leg in machine.legs if leg.vlan == vlan), None)


def _advice(node: Node, port: int) -> str:
    # kube-proxy writes it with iptables-nft, and with NixOS's nftables firewall root has no iptables.
    family = "ip6" if node.address.version == 6 else "ip"
    return (
        f"`hybridlab verify --phase network {node.name}` looks at its firewall; "
        f"{parts.logs(node.name, 'kube-proxy')}; `nft list table {family} nat | grep {port}` there"
    )

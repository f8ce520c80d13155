"""Services in the user's own manifests: NodePorts that firewalls know, pods behind them, their addresses."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.conditions import holds
from hybridlab.model.labelled import PodsByLabel
from hybridlab.model.plain import items, mapping, texts
from hybridlab.model.workload import KubernetesObject
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.uses import Use, conflict, used_again
from hybridlab.rules.wording import labels, listed
from hybridlab.tables import apis
from hybridlab.tables.choices import SELECTOR_OPERATORS
from hybridlab.tables.ports import NODE_PORTS

_EXPOSED = "workloads: {own: {type: manifests, folder: own, expose: [{nodePort: 30080, from: [services]}]}}"
_SPEC = OWN_DOCUMENT / "spec"
_PODS = """
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: page, namespace: default, labels: {app: page}}
        spec: {containers: [{name: page, image: "nginx:1.29.1"}]}
"""
_SERVICE = """
        apiVersion: v1
        kind: Service
        metadata: {name: page, namespace: default}
        spec:
          type: NodePort
          selector: {app: page}
          ports: [{port: 80, nodePort: 30080}]"""
_INSIDE = _SERVICE.replace("type: NodePort", "type: ClusterIP").replace(", nodePort: 30080", "")


@rule(
    "MAN008",
    "node-port-for-nobody",
    severity=Severity.WARNING,
    summary="A Service has a NodePort that `expose` does not list.",
    rationale="""The firewall of every node refuses what is not listed, so the port is there for nobody.""",
    source="docs/decisions/0003: NodePorts are guarded before DNAT",
    bad=Example(OWN, at=_SPEC / "ports" / 0 / "nodePort", manifest=_SERVICE + _PODS),
    good=_EXPOSED,
    good_manifest=_SERVICE + _PODS,
)
def node_port_for_nobody(cluster: Cluster) -> Iterable[Finding]:
    for workload in cluster.manifests:
        exposed = {exposure.node_port for exposure in workload.exposures}
        for port in workload.ports:
            if port.node_port is not None and port.node_port not in exposed:
                yield Finding(
                    f"{port} has NodePort {port.node_port}, which `expose` of {workload} lets nobody use",
                    port.path / "nodePort",
                    f"add `expose: [{{nodePort: {port.node_port}, from: [VLAN]}}]` to {workload.path}",
                    related=(Related(f"{workload}", workload.path),),
                )


@rule(
    "MAN009",
    "node-port-of-no-service",
    summary="A folder of manifests exposes a NodePort that none of its Services has.",
    rationale="The firewall would open a port behind which nothing is, or somebody else's.",
    source="docs/decisions/0003: every opening has a flow",
    bad=Example(
        _EXPOSED,
        at=SpecPath.of("workloads", "own", "expose", 0, "nodePort"),
        manifest=_INSIDE + _PODS,
    ),
    good=_EXPOSED,
    good_manifest=_SERVICE + _PODS,
)
def node_port_of_no_service(cluster: Cluster) -> Iterable[Finding]:
    for workload in cluster.manifests:
        have = sorted({port.node_port for port in workload.ports if port.node_port is not None})
        for exposure in workload.exposures:
            if exposure.node_port not in have:
                yield Finding(
                    f"{workload} exposes NodePort {exposure.node_port}, which none of its Services has",
                    exposure.path / "nodePort",
                    f"they have {listed(have)}" if have else "give the port of a Service this nodePort",
                )


@rule(
    "MAN010",
    "node-port-by-chance",
    severity=Severity.WARNING,
    summary="A Service wants a NodePort and does not say which.",
    rationale="""The API server then takes any that is free, which no firewall knows of, and which may be the
        one that another workload asks for later.""",
    source="Kubernetes docs, Service: avoiding collisions of NodePorts",
    bad=Example(
        OWN, at=_SPEC / "ports" / 0 / "port", manifest=_SERVICE.replace(", nodePort: 30080", "") + _PODS
    ),
    good=OWN,
    good_manifest=_INSIDE + _PODS,
)
def node_port_by_chance(cluster: Cluster) -> Iterable[Finding]:
    for workload in cluster.manifests:
        for port in workload.ports:
            if port.is_node_port and port.node_port is None:
                yield Finding(
                    f"{port} leaves the NodePort of its port {port.port} to chance",
                    port.path / "port",
                    f"write nodePort: {NODE_PORTS[0]} to {NODE_PORTS[-1]}, or type: ClusterIP",
                )


@rule(
    "MAN011",
    "service-without-pods",
    severity=Severity.WARNING,
    summary="A Service selects labels that no pods of its namespace have.",
    rationale="""It gets an address, and behind it is nothing: every connection is refused.""",
    source="Kubernetes docs, Debug Services: does the Service have any EndpointSlices",
    bad=Example(OWN, at=_SPEC / "selector", manifest=_INSIDE.replace("{app: page}", "{app: pages}") + _PODS),
    good=OWN,
    good_manifest=_INSIDE + _PODS,
)
def service_without_pods(cluster: Cluster) -> Iterable[Finding]:
    pods = PodsByLabel.of(cluster)
    # What an object of a kind that we do not know makes, we do not know either.
    unknown = {one.workload for one in cluster.objects if one.group not in apis.BUILT_IN_GROUPS}
    for one in _services(cluster):
        selector = texts(one.spec.get("selector"))
        # One of type ExternalName is but a name for another: nobody looks at its selector.
        if not selector or one.workload in unknown or one.spec.get("type") == "ExternalName":
            continue
        if not pods.selected(one.namespace, selector):
            alike = pods.most_alike(one.namespace, selector)
            closest = None if alike is None else alike.labels
            yield Finding(
                f"{one} selects {labels(selector)}, and no pods in its namespace have that",
                one.path / "spec" / "selector",
                f"there are pods with {labels(closest)}"
                if closest
                else "select the labels of pods that there are",
                on_key=True,
            )


@rule(
    "MAN012",
    "cluster-ip",
    summary="A Service has a fixed address that it can not have.",
    rationale="""The API server refuses an address outside of the network of services, and one that is taken:
        the first is its own, one is the cluster's DNS.""",
    source="Kubernetes docs, Service: choosing your own IP address; nixpkgs, addons/dns.nix",
    bad=Example(
        OWN,
        at=_SPEC / "clusterIP",
        manifest=_INSIDE.replace("selector:", "clusterIP: 10.244.0.10\n          selector:") + _PODS,
    ),
    good=OWN,
    good_manifest=_INSIDE.replace("selector:", "clusterIP: 10.97.0.30\n          selector:") + _PODS,
)
def cluster_ip(cluster: Cluster) -> Iterable[Finding]:
    kubernetes = cluster.kubernetes
    if kubernetes is None:
        return
    network = kubernetes.service_network
    taken = {str(kubernetes.api_address): "the API server", str(kubernetes.dns_address): "the cluster's DNS"}
    uses: list[Use] = []
    for one in _services(cluster):
        address = one.spec.get("clusterIP")
        if not isinstance(address, str) or address in ("", "None"):
            continue
        path = one.path / "spec" / "clusterIP"
        try:
            inside = ip_address(address) in network
        except ValueError:
            yield Finding(f"{one} has the address {address!r}, which is none", path, "leave it out")
            continue
        if not inside:
            yield Finding(
                f"{one} has address {address}, outside of the network of services, {network}",
                path,
                "leave it out: the API server then chooses one",
                related=(Related("the network of services", SpecPath.of("kubernetes", "serviceCidr")),),
            )
        elif address in taken:
            yield Finding(f"{one} has address {address}, that of {taken[address]}", path, "leave it out")
        else:
            uses.append(Use(address, str(one), path))
    for earlier, use in used_again(uses):
        yield conflict(earlier, use, f"have address {use.value}", "leave one of them out")


@rule(
    "MAN013",
    "selector-does-not-match-template",
    summary="A workload in a manifest selects other pods than it makes.",
    rationale="""A Deployment and the like find their pods by labels. The API server refuses one whose
        template does not have those that it selects.""",
    source="Kubernetes docs, Deployments: Selector",
    bad=Example(
        OWN,
        at=_SPEC / "selector",
        manifest="""
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: page, namespace: default}
        spec:
          selector: {matchLabels: {app: page}}
          template:
            metadata: {labels: {app: pages}}
            spec: {containers: [{name: page, image: "nginx:1.29.1"}]}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: page, namespace: default}
        spec:
          selector: {matchLabels: {app: page}}
          template:
            metadata: {labels: {app: page, tier: web}}
            spec: {containers: [{name: page, image: "nginx:1.29.1"}]}
    """,
)
def selector_does_not_match_template(cluster: Cluster) -> Iterable[Finding]:
    for one in cluster.objects:
        if one.group != "apps" and one.kind != "ReplicationController":
            continue
        spec = one.spec
        if not mapping(spec.get("template")):
            continue  # a template that is missing, or called otherwise, is another matter
        selector = mapping(spec.get("selector"))
        has = texts(mapping(mapping(spec.get("template")).get("metadata")).get("labels"))
        wanted = texts(selector.get("matchLabels") if one.group else selector)
        conditions = items(selector.get("matchExpressions")) if one.group else []
        # An operator that does not exist is another matter.
        known = (c for c in map(mapping, conditions) if c.get("operator") in SELECTOR_OPERATORS)
        failed = next((condition for condition in known if not holds(condition, has)), None)
        if not wanted.items() <= has.items() or failed is not None:
            what = labels(wanted) if failed is None else _condition(failed)
            yield Finding(
                f"{one} selects {what}, and its pods have {labels(has) or 'no labels'}",
                one.path / "spec" / "selector",
                "give the template these labels",
                on_key=True,
                related=(Related("its pods", one.path / "spec" / "template"),),
            )


def _condition(expression: Mapping[str, Any]) -> str:
    values = ",".join(map(str, items(expression.get("values"))))
    return f"{expression.get('key')} {expression.get('operator')} {values}".strip()


def _services(cluster: Cluster) -> list[KubernetesObject]:
    return [one for one in cluster.objects if one.is_service]

"""Ports in the user's own manifests: names that Kubernetes takes, numbers that there are, each once."""

from collections.abc import Iterable, Iterator
from typing import Any

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.host_ports import host_ports
from hybridlab.model.labelled import PodsByLabel
from hybridlab.model.plain import is_true, items, mapping, whole
from hybridlab.model.workload import KubernetesObject, PodTemplate
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.uses import Use, used_again
from hybridlab.rules.wording import listed, nearest
from hybridlab.spec.scalars import Name, PortName

_PORTS = range(1, 65536)
_SERVICE = """
        apiVersion: v1
        kind: Service
        metadata: {{name: app, namespace: default}}
        spec: {{selector: {{app: app}}, ports: [{}]}}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {{name: app, namespace: default, labels: {{app: app}}}}
        spec: {{containers: [{{name: app, image: "nginx:1.29.1"}}]}}
"""


@rule(
    "MAN020",
    "port-that-kubernetes-refuses",
    summary="A port in a manifest has a name that Kubernetes does not take, or that its pods do not have.",
    rationale="""The name of a container's port has at most 15 letters, digits and single dashes. A Service
        that leads to a name which no container of its pods has leads nowhere.""",
    source="RFC 6335, 5.1; Kubernetes docs, Service: port definitions",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "ports" / 0 / "targetPort",
        manifest="""
        apiVersion: v1
        kind: Service
        metadata: {name: app, namespace: default}
        spec: {selector: {app: app}, ports: [{port: 80, targetPort: web}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default, labels: {app: app}}
        spec: {containers: [{name: app, image: "nginx:1.29.1", ports: [{name: http, containerPort: 80}]}]}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: Service
        metadata: {name: app, namespace: default}
        spec: {selector: {app: app}, ports: [{port: 80, targetPort: http}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default, labels: {app: app}}
        spec: {containers: [{name: app, image: "nginx:1.29.1", ports: [{name: http, containerPort: 80}]}]}
    """,
)
def port_that_kubernetes_refuses(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        for container, at in template.containers:
            for index, port in enumerate(items(container.get("ports"))):
                name = mapping(port).get("name")
                if isinstance(name, str) and not PortName.pattern.fullmatch(name):
                    yield _refused_name(str(template.pods), name, at / "ports" / index / "name")
    by_label = PodsByLabel.of(cluster)
    for workload in cluster.manifests:
        for service in workload.ports:
            if service.target is None:
                continue
            if not PortName.pattern.fullmatch(service.target):
                yield _refused_name(str(service), service.target, service.path / "targetPort")
                continue
            if not service.selector:
                continue
            selected = by_label.selected(service.namespace, service.selector)
            pods = [one.template for one in selected if one.template is not None]
            names = {
                str(mapping(port).get("name"))
                for template in pods
                for container, _ in template.containers
                for port in items(container.get("ports"))
            }
            if len(pods) != len(selected):
                continue  # some are those of a workload of the spec
            if pods and service.target not in names:
                close = nearest(service.target, sorted(names))
                yield Finding(
                    f"{service} leads to port {service.target!r}, which no container of its pods has",
                    service.path / "targetPort",
                    f"did you mean {close!r}?" if close else "name that port in the container",
                    related=(Related(f"{pods[0].pods}", pods[0].pods.path),),
                )


def _refused_name(who: str, name: str, path: SpecPath) -> Finding:
    return Finding(
        f"{who} calls a port {name!r}, which Kubernetes does not take",
        path,
        "at most 15 lower-case letters, digits and single dashes, with a letter among them",
    )


@rule(
    "MAN027",
    "port-that-can-not-be",
    summary="A Service or a container in a manifest has a port that it can not have, or has none.",
    rationale="""Ports are 1 to 65535. A Service without any port leads nowhere, unless it is one without an
        address of its own; one of type ClusterIP has no NodePort; a container on the network of its node has
        there the port that it has itself. The API server refuses everything else.""",
    source="kubernetes/kubernetes, pkg/apis/core/validation: ValidateService, validateContainerPorts",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "ports" / 0 / "port",
        manifest=_SERVICE.format("{port: 80443}"),
    ),
    good=OWN,
    good_manifest=_SERVICE.format("{port: 8443}"),
)
def port_that_can_not_be(cluster: Cluster) -> Iterable[Finding]:
    for one in cluster.objects:
        if one.is_service:
            yield from _service_without_ports(one)
            hidden = one.spec.get("type") in (None, "", "ClusterIP")
            for port, at in _ports_of(one.spec, one.path / "spec"):
                if hidden and whole(port.get("nodePort")):
                    yield Finding(
                        f"{one} has NodePort {port['nodePort']}, and no type that has one",
                        at / "nodePort",
                        "write type: NodePort, or remove it",
                    )
                for key in ("port", "targetPort"):
                    # A targetPort of 0 is one that is left out.
                    if key == "port" or port.get(key) != 0:
                        yield from _out_of_range(str(one), port, key, at)
    for template in cluster.templates:
        who = str(template.pods)
        shared = is_true(template.spec.get("hostNetwork"))
        for container, path in template.containers:
            for port, at in _ports_of(container, path):
                number, host = whole(port.get("containerPort")), whole(port.get("hostPort"))
                if port.get("containerPort") is None:
                    yield Finding(f"{who} has a port without a number", at, "write its containerPort")
                yield from _out_of_range(who, port, "containerPort", at)
                if host != 0:
                    yield from _out_of_range(who, port, "hostPort", at)
                if shared and host and number and host != number:
                    yield Finding(
                        f"{who} has port {number} as {host} of its node, on whose network it is",
                        at / "hostPort",
                        "leave the hostPort out: it is the container's port",
                    )


def _service_without_ports(one: KubernetesObject) -> Iterator[Finding]:
    kind = one.spec.get("type")
    if items(one.spec.get("ports")) or one.spec.get("clusterIP") == "None" or not one.spec:
        return
    if kind != "ExternalName":
        yield Finding(f"{one} has no ports", one.path / "spec", "write them, or clusterIP: None", on_key=True)
    elif not one.spec.get("externalName"):
        yield Finding(
            f"{one} is another name for nothing", one.path / "spec", "write its externalName", on_key=True
        )


def _ports_of(data: Any, at: SpecPath) -> Iterator[tuple[dict[str, Any], SpecPath]]:
    for index, port in enumerate(items(mapping(data).get("ports"))):
        yield mapping(port), at / "ports" / index


def _out_of_range(who: str, port: dict[str, Any], key: str, at: SpecPath) -> Iterator[Finding]:
    number = whole(port.get(key))
    if number is not None and number not in _PORTS:
        yield Finding(f"{who} has {key} {number}, which does not exist", at / key, "take one from 1 to 65535")


@rule(
    "MAN028",
    "ports-not-told-apart",
    summary="A Service or a container in a manifest has ports that are not told apart.",
    rationale="""Where a Service has several ports, each needs a name of its own, and a number of its own for
        each protocol. So does a container's port, if it has a name. The API server refuses the object.""",
    source="Kubernetes docs, Service: multi-port Services; pkg/apis/core/validation: ValidateService",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "ports" / 1 / "name",
        manifest=_SERVICE.format("{name: web, port: 80}, {name: web, port: 8080}"),
    ),
    good=OWN,
    good_manifest=_SERVICE.format("{name: web, port: 80}, {name: admin, port: 8080}"),
)
def ports_not_told_apart(cluster: Cluster) -> Iterable[Finding]:
    for one in cluster.objects:
        if not one.is_service:
            continue
        ports = list(_ports_of(one.spec, one.path / "spec"))
        nameless = [at for port, at in ports if not port.get("name")]
        if len(ports) > 1 and nameless:
            number = whole(ports[0][0].get("port"))
            yield Finding(
                f"{one} has {len(ports)} ports, and {listed(list(map(_place, nameless)))} without a name",
                nameless[0],
                f"give each a name, like {{name: http, port: {number or 80}}}",
                related=tuple(Related("this one, too", at) for at in nameless[1:4]),
            )
        for port, at in ports:
            name = port.get("name")
            if isinstance(name, str) and name and not Name.pattern.fullmatch(name):
                hint = Name.suggest(name) or "take lower-case letters, digits and '-'"
                yield Finding(
                    f"{one} calls a port {name!r}, which Kubernetes does not take", at / "name", hint
                )
        yield from _twice(str(one), ports, "port")
    for template in cluster.templates:
        for container, path in template.containers:
            yield from _twice(str(template.pods), list(_ports_of(container, path)), "containerPort")
        yield from _twice_on_the_node(template)


def _place(at: SpecPath) -> str:
    return f"number {int(at[-1]) + 1}"


def _twice(who: str, ports: list[tuple[dict[str, Any], SpecPath]], key: str) -> Iterator[Finding]:
    written = [(port.get("name"), at / "name") for port, at in ports]
    names = [Use(name, who, path) for name, path in written if isinstance(name, str) and name]
    for earlier, use in used_again(names):
        yield Finding(
            f"{who} has two ports called {use.value!r}",
            use.path,
            "give one of them another name",
            related=(Related("the other one", earlier.path),),
        )
    numbers = [
        Use((port[key], str(port.get("protocol") or "TCP")), who, at / key)
        for port, at in ports
        if whole(port.get(key)) is not None
    ]
    for earlier, use in used_again(numbers):
        yield Finding(
            "{} has {} {}/{} twice".format(who, key, *use.value),
            use.path,
            "remove one of them",
            related=(Related("the other one", earlier.path),),
        )


def _twice_on_the_node(template: PodTemplate) -> Iterator[Finding]:
    """Yield that two containers of a pod want the same port of its node."""
    who = str(template.pods)
    uses = [Use((one.port, one.protocol, one.address), who, one.path) for one in host_ports(template)]
    for earlier, use in used_again(uses):
        # Of one container on the network of the node, the port stands there twice already.
        if earlier.path[:-3] != use.path[:-3] or use.path[-1] == "hostPort":
            number, protocol, _ = use.value
            yield Finding(
                f"{who} wants port {number}/{protocol.value} of its node twice",
                use.path,
                "give one of them another port",
                related=(Related("the other one", earlier.path),),
            )

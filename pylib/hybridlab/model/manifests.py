"""The user's own manifests as the cluster sees them: which objects they are, and what these ask for.

A manifest may hold anything. What has another shape than Kubernetes' is taken for absent here: the API server
says so when it is applied, and until then nothing follows from it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from hybridlab.diagnostic import SpecPath
from hybridlab.model.conditions import satisfies
from hybridlab.model.node import Machine, Toleration
from hybridlab.model.plain import is_true, items, mapping, texts, whole, written
from hybridlab.model.quantity import parse_quantity
from hybridlab.model.scope import Scope
from hybridlab.model.workload import (
    Exposure,
    KubernetesObject,
    Manifests,
    Pods,
    PodTemplate,
    ServicePort,
)
from hybridlab.spec.manifests import FOLDER_KEY
from hybridlab.spec.workload import ManifestsSpec
from hybridlab.tables import apis
from hybridlab.tables.gpu import DEFAULT_RESOURCE
from hybridlab.tables.ports import Protocol

# Where a kind has the template of its pods; a Pod is one itself.
_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
_REPLICATED = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
_JOBS = ("Job", "CronJob")


def resolve_manifests(
    scope: Scope, name: str, spec: ManifestsSpec, machines: Iterable[Machine], exposures: tuple[Exposure, ...]
) -> Manifests:
    """Return the workload that a folder of manifests is; documents that are no objects are problems."""
    path = SpecPath.of("workloads", name)
    files = scope.spec.manifests.get(name, ())
    objects: list[KubernetesObject] = []
    for file in files:
        for number, document in enumerate(file.documents):
            at = path / FOLDER_KEY / file.path / number
            objects += _objects(scope, name, document, at)
    machines = tuple(machines)
    templates = tuple(template for one in objects for template in _template(one, machines))
    return Manifests(
        name=name,
        folder=spec.folder,
        files=tuple((file.path, file.text) for file in files),
        objects=tuple(objects),
        templates=templates,
        ports=tuple(port for one in objects for port in _ports(one)),
        exposures=exposures,
    )


def _objects(scope: Scope, workload: str, document: object, at: SpecPath) -> Iterator[KubernetesObject]:
    """Yield the objects of a document: itself, or those of a List."""
    data = mapping(document)
    metadata = mapping(data.get("metadata"))
    kind, version, name = data.get("kind"), data.get("apiVersion"), metadata.get("name")
    # Also one of a kind, like RoleList, as kubectl prints it.
    if isinstance(kind, str) and kind.endswith("List") and isinstance(listed := data.get("items"), list):
        for index, item in enumerate(listed):
            yield from _objects(scope, workload, item, at / "items" / index)
        return
    wanted = {"apiVersion": version, "kind": kind, "metadata.name": name}
    missing = [key for key, value in wanted.items() if not isinstance(value, str) or not value]
    for key in missing:
        value = wanted[key]
        if value is not None and value != "" and not isinstance(value, dict | list):
            scope.problem(
                "RES004",
                f"{key} must be text, and YAML reads {written(value)} as something else",
                SpecPath((*at, *key.split("."))),
                hint=f'put it in quotes: "{written(value)}"',
            )
            return
    if missing:
        scope.problem(
            "RES004",
            f"this document is no Kubernetes object: it lacks {', '.join(missing)}",
            at,
            hint="every object has apiVersion, kind and metadata with a name, all of them text",
        )
        return
    namespace = metadata.get("namespace")
    yield KubernetesObject(
        workload,
        str(version),
        str(kind),
        str(name),
        namespace if isinstance(namespace, str) and namespace else None,
        data,
        at,
    )


def _template(one: KubernetesObject, machines: Sequence[Machine]) -> Iterator[PodTemplate]:
    """Yield the pods that an object makes, if it makes any."""
    way = _TEMPLATES.get(one.kind)
    if way is None or apis.is_namespaced(one.api_version, one.kind) is None:
        return
    template: object = one.data
    for key in way:
        template = mapping(template).get(key)
    template = mapping(template)
    at = SpecPath((*one.path, *way))
    spec, metadata = mapping(template.get("spec")), mapping(template.get("metadata"))
    if not spec:
        return
    containers = tuple(
        (mapping(container), at / "spec" / key / index)
        for key in ("containers", "initContainers")
        for index, container in enumerate(items(spec.get(key)))
    )
    yield PodTemplate(
        one=one,
        pods=_pods(one, spec, at / "spec", containers, machines),
        namespace=one.namespace,
        labels=texts(metadata.get("labels")),
        spec=spec,
        path=at / "spec",
        containers=containers,
        volume_claims=one.spec.get("volumeClaimTemplates"),
    )


def _pods(
    one: KubernetesObject,
    spec: Mapping[str, Any],
    at: SpecPath,
    containers: Sequence[tuple[Mapping[str, Any], SpecPath]],
    machines: Sequence[Machine],
) -> Pods:
    selector = texts(spec.get("nodeSelector"))
    tolerations = tuple(_toleration(mapping(item)) for item in items(spec.get("tolerations")))
    terms, affinity_path = _affinity(spec, at)
    nodes = tuple(
        machine.name
        for machine in machines
        if (member := machine.membership) is not None
        and member.has(selector.items())
        and (terms is None or any(satisfies(term, machine.name, member) for term in terms))
        and member.takes(tolerations, bound=bool(spec.get("nodeName")))
    )
    amounts = {name: _amount(containers, name) for name in ("memory", "cpu", DEFAULT_RESOURCE)}
    (memory, memory_path), (cpu, cpu_path), (gpus, gpus_path) = amounts.values()
    return Pods(
        title=str(one),
        path=one.name_path,
        nodes=nodes,
        node_selector=selector,
        selector_path=at / "nodeSelector",
        tolerations=tolerations,
        affinity_path=affinity_path,
        replicas=_replicas(one, len(nodes)),
        ends=_ends(one, spec),
        gpus=int(gpus),
        gpus_path=gpus_path or one.name_path,
        memory_mib=int(memory // 2**20),
        memory_path=memory_path or one.name_path,
        cpu_milli=int(cpu * 1000),
        cpu_path=cpu_path or one.name_path,
    )


def _ends(one: KubernetesObject, spec: Mapping[str, Any]) -> bool:
    """Whether these pods end by themselves, and make room for others."""
    return one.kind in _JOBS or (one.kind == "Pod" and spec.get("restartPolicy") in ("Never", "OnFailure"))


def _replicas(one: KubernetesObject, nodes: int) -> int:
    if one.kind == "DaemonSet":
        return nodes
    if one.kind in _JOBS and is_true(one.spec.get("suspend")):
        return 0
    written = one.spec.get("replicas" if one.kind in _REPLICATED else "parallelism")
    return number if (number := whole(written)) is not None and 0 <= number < 2**31 else 1


def _amount(
    containers: Sequence[tuple[Mapping[str, Any], SpecPath]], resource: str
) -> tuple[Fraction, SpecPath | None]:
    """Return what one pod asks for, and where the first of its containers does.

    Containers run together; one that only prepares runs before, so it counts only where it asks for more.
    """
    together, before = Fraction(0), Fraction(0)
    first: SpecPath | None = None
    for container, at in containers:
        resources = mapping(container.get("resources"))
        for key in ("requests", "limits"):  # what is only limited is asked for as much
            amount = parse_quantity(mapping(resources.get(key)).get(resource))
            if amount is not None:
                if amount > 0:
                    first = first or at / "resources" / key / resource
                if "initContainers" in at and container.get("restartPolicy") != "Always":
                    before = max(before, amount)
                else:
                    together += amount
                break
    return max(together, before), first


def _toleration(written: Mapping[str, Any]) -> Toleration:
    key, value, effect = (written.get(name) for name in ("key", "value", "effect"))
    exists = written.get("operator") == "Exists"
    return Toleration(
        key if isinstance(key, str) and key else None,
        None if exists else value if isinstance(value, str) else "",
        effect if isinstance(effect, str) and effect else None,
    )


def _affinity(
    spec: Mapping[str, Any], at: SpecPath
) -> tuple[Sequence[Mapping[str, Any]] | None, SpecPath | None]:
    """Return the terms of which a node must satisfy one, and where they stand; None if there are none."""
    if isinstance(node := spec.get("nodeName"), str) and node:
        term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        return [term], at / "nodeName"
    way = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    found: object = spec
    for key in way:
        found = mapping(found).get(key)
    if not isinstance(found, list):
        return None, None
    return [mapping(term) for term in found], SpecPath((*at, *way))


def _ports(one: KubernetesObject) -> Iterator[ServicePort]:
    if not one.is_service:
        return
    spec = one.spec
    # A LoadBalancer may do without NodePorts; then only those are there that it names.
    has_node_ports = spec.get("type") == "NodePort" or (
        spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False
    )
    for index, item in enumerate(items(spec.get("ports"))):
        port = mapping(item)
        number, node_port, protocol = (port.get(key) for key in ("port", "nodePort", "protocol"))
        yield ServicePort(
            title=str(one),
            path=one.path / "spec" / "ports" / index,
            namespace=one.namespace,
            selector=texts(spec.get("selector")),
            target=target if isinstance(target := port.get("targetPort"), str) else None,
            port=whole(number) or 0,
            protocol=Protocol.UDP if protocol == "UDP" else Protocol.TCP,
            node_port=whole(node_port) or None,  # 0 is none, too
            is_node_port=has_node_ports,
        )

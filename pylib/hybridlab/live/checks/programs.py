"""Checks of what our own manifests keep running: namespaces, Deployments and DaemonSets, and their pods."""

from collections.abc import Iterator

from attrs import field, frozen

from hybridlab.live.checks import answers, node_object, node_programs, parts
from hybridlab.live.checks.answers import Object, at, count, find, listed, text, understanding
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Verdict
from hybridlab.live.checks.node_object import Judge
from hybridlab.live.checks.pods import Wanted, explain
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Cluster, Node
from hybridlab.model.plain import items
from hybridlab.model.workload import AmdGpuDevicePlugin, Deployment, Manifests, Ollama, Workload

APPLY = "`hybridlab apply`"


@frozen
class Program:
    """A Deployment or DaemonSet (`kind`) of ours: its image, how many pods, and the nodes that may run them.

    `gpus` of `gpu_resource` is what each pod asks for.
    """

    workload: str
    kind: str
    namespace: str
    name: str
    image: str
    nodes: tuple[str, ...]
    replicas: int = 1
    gpus: int = 0
    gpu_resource: str = field(default="")

    @property
    def title(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    def key(self, code: str) -> Key:
        """Return what identifies a check of it."""
        return Key(code, None, self.title)


def programs(workload: Workload) -> tuple[Program, ...]:
    """Return what a workload of ours keeps running; of the user's own manifests nothing."""
    match workload:
        case Ollama() | Deployment():
            [pods] = workload.pods
            name = workload.name
            return (
                Program(
                    name,
                    "Deployment",
                    workload.namespace,
                    name,
                    workload.image,
                    workload.nodes,
                    pods.replicas,
                    workload.gpus,
                    workload.gpu_resource,
                ),
            )
        case AmdGpuDevicePlugin():
            images = {workload.name: workload.image}
            if workload.labeller is not None:
                images[workload.labeller_name] = workload.labeller
            return tuple(
                Program(
                    workload.name,
                    "DaemonSet",
                    workload.namespace,
                    name,
                    image,
                    workload.nodes,
                    len(workload.nodes),
                )
                for name, image in images.items()
            )
        case Manifests():
            return ()


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield the checks of all of them."""
    for namespace in sorted({app.namespace for app in cluster.apps}):
        yield _namespace(cluster, namespace)
    for workload in cluster.workloads:
        for program in programs(workload):
            yield _exists(cluster, program)
            yield _image(cluster, program)
            if program.kind == "Deployment":
                yield _available(cluster, program)


def namespace_exists(namespace: str) -> Key:
    return Key("namespace.exists", None, namespace)


def kept(cluster: Cluster) -> tuple[Key, ...]:
    """Return what has to be well for states of objects to be news: the API server and the controllers."""
    control_plane = cluster.control_plane[0].name
    units = ("kube-controller-manager", "kube-scheduler")
    return (
        node_programs.api_ready(cluster),
        *(node_programs.active(control_plane, unit) for unit in units),
    )


def _namespace(cluster: Cluster, namespace: str) -> Check:
    @understanding
    def judge(output: Output) -> Verdict:
        found = find(output, "Namespace", None, namespace)
        if found is None:
            return Failed("a namespace of this name", "none", f"nothing was applied yet: {APPLY}")
        phase = text(found, "status", "phase")
        if phase == "Terminating":
            return Failed("Active", phase, f"somebody deletes it: `kubectl describe namespace {namespace}`")
        return Ok()

    return Check(
        namespace_exists(namespace),
        Phase.WORKLOADS,
        f"namespace {namespace} is there",
        (answers.objects(cluster),),
        judge,
        (node_programs.api_ready(cluster),),
    )


def _exists(cluster: Cluster, program: Program) -> Check:
    @understanding
    def judge(output: Output) -> Verdict:
        if found_of(program, output) is None:
            return Failed(program.title, "none", APPLY)
        return Ok()

    # kube-system, where there is no app, is always there: its check is none, and so nobody waits for it.
    return Check(
        program.key("object.exists"),
        Phase.WORKLOADS,
        f"{program.title} is there",
        (answers.objects(cluster),),
        judge,
        (*kept(cluster), namespace_exists(program.namespace)),
    )


def _image(cluster: Cluster, program: Program) -> Check:
    @understanding
    def judge(output: Output) -> Verdict:
        found = found_of(program, output)
        if found is None:
            return CouldNotLook("it is not there any more")
        containers = items(at(found, "spec", "template", "spec", "containers"))
        images = [text(container, "image") for container in containers]
        if images == [program.image]:
            return Ok(program.image)
        return Failed(
            program.image,
            ", ".join(images) or "none",
            f"{APPLY}; somebody has changed it: `kubectl get --show-managed-fields --output=yaml "
            f"--namespace={program.namespace} {program.kind.lower()} {program.name}` says who",
        )

    return Check(
        program.key("object.image"),
        Phase.WORKLOADS,
        f"{program.title} runs {program.image}",
        (answers.objects(cluster),),
        judge,
        (program.key("object.exists"),),
    )


def found_of(program: Program, output: Output) -> Object | None:
    """Return it as the cluster has it. Raises: NotUnderstoodError."""
    return find(output, program.kind, program.namespace, program.name)


def _available(cluster: Cluster, program: Program) -> Check:
    wanted = Wanted(program.replicas, program.nodes, _needed(cluster, program))

    @understanding
    def judge(output: Output, pods: Output, nodes: Output) -> Verdict:
        found = found_of(program, output)
        if found is None:
            return CouldNotLook("it is not there any more")
        replicas = count(found, "spec", "replicas")
        if replicas != program.replicas:
            return Failed(f"{program.replicas} replicas", str(replicas), f"somebody has scaled it: {APPLY}")
        if count(found, "status", "observedGeneration") < count(found, "metadata", "generation"):
            return Failed(
                "rolled out as it was applied last",
                "the controller manager has not seen that yet",
                f"if it lasts: {parts.logs(cluster.control_plane[0].name, 'kube-controller-manager')}",
            )
        return explain(cluster, found, wanted, listed(pods), listed(nodes))

    return Check(
        program.key("object.available"),
        Phase.WORKLOADS,
        f"{program.title} has {program.replicas} ready",
        (answers.objects(cluster), answers.pods(cluster), answers.nodes(cluster)),
        judge,
        (program.key("object.image"),),
    )


def _needed(cluster: Cluster, program: Program) -> tuple[Judge, ...]:
    """Return what a pod of it needs of a node, beside what every pod does."""
    if not program.gpus:
        return ()

    def gpus(node: Node, one: Object) -> Verdict:
        return node_object.gpus(node, one, node_object.offered_gpus(cluster, node), program.gpu_resource)

    return (gpus,)

"""Checks of what our own manifests keep running: namespaces, Deployments, DaemonSets, their pods and GPUs."""

from collections.abc import Iterator

from attrs import field, frozen

from hybridlab.live.checks import answers, node_object, node_programs
from hybridlab.live.checks.answers import Object, at, count, find, listed, name_of, text, understanding
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Skipped, Verdict
from hybridlab.live.checks.node_object import OF_COMING, Judge
from hybridlab.live.checks.pods import Wanted, explain, is_ready, node_of, pods_of, trouble
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Cluster, Node
from hybridlab.model.node import Host
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
            if program.kind == "DaemonSet":
                yield from (_on_node(cluster, program, name) for name in program.nodes)
            else:
                yield _available(cluster, program)
            yield _placed(cluster, program)
    if any(host.gpu is not None for host in cluster.hosts):
        yield from (_gpus(cluster, node) for node in cluster.nodes)


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
        if _find(program, output) is None:
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
        found = _find(program, output)
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


def _find(program: Program, output: Output) -> Object | None:
    return find(output, program.kind, program.namespace, program.name)


def _available(cluster: Cluster, program: Program) -> Check:
    wanted = Wanted(program.replicas, program.nodes, _needed(cluster, program))

    @understanding
    def judge(output: Output, pods: Output, nodes: Output) -> Verdict:
        found = _find(program, output)
        if found is None:
            return CouldNotLook("it is not there any more")
        replicas = count(found, "spec", "replicas")
        if replicas != program.replicas:
            return Failed(f"{program.replicas} replicas", str(replicas), f"somebody has scaled it: {APPLY}")
        if count(found, "status", "observedGeneration") < count(found, "metadata", "generation"):
            return Failed(
                "rolled out as it was applied last",
                "the controller manager has not seen that yet",
                "if it lasts: `journalctl -b -e -u kube-controller-manager` on the control plane",
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


def _on_node(cluster: Cluster, program: Program, name: str) -> Check:
    node = next(node for node in cluster.nodes if node.name == name)

    @understanding
    def judge(output: Output, pods: Output, nodes: Output) -> Verdict:
        found = _find(program, output)
        if found is None:
            return CouldNotLook("it is not there any more")
        there = [pod for pod in pods_of(found, listed(pods)) if node_of(pod) == name]
        if any(map(is_ready, there)):
            return Ok()
        # A DaemonSet's pods come to a node that is cordoned, too.
        judges = [judge for judge in OF_COMING if judge is not node_object.schedulable]
        if reason := node_object.fault(node, listed(nodes), judges):
            return Skipped(reason)
        if not there:
            described = f"`kubectl describe --namespace={program.namespace} daemonset {program.name}`"
            return Failed("a pod of it", "none", described)
        why, advice = trouble(there[0])
        return Failed("a ready pod", why, advice)

    return Check(
        Key("daemon.ready", name, program.title),
        Phase.WORKLOADS,
        f"a pod of {program.title} is ready on it",
        (answers.objects(cluster), answers.pods(cluster), answers.nodes(cluster)),
        judge,
        (program.key("object.image"),),
    )


def _placed(cluster: Cluster, program: Program) -> Check:
    @understanding
    def judge(output: Output, pods: Output, nodes: Output) -> Verdict:
        found = _find(program, output)
        if found is None:
            return CouldNotLook("it is not there any more")
        places = {name_of(pod): node_of(pod) for pod in pods_of(found, listed(pods))}
        strayed = {pod: node for pod, node in places.items() if node not in (None, *program.nodes)}
        if not strayed:
            on = sorted({node for node in places.values() if node is not None})
            return Ok(", ".join(on)) if on else Skipped("no pod of it is on a node yet")
        return _strayed(cluster, program, strayed, listed(nodes))

    return Check(
        program.key("pods.placed"),
        Phase.WORKLOADS,
        f"pods of {program.title} run on {', '.join(program.nodes) or 'no node'} only",
        (answers.objects(cluster), answers.pods(cluster), answers.nodes(cluster)),
        judge,
        (program.key("object.exists"),),
    )


def _strayed(
    cluster: Cluster, program: Program, strayed: dict[str, str | None], nodes: tuple[Object, ...]
) -> Verdict:
    for node in cluster.nodes:
        if node.name in strayed.values():
            wrong = (node_object.labels, node_object.taints)
            if reason := node_object.fault(node, nodes, wrong):
                return Skipped(reason)
    pod = next(iter(strayed))
    return Failed(
        ", ".join(program.nodes) or "nowhere",
        ", ".join(f"{pod} on {node}" for pod, node in strayed.items()),
        f"{APPLY}, in case somebody has changed where it may run; then `kubectl delete "
        f"--namespace={program.namespace} pod {pod}`, which comes anew",
    )


def _gpus(cluster: Cluster, node: Node) -> Check:
    wanted = node_object.offered_gpus(cluster, node)
    resource = _resource(cluster, node)
    plugins = [
        program
        for workload in cluster.workloads
        if isinstance(workload, AmdGpuDevicePlugin) and node.name in workload.nodes
        for program in programs(workload)
        if program.name == workload.name
    ]

    @understanding
    def judge(nodes: Output, pods: Output, output: Output) -> Verdict:
        one = next((one for one in listed(nodes) if name_of(one) == node.name), None)
        if one is None:
            return CouldNotLook("it is not there any more")
        verdict = node_object.gpus(node, one, wanted, resource)
        if isinstance(verdict, Failed):
            for program in plugins:
                owner = _find(program, output)
                own = () if owner is None else pods_of(owner, listed(pods))
                if not any(is_ready(pod) and node_of(pod) == node.name for pod in own):
                    return Skipped(f"no pod of {program.title} is ready on it")
        return verdict

    needs = [Key("daemon.ready", node.name, program.title) for program in plugins]
    return Check(
        Key("gpu.allocatable", node.name, resource),
        Phase.WORKLOADS,
        f"it offers {wanted} of {resource}" if wanted else f"it offers no {resource}",
        (answers.nodes(cluster), answers.pods(cluster), answers.objects(cluster)),
        judge,
        (Key("node.exists", node.name), Key("node.ready", node.name), *needs),
    )


def _resource(cluster: Cluster, node: Node) -> str:
    """Return what the node's GPU is called, or that of the others."""
    hosts = [node.machine, *cluster.hosts]
    models = (host.gpu.model for host in hosts if isinstance(host, Host) and host.gpu is not None)
    return next(models).resource

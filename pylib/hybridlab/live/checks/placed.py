"""Checks of where pods run: a DaemonSet's on each node of the spec, and nobody's on any other."""

from collections.abc import Iterator

from hybridlab.live.checks import answers, node_object
from hybridlab.live.checks.answers import Object, listed, name_of, understanding
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Skipped, Verdict
from hybridlab.live.checks.node_object import OF_COMING
from hybridlab.live.checks.pods import is_ready, node_of, pods_of, trouble
from hybridlab.live.checks.programs import APPLY, Program, found_of, programs
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Cluster


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield the checks of all pods that our own manifests make."""
    for workload in cluster.workloads:
        for program in programs(workload):
            if program.kind == "DaemonSet":
                yield from (_on_node(cluster, program, name) for name in program.nodes)
            yield _placed(cluster, program)


def daemon_ready(program: Program, node: str) -> Key:
    """Return what identifies the check that a DaemonSet's pod runs on a node."""
    return Key("daemon.ready", node, program.title)


def _on_node(cluster: Cluster, program: Program, name: str) -> Check:
    node = next(node for node in cluster.nodes if node.name == name)

    @understanding
    def judge(output: Output, pods: Output, nodes: Output) -> Verdict:
        found = found_of(program, output)
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
        daemon_ready(program, name),
        Phase.WORKLOADS,
        f"a pod of {program.title} is ready on it",
        (answers.objects(cluster), answers.pods(cluster), answers.nodes(cluster)),
        judge,
        (program.key("object.image"),),
    )


def _placed(cluster: Cluster, program: Program) -> Check:
    @understanding
    def judge(output: Output, pods: Output, nodes: Output) -> Verdict:
        found = found_of(program, output)
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

"""Checks of the GPUs that nodes offer: as many as the spec says, and none where there is none."""

from collections.abc import Iterator

from hybridlab.live.checks import answers, node_object
from hybridlab.live.checks.answers import listed, name_of, understanding
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Phase, Skipped, Verdict
from hybridlab.live.checks.placed import daemon_ready
from hybridlab.live.checks.pods import is_ready, node_of, pods_of
from hybridlab.live.checks.programs import found_of, programs
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Cluster, Node
from hybridlab.model.node import Host
from hybridlab.model.workload import AmdGpuDevicePlugin


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield one check for each node; nothing where no host has a GPU."""
    if any(host.gpu is not None for host in cluster.hosts):
        yield from (_gpus(cluster, node) for node in cluster.nodes)


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
                owner = found_of(program, output)
                own = () if owner is None else pods_of(owner, listed(pods))
                if not any(is_ready(pod) and node_of(pod) == node.name for pod in own):
                    return Skipped(f"no pod of {program.title} is ready on it")
        return verdict

    needs = [daemon_ready(program, node.name) for program in plugins]
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

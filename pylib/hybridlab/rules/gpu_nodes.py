"""Which GPUs a workload can get, and which it would, were they not given to guests; no rule in itself."""

from collections.abc import Iterator, Sequence

from hybridlab.diagnostic import Related
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.model.workload import AmdGpuDevicePlugin, Pods
from hybridlab.rules.wording import counted
from hybridlab.spec.gpu import GpuMode


def wanting(cluster: Cluster) -> Iterator[Pods]:
    """Yield the pods that ask for GPUs and have nodes to run on."""
    for pods in cluster.pods:
        if pods.gpus and pods.nodes:
            yield pods


def plugins(cluster: Cluster) -> tuple[AmdGpuDevicePlugin, ...]:
    """Return the device plugins."""
    return tuple(workload for workload in cluster.workloads if isinstance(workload, AmdGpuDevicePlugin))


def offering(cluster: Cluster, pods: Pods | AmdGpuDevicePlugin) -> tuple[Host, ...]:
    """Return the hosts among the nodes of pods whose kubelet can offer GPUs."""
    machines = (cluster.machine(name) for name in pods.nodes)
    return tuple(machine for machine in machines if isinstance(machine, Host) and machine.gpus_for_pods)


def _passes_through(host: Host) -> bool:
    return host.gpu is not None and host.gpu.mode is GpuMode.PASSTHROUGH


def contested(cluster: Cluster) -> dict[str, list[Pods | AmdGpuDevicePlugin]]:
    """Return by host whose GPU goes to a guest the pods that need it, since they find no other GPU."""
    found: dict[str, list[Pods | AmdGpuDevicePlugin]] = {}
    members = [
        host.name
        for host in cluster.hosts
        if host.membership is not None and host.membership.schedulable and _passes_through(host)
    ]
    if not members:
        return found
    needing: tuple[Pods | AmdGpuDevicePlugin, ...] = (*plugins(cluster), *wanting(cluster))
    for pods in needing:
        if offering(cluster, pods):
            continue
        # A device plugin without a selector looks for GPUs by itself: any of them would do.
        anywhere = isinstance(pods, AmdGpuDevicePlugin) and not pods.node_selector
        selected: Sequence[str] = members if anywhere else pods.nodes
        for name in sorted({*members} & {*selected}):
            found.setdefault(name, []).append(pods)
    return found


def starved_by_passthrough(cluster: Cluster) -> frozenset[str]:
    """Return, as they are called, the pods of which the rule on passthrough says why they get no GPU."""
    return frozenset(str(pods) for needing in contested(cluster).values() for pods in needing)


def why_no_gpu(machine: Machine) -> str:
    """Say why pods on `machine` get no GPU."""
    if isinstance(machine, Guest):
        return f"{machine} is a MicroVM"
    if machine.gpu is None:
        return f"{machine} has no key 'gpu'"
    if machine.gpus_for_pods:
        return f"{machine} takes no pods"
    reason = f"mode {machine.gpu.mode.value}" if machine.gpu.count else "count 0"
    return f"the GPU of {machine} has {reason}"


def asks(pods: Pods) -> Related:
    """Return the place where pods ask for their GPUs."""
    return Related(f"{pods} asks for {wanted(pods)}", pods.gpus_path)


def wanted(pods: Pods) -> str:
    """Say how many GPUs pods ask for, all of them together."""
    gpus = counted(pods.gpus, "GPU")
    return gpus if pods.replicas == 1 else f"{gpus} in each of {counted(pods.replicas, 'pod')}"

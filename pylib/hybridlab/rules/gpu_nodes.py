"""Which GPUs a workload can get, and which it would, were they not given to guests; no rule in itself."""

from collections.abc import Iterator, Sequence

from hybridlab.diagnostic import Related
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.model.workload import AmdGpuDevicePlugin, Ollama, Workload
from hybridlab.rules.wording import counted
from hybridlab.spec.gpu import GpuMode


def wanting(cluster: Cluster) -> Iterator[Ollama]:
    """Yield the workloads that ask for GPUs and have nodes to run on."""
    for workload in cluster.workloads:
        if isinstance(workload, Ollama) and workload.gpus and workload.nodes:
            yield workload


def plugins(cluster: Cluster) -> tuple[AmdGpuDevicePlugin, ...]:
    """Return the device plugins."""
    return tuple(workload for workload in cluster.workloads if isinstance(workload, AmdGpuDevicePlugin))


def offering(cluster: Cluster, workload: Workload) -> tuple[Host, ...]:
    """Return the hosts among a workload's nodes whose kubelet can offer GPUs."""
    machines = (cluster.machine(name) for name in workload.nodes)
    return tuple(machine for machine in machines if isinstance(machine, Host) and machine.gpus_for_pods)


def _passes_through(host: Host) -> bool:
    return host.gpu is not None and host.gpu.mode is GpuMode.PASSTHROUGH


def contested(cluster: Cluster) -> dict[str, list[Workload]]:
    """Return by host whose GPU goes to a guest the workloads that need it, since they find no other GPU."""
    found: dict[str, list[Workload]] = {}
    members = [
        host.name
        for host in cluster.hosts
        if host.membership is not None and host.membership.schedulable and _passes_through(host)
    ]
    if not members:
        return found
    workloads: tuple[Workload, ...] = (*plugins(cluster), *wanting(cluster))
    for workload in workloads:
        if offering(cluster, workload):
            continue
        # A device plugin without a selector looks for GPUs by itself: any of them would do.
        anywhere = isinstance(workload, AmdGpuDevicePlugin) and not workload.node_selector
        selected: Sequence[str] = members if anywhere else workload.nodes
        for name in sorted({*members} & {*selected}):
            found.setdefault(name, []).append(workload)
    return found


def starved_by_passthrough(cluster: Cluster) -> frozenset[str]:
    """Return the names of workloads of which the rule on passthrough already says why they get no GPU."""
    return frozenset(workload.name for workloads in contested(cluster).values() for workload in workloads)


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


def asks(workload: Ollama) -> Related:
    """Return the place where a workload asks for its GPUs."""
    return Related(f"{workload} asks for {counted(workload.gpus, 'GPU')}", workload.path / "gpus")

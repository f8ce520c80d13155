"""GPUs that workloads ask for: on nodes that have some, and not more than there are."""

from collections.abc import Iterable

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host, Machine
from hybridlab.rules.demand import Demand, overbooked
from hybridlab.rules.gpu_nodes import asks, offering, starved_by_passthrough, wanted, wanting, why_no_gpu
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import counted, listed


@rule(
    "GPU001",
    "no-gpu-on-selected-nodes",
    summary="A workload asks for GPUs and selects only nodes that have none for pods.",
    rationale="""The labels fit, but no kubelet among these nodes offers the resource: the pod stays Pending.
        A guest has no GPU for pods, nor has a host whose GPU is off or not in the spec.""",
    source="Kubernetes docs, Device Plugins; Schedule GPUs",
    bad=Example(
        """
        guests:
          k8s-worker-1: {kubernetes: {labels: {gpu: amd}}}
        hosts:
          homelab: {kubernetes: {labels: {gpu: null}}}
        """,
        at=SpecPath.of("workloads", "ollama", "gpus"),
    ),
    good="""
        guests:
          k8s-worker-1: {kubernetes: {labels: {gpu: amd}}}
    """,
)
def no_gpu_on_selected_nodes(cluster: Cluster) -> Iterable[Finding]:
    explained = starved_by_passthrough(cluster)
    elsewhere = [host for host in cluster.hosts if host.gpus_for_pods]
    instead = "give a host of its nodes the key 'gpu'"
    if elsewhere:
        instead = f"select {listed(elsewhere)}"
    for pods in wanting(cluster):
        if str(pods) in explained or offering(cluster, pods):
            continue
        machines = [cluster.machine(name) for name in pods.nodes]
        idle = [m for m in machines if isinstance(m, Host) and m.gpu is not None and m.gpu.count]
        remedy = f"give the GPU of {listed(idle)} the mode 'host'" if idle and not elsewhere else instead
        yield Finding(
            f"{pods} asks for {counted(pods.gpus, 'GPU')}, and none of its nodes has any for pods: "
            f"{listed([why_no_gpu(machine) for machine in machines])}",
            pods.gpus_path,
            f"{remedy}, or remove the key 'gpus' to run on the CPU",
            related=tuple(Related(why_no_gpu(machine), _where(machine)) for machine in machines[:3]),
        )


def _where(machine: Machine) -> SpecPath:
    return machine.path / "gpu" if isinstance(machine, Host) and machine.gpu is not None else machine.path


@rule(
    "GPU002",
    "more-gpus-than-a-node-has",
    summary="A workload asks for more GPUs than any one of its nodes has.",
    rationale="A pod runs on one node, and gets all its GPUs there or stays Pending.",
    source="""Kubernetes docs, Schedule GPUs; ROCm/k8s-device-plugin: it hands out whole devices, so an APU
        is one""",
    bad=Example(
        """
        workloads:
          ollama: {gpus: 2}
        """,
        at=SpecPath.of("workloads", "ollama", "gpus"),
    ),
    good="""
        hosts:
          homelab: {gpu: {model: radeon-rx-7900-xtx, count: 2}}
        workloads:
          ollama: {gpus: 2}
    """,
)
def more_gpus_than_a_node_has(cluster: Cluster) -> Iterable[Finding]:
    for pods in wanting(cluster):
        hosts = offering(cluster, pods)
        most = max(hosts, key=lambda host: host.gpus_for_pods, default=None)
        if most is not None and most.gpus_for_pods < pods.gpus:
            yield Finding(
                f"{pods} asks for {counted(pods.gpus, 'GPU')}, and none of its nodes has more than "
                f"{most} with {most.gpus_for_pods}",
                pods.gpus_path,
                f"ask for {most.gpus_for_pods}, or select a node with more",
                related=(Related(f"{most} has {counted(most.gpus_for_pods, 'GPU')}", most.path / "gpu"),),
            )


@rule(
    "GPU003",
    "more-gpus-than-there-are",
    summary="Workloads together ask for more GPUs than their nodes have.",
    rationale="""Each would find a node alone, but a GPU belongs to one pod at a time, however little it uses
        it: whoever comes last stays Pending.""",
    source="Kubernetes docs, Schedule GPUs: GPUs are not shared or overcommitted",
    bad=Example(
        """
        workloads:
          small: {type: ollama, namespace: small, models: /var/lib/small, gpus: 1}
        """,
        at=SpecPath.of("workloads", "small", "gpus"),
    ),
    good="""
        hosts:
          homelab: {gpu: {model: radeon-rx-7900-xtx, count: 2}}
        workloads:
          small: {type: ollama, namespace: small, models: /var/lib/small, gpus: 1}
    """,
)
def more_gpus_than_there_are(cluster: Cluster) -> Iterable[Finding]:
    has = {host.name: host.gpus_for_pods for host in cluster.hosts}
    demands = []
    for pods in wanting(cluster):
        hosts = offering(cluster, pods)
        if any(host.gpus_for_pods >= pods.gpus for host in hosts):
            demands.append(Demand(pods, pods.gpus, frozenset(host.name for host in hosts)))
    for found in overbooked(demands, has):
        *others, last = found.bound
        asks_for = f"{last} asks for {wanted(last)}"
        if others:
            asks_for = f"{listed(found.bound)} together ask for {counted(found.asked, 'GPU')}"
        machines = [cluster.machine(name) for name in found.machines]
        yield Finding(
            f"{asks_for}, and {listed(machines)} {'has' if len(machines) == 1 else 'have'} {found.there}",
            last.gpus_path,
            "run one of them on the CPU (without the key 'gpus'), or on another node"
            if others
            else "run fewer pods, or select more nodes",
            related=tuple(asks(pods) for pods in others[:3]),
        )

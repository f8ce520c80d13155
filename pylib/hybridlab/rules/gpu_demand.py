"""GPUs that workloads ask for: on nodes that have some, and not more than there are."""

from collections.abc import Iterable

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import Ollama
from hybridlab.rules.gpu_nodes import asks, offering, starved_by_passthrough, wanting, why_no_gpu
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
    hint = "give a host of its nodes the key 'gpu', or remove the key 'gpus' to run on the CPU"
    if elsewhere:
        hint = f"select {listed(elsewhere)}, or remove the key 'gpus' to run on the CPU"
    for workload in wanting(cluster):
        if workload.name in explained or offering(cluster, workload):
            continue
        machines = [cluster.machine(name) for name in workload.nodes]
        yield Finding(
            f"{workload} asks for {counted(workload.gpus, 'GPU')}, and none of its nodes has any for pods: "
            f"{listed([why_no_gpu(machine) for machine in machines])}",
            workload.path / "gpus",
            hint,
            related=tuple(
                Related(f"{machine} is one of its nodes", machine.path) for machine in machines[:3]
            ),
        )


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
    for workload in wanting(cluster):
        hosts = offering(cluster, workload)
        most = max(hosts, key=lambda host: host.gpus_for_pods, default=None)
        if most is not None and most.gpus_for_pods < workload.gpus:
            yield Finding(
                f"{workload} asks for {counted(workload.gpus, 'GPU')}, and none of its nodes has more than "
                f"{most} with {most.gpus_for_pods}",
                workload.path / "gpus",
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
    groups: dict[frozenset[str], list[Ollama]] = {}
    for workload in wanting(cluster):
        hosts = offering(cluster, workload)
        if any(host.gpus_for_pods >= workload.gpus for host in hosts):
            groups.setdefault(frozenset(host.name for host in hosts), []).append(workload)
    has = {host.name: host.gpus_for_pods for host in cluster.hosts}
    short: list[frozenset[str]] = []
    # Workloads whose hosts are all within a set have nowhere else to go. Smaller sets come first: a larger
    # one around a set that is short is short for the same reason.
    for together in sorted(groups, key=lambda names: (len(names), sorted(names))):
        if any(names <= together for names in short):
            continue
        bound = [w for names, workloads in groups.items() if names <= together for w in workloads]
        asked, there = sum(w.gpus for w in bound), sum(has[name] for name in together)
        if asked <= there:
            continue
        short.append(together)
        *others, last = sorted(bound, key=lambda workload: workload.name)
        machines = [cluster.machine(name) for name in sorted(together)]
        yield Finding(
            f"{listed(bound)} together ask for {counted(asked, 'GPU')}, and {listed(machines)} "
            f"{'has' if len(machines) == 1 else 'have'} {there}",
            last.path / "gpus",
            "run one of them on the CPU (without the key 'gpus'), or on another node",
            related=tuple(asks(workload) for workload in others[:3]),
        )

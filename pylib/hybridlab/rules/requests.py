"""Memory and processor time that pods ask for: no more than their nodes have for pods."""

from collections.abc import Callable, Iterable

from attrs import frozen

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host, Machine
from hybridlab.model.workload import Pods
from hybridlab.rules.demand import Demand, overbooked
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import counted, listed
from hybridlab.spec.scalars import Size


@frozen
class _Resource:
    """Something that pods ask for: how much, and where they say so; how much a machine has; in words."""

    asked: Callable[[Pods], tuple[int, SpecPath]]
    of_machine: Callable[[Machine], int]
    shown: Callable[[int], str]

    def there(self, cluster: Cluster) -> dict[str, int]:
        return {node.name: self.of_machine(node.machine) for node in cluster.nodes}


def _memory(mib: int) -> str:
    # A manifest may ask for more than a size of the spec can be.
    amount = Size.of_mib(mib) if 0 < mib < 10**9 else f"{mib}MiB"
    return f"{amount} of memory"


def _processors(milli: int) -> str:
    return counted(milli // 1000, "processor") if milli % 1000 == 0 else f"{milli}m of processors"


_RESOURCES = (
    _Resource(
        lambda pods: (pods.memory_mib, pods.memory_path), lambda machine: machine.memory_for_pods_mib, _memory
    ),
    _Resource(
        lambda pods: (pods.cpu_milli, pods.cpu_path), lambda machine: machine.cpu_for_pods_milli, _processors
    ),
)


@rule(
    "CAP006",
    "pod-larger-than-its-nodes",
    summary="A workload asks for more memory or processor time than any one of its nodes has for pods.",
    rationale="""A pod runs on one node, and is promised all that it asks for there or stays Pending. A host
        keeps its guests' memory and its own from pods; every kubelet keeps 100 MiB, under which it would
        evict them.""",
    source="Kubernetes docs, Resource Management; Node-pressure Eviction (memory.available<100Mi)",
    bad=Example(
        """
        workloads:
          page:
            type: deployment
            image: nginx:1.29.1
            memory: 6GiB
            nodeSelector: {kubernetes.io/hostname: k8s-worker-1}
        """,
        at=SpecPath.of("workloads", "page", "memory"),
    ),
    good="""
        workloads:
          page: {type: deployment, image: "nginx:1.29.1", memory: 6GiB}
    """,
)
def pod_larger_than_its_nodes(cluster: Cluster) -> Iterable[Finding]:
    for resource in _RESOURCES:
        has = resource.there(cluster)
        for pods in cluster.pods:
            asked, path = resource.asked(pods)
            largest = max(pods.nodes, key=lambda name: (has[name], name), default=None)
            if largest is None or asked <= has[largest]:
                continue
            machine = cluster.machine(largest)
            yield Finding(
                f"{pods} asks for {resource.shown(asked)}, and none of its nodes has more than {machine} "
                f"with {resource.shown(has[largest])} for pods",
                path,
                "ask for less, or select a larger node",
                related=(Related(f"{machine} is the largest of them", machine.path),),
            )
    for pods in cluster.pods:
        yield from _not_together(cluster, pods)


def _not_together(cluster: Cluster, pods: Pods) -> Iterable[Finding]:
    """Yield that each of the things pods ask for is somewhere, and all of them nowhere."""
    machines = [cluster.machine(name) for name in pods.nodes]
    fitting = [
        [machine for machine in machines if resource.asked(pods)[0] <= resource.of_machine(machine)]
        for resource in _RESOURCES
    ]
    if pods.gpus:
        fitting.append([m for m in machines if isinstance(m, Host) and m.gpus_for_pods >= pods.gpus])
    together = [machine for machine in machines if all(machine in some for some in fitting)]
    if all(fitting) and not together:
        wanted = [resource.shown(asked) for resource in _RESOURCES if (asked := resource.asked(pods)[0])]
        if pods.gpus:
            wanted.append(counted(pods.gpus, "GPU"))
        yield Finding(
            f"{pods} asks for {listed(wanted)}, and none of its nodes has all of that for pods",
            pods.memory_path if pods.memory_mib else pods.cpu_path,
            "ask for less, or select a larger node",
            related=tuple(
                Related(f"{machine} is one of its nodes", machine.path) for machine in machines[:3]
            ),
        )


@rule(
    "CAP007",
    "pods-larger-than-their-nodes",
    summary="Workloads together ask for more memory or processor time than their nodes have for pods.",
    rationale="""What a pod asks for is set apart for it, whether it uses it or not. Each would find a node
        alone; whoever comes last stays Pending.""",
    source="Kubernetes docs, Resource Management: the scheduler sums requests",
    bad=Example(
        """
        workloads:
          page: {type: deployment, image: "nginx:1.29.1", replicas: 12, memory: 6GiB}
        """,
        at=SpecPath.of("workloads", "page", "memory"),
    ),
    good="""
        workloads:
          page: {type: deployment, image: "nginx:1.29.1", replicas: 8, memory: 6GiB}
    """,
)
def pods_larger_than_their_nodes(cluster: Cluster) -> Iterable[Finding]:
    for resource in _RESOURCES:
        has = resource.there(cluster)
        demands = []
        for pods in cluster.pods:
            asked, _ = resource.asked(pods)
            fitting = frozenset(name for name in pods.nodes if 0 < asked <= has[name])
            if fitting:
                demands.append(Demand(pods, asked, fitting))
        for found in overbooked(demands, has):
            *others, last = found.bound
            machines = [cluster.machine(name) for name in found.machines]
            verb = "asks" if not others else "together ask"
            yield Finding(
                f"{listed(found.bound)} {verb} for {resource.shown(found.asked)}, and {listed(machines)} "
                f"{'has' if len(machines) == 1 else 'have'} {resource.shown(found.there)} for pods",
                resource.asked(last)[1],
                "ask for less, run fewer pods, or select more nodes",
                related=tuple(
                    Related(f"{pods} asks for its part here", resource.asked(pods)[1]) for pods in others[:3]
                ),
            )

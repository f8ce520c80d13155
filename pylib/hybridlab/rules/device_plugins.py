"""Device plugins, without which a kubelet offers no GPU: one on each node that has GPUs for pods."""

import re
from collections.abc import Iterable, Iterator

from attrs import frozen

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host
from hybridlab.model.workload import AmdGpuDevicePlugin
from hybridlab.rules.gpu_nodes import (
    asks,
    offering,
    plugins,
    starved_by_passthrough,
    wanted,
    wanting,
    why_no_gpu,
)
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import listed

_IMAGE = re.compile(r"(?:.*/)?rocm/k8s-device-plugin(?:[:@].*)?")


@rule(
    "GPU004",
    "no-device-plugin",
    summary="A workload asks for GPUs, and no device plugin runs on the nodes that have them.",
    rationale="""Without its device plugin a kubelet does not know of a GPU and offers none: the pod stays
        Pending, on a node with a working driver.""",
    source="Kubernetes docs, Device Plugins; ROCm/k8s-device-plugin, README",
    bad=Example(
        """
        workloads:
          amd-gpu-device-plugin: null
        """,
        at=SpecPath.of("workloads", "ollama", "gpus"),
    ),
    good="""
        workloads:
          amd-gpu-device-plugin: null
          gpus: {type: amd-gpu-device-plugin, nodeSelector: {gpu: amd}}
    """,
)
def no_device_plugin(cluster: Cluster) -> Iterable[Finding]:
    known = plugins(cluster)
    if any(not plugin.nodes for plugin in known):
        return  # why it runs nowhere has been said, and would be the cause
    covered = {name for plugin in known for name in plugin.nodes}
    # One that the user brings along.
    covered |= {
        name for template in cluster.templates if template.is_device_plugin for name in template.pods.nodes
    }
    uncovered = [
        (workload, hosts)
        for workload in wanting(cluster)
        if (hosts := offering(cluster, workload)) and not any(host.name in covered for host in hosts)
    ]
    if uncovered and not known:  # one cause, one finding
        (first, hosts), *others = uncovered
        yield Finding(
            f"{first} asks for {wanted(first)} of {listed(hosts)}, and no device plugin offers any",
            first.gpus_path,
            "add a workload: `amd-gpu-device-plugin: {type: amd-gpu-device-plugin}`",
            related=tuple(asks(workload) for workload, _ in others[:3]),
        )
        return
    for workload, hosts in uncovered:
        yield Finding(
            f"{workload} asks for {wanted(workload)} of {listed(hosts)}, where no device plugin "
            f"runs: {_where(cluster, known)}",
            workload.gpus_path,
            "remove the selector of the device plugin: it finds the GPUs itself",
            related=tuple(Related(f"the selector of {p}", p.path / "nodeSelector") for p in known[:3]),
        )


def _where(cluster: Cluster, workloads: Iterable[AmdGpuDevicePlugin]) -> str:
    return listed(
        [f"{w} runs on {listed([cluster.machine(name) for name in w.nodes])}" for w in workloads], most=2
    )


@rule(
    "GPU005",
    "device-plugin-without-gpu",
    summary="A device plugin has no node with a GPU for pods to run on.",
    rationale="""It would run nowhere, or idle on nodes that have nothing to offer: without a selector, it is
        for the schedulable hosts whose GPU has mode `host`.""",
    source="ROCm/k8s-device-plugin: it idles where /sys/class/kfd is missing",
    bad=Example(
        """
        hosts:
          homelab: {gpu: {mode: "off"}}
        workloads:
          ollama: {gpus: 0}
        """,
        at=SpecPath.of("workloads", "amd-gpu-device-plugin"),
    ),
    good="""
        hosts:
          homelab: {gpu: {mode: host}}
        workloads:
          ollama: {gpus: 0}
    """,
)
def device_plugin_without_gpu(cluster: Cluster) -> Iterable[Finding]:
    if not any(node.membership.schedulable for node in cluster.nodes):
        return  # K8S003
    explained = starved_by_passthrough(cluster)
    for plugin in plugins(cluster):
        selects_nothing = bool(plugin.node_selector) and not plugin.nodes  # WKL001 and WKL002
        if str(plugin) in explained or selects_nothing or offering(cluster, plugin):
            continue
        machines = [cluster.machine(name) for name in plugin.nodes] or [
            node.machine for node in cluster.nodes if isinstance(node.machine, Host)
        ]
        reasons = (
            listed([why_no_gpu(machine) for machine in machines])
            if machines
            else ("no host is a node of Kubernetes")
        )
        yield Finding(
            f"{plugin} has no node with a GPU for pods: {reasons}",
            plugin.path / "nodeSelector" if plugin.node_selector else plugin.path,
            "remove it, or give a host that takes pods a GPU of mode `host`",
            related=tuple(
                Related(f"{machine}", machine.path / "gpu" if isinstance(machine, Host) else machine.path)
                for machine in machines[:3]
            ),
            on_key=True,
        )


@rule(
    "GPU006",
    "two-device-plugins",
    summary="Two device plugins run on the same node.",
    rationale="""Both register amd.com/gpu over the same socket: the kubelet drops the devices of the first
        when the second one comes, and pods that have them fail when they restart.""",
    source="kubernetes/kubernetes, pkg/kubelet/cm/devicemanager: a resource has one endpoint",
    bad=Example(
        """
        workloads:
          amd-gpus: {type: amd-gpu-device-plugin, nodeSelector: {gpu: amd}}
        """,
        at=SpecPath.of("workloads", "amd-gpus"),
    ),
    good="""
        workloads:
          amd-gpus: {type: amd-gpu-device-plugin, nodeSelector: {gpu: amd}}
          amd-gpu-device-plugin: null
    """,
)
def two_device_plugins(cluster: Cluster) -> Iterable[Finding]:
    first: dict[str, _Plugin] = {}
    for plugin in _plugins_with_those_of_manifests(cluster):
        others = {name: first.setdefault(name, plugin) for name in plugin.nodes}
        shared = [name for name, other in others.items() if other is not plugin]
        if shared:
            other = others[shared[0]]
            where = listed([cluster.machine(name) for name in shared])
            yield Finding(
                f"{plugin.title} and {other.title} both run on {where}",
                plugin.path,
                "remove one of them, or select nodes of its own for it",
                related=(Related(f"{other.title} runs there", other.path),),
                on_key=plugin.is_workload,
            )


@frozen
class _Plugin:
    """AMD's device plugin, as a workload or in a manifest."""

    title: str
    path: SpecPath
    nodes: tuple[str, ...]
    is_workload: bool


def _plugins_with_those_of_manifests(cluster: Cluster) -> Iterator[_Plugin]:
    for workload in plugins(cluster):
        yield _Plugin(str(workload), workload.path, workload.nodes, is_workload=True)
    for template in cluster.templates:
        if template.is_device_plugin and any(_IMAGE.fullmatch(image) for image, _ in template.images):
            pods = template.pods
            yield _Plugin(str(pods), pods.path, pods.nodes, is_workload=False)

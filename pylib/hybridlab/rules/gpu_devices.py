"""GPUs as devices of a host: how many there can be, and how a container comes to open one."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from hybridlab.diagnostic import Fix, Related, Remove, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import is_true, items, mapping
from hybridlab.model.workload import PodTemplate
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed
from hybridlab.tables.gpu import DEFAULT_RESOURCE

_DEVICES = ("/dev/dri", "/dev/kfd")
_POD = """
        apiVersion: v1
        kind: Pod
        metadata: {{name: app, namespace: default}}
        spec:
          containers:
          - name: app
            image: jellyfin/jellyfin:10.11.3
            {}
            volumeMounts: [{{name: dri, mountPath: /dev/dri}}]
          volumes: [{{name: dri, hostPath: {{path: /dev/dri}}}}]
"""


@rule(
    "GPU016",
    "several-gpus-of-an-apu",
    summary="A host has several GPUs of a model that is a part of the processor.",
    rationale="""The GPU of an APU is one, and the device plugin hands it out as a whole: a second pod that
        asks for one stays Pending.""",
    source="ROCm/k8s-device-plugin: it hands out whole devices; facts - 6.4",
    bad=Example(
        """
        hosts: {homelab: {gpu: {count: 2}}}
        """,
        at=SpecPath.of("hosts", "homelab", "gpu", "count"),
    ),
    good="""
        hosts: {homelab: {gpu: {model: radeon-rx-7900-xtx, count: 2}}}
    """,
)
def several_gpus_of_an_apu(cluster: Cluster) -> Iterable[Finding]:
    for host in cluster.hosts:
        gpu = host.gpu
        if gpu is not None and gpu.model.integrated and gpu.count > 1:
            path = host.path / "gpu" / "count"
            yield Finding(
                f"{host} has {gpu.count} GPUs {gpu.model.name}, a part of the processor: there is one",
                path,
                "remove it: by default it is 1; programs share a GPU only within a pod",
                related=(Related("the model", host.path / "gpu" / "model"),),
                fix=Fix(f"remove count of the GPU of {host}", (Remove(path),)),
            )


@rule(
    "GPU017",
    "gpu-devices-as-folders",
    severity=Severity.WARNING,
    summary="A container in a manifest mounts the GPU's devices of its node, and may not open them.",
    rationale="""What a container may open is not what it sees: the kernel refuses every device that the
        container was not given. A device plugin gives it the GPU, to one pod at a time; a privileged
        container may open all devices of the node.""",
    source="ROCm/k8s-device-plugin#93; Kubernetes docs, Device Plugins; kernel docs, cgroup v2: devices",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "volumes" / 0 / "hostPath" / "path",
        manifest=_POD.format("args: [--verbose]"),
    ),
    good=OWN,
    good_manifest=_POD.format("securityContext: {privileged: true}"),
)
def gpu_devices_as_folders(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        devices = dict(_devices(template))
        used = {name for name in _mounted(template) if name in devices}
        if used:
            paths = {path: at for name, (path, at) in devices.items() if name in used}
            yield Finding(
                f"{template.pods} mounts {listed(sorted(paths))} of its node, which it may not open",
                min(paths.values()),
                f"remove it, and write {DEFAULT_RESOURCE}: 1 into the container's limits",
            )


def _devices(template: PodTemplate) -> Iterator[tuple[str, tuple[str, SpecPath]]]:
    """Yield the volumes that are devices of GPUs, by name, each with its path on the node and its place."""
    for index, volume in enumerate(map(mapping, items(template.spec.get("volumes")))):
        path = mapping(volume.get("hostPath")).get("path")
        if isinstance(path, str) and any(PurePosixPath(path).is_relative_to(tree) for tree in _DEVICES):
            at = template.path / "volumes" / index / "hostPath" / "path"
            yield str(volume.get("name")), (path, at)


def _mounted(template: PodTemplate) -> Iterator[str]:
    """Yield the volumes of containers that are given no device."""
    for container, _ in template.containers:
        privileged = is_true(mapping(container.get("securityContext")).get("privileged"))
        if not privileged and not _is_given_devices(container):
            for mount in map(mapping, items(container.get("volumeMounts"))):
                yield str(mount.get("name"))


def _is_given_devices(container: Mapping[str, object]) -> bool:
    resources = mapping(container.get("resources"))
    # What a device plugin calls a resource has a slash.
    return bool(resources.get("claims")) or any("/" in str(name) for name in mapping(resources.get("limits")))

"""The manifests of a cluster: a folder per workload, and one kustomization that applies them all."""

from collections.abc import Iterator

from hybridlab.emit.file import GeneratedFile
from hybridlab.emit.header import HEADER
from hybridlab.emit.kubernetes import amd_gpu_device_plugin, deployment, ollama
from hybridlab.manifest import Json, Resource, print_manifest, print_yaml
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import AmdGpuDevicePlugin, Deployment, Manifests, Ollama, Workload

FOLDER = "k8s"


def emit_kubernetes(cluster: Cluster) -> Iterator[GeneratedFile]:
    """Yield one file per resource and `k8s/kustomization.yaml`; nothing without a Kubernetes cluster."""
    if cluster.kubernetes is None:
        return
    own = {
        f"{workload.name}/{path}": text
        for workload in cluster.workloads
        if isinstance(workload, Manifests)
        for path, text in workload.files
    }
    for name, text in own.items():
        # As they are, byte for byte, and so without our header.
        yield GeneratedFile(f"{FOLDER}/{name}", text)
    files = {
        f"{workload.name}/{_file_name(workload, resource)}.yaml": resource
        for workload in cluster.workloads
        for resource in _resources(workload)
    }
    for name, resource in files.items():
        yield GeneratedFile(f"{FOLDER}/{name}", print_manifest([resource], header=HEADER))
    # kubectl sorts by kind: namespaces and definitions of kinds come first, whoever brings them.
    kustomization: dict[str, Json] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        # On every object, never in a selector: what `hybridlab apply` finds again.
        "labels": [{"pairs": {"app.kubernetes.io/part-of": cluster.name}}],
        "resources": [*files, *own],
    }
    yield GeneratedFile(f"{FOLDER}/kustomization.yaml", print_yaml(kustomization, header=HEADER))


def _file_name(workload: Workload, resource: Resource) -> str:
    """Return the kind, behind what tells the resource from another of its workload."""
    part = resource.name.removeprefix(f"{workload.name}-")
    of_the_whole = resource.name == workload.name or resource.kind == "Namespace"
    return resource.kind.lower() if of_the_whole else f"{part}-{resource.kind.lower()}"


def _resources(workload: Workload) -> tuple[Resource, ...]:
    match workload:
        case AmdGpuDevicePlugin():
            return amd_gpu_device_plugin.resources(workload)
        case Ollama():
            return ollama.resources(workload)
        case Deployment():
            return deployment.resources(workload)
        case Manifests():
            return ()

"""Ollama: its namespace, one pod that keeps its models on the node, and a Service.

Ports, paths and endpoints: ollama/ollama, Dockerfile and docs/api.md.
"""

from hybridlab.emit.kubernetes.environment import environment_of
from hybridlab.emit.kubernetes.labels import app_labels, tolerations_of
from hybridlab.emit.kubernetes.service import container_ports, service_of
from hybridlab.manifest import Resource
from hybridlab.manifest.data import Json, KeyPath
from hybridlab.model.workload import Ollama

_CONTAINER: KeyPath = ("spec", "template", "spec", "containers", 0)


def resources(ollama: Ollama) -> tuple[Resource, ...]:
    """Return namespace, Deployment and Service."""
    return (
        Resource("v1", "Namespace", ollama.namespace),
        _deployment(ollama),
        service_of(ollama),
    )


def _deployment(ollama: Ollama) -> Resource:
    labels = app_labels(ollama.name)
    comments: dict[KeyPath, str] = {
        (
            "spec",
            "strategy",
        ): "the GPU and the folder of models are one: the old pod goes before the new one comes",
        (
            *_CONTAINER,
            "startupProbe",
        ): "ten minutes: the first start reads gigabytes of libraries from a disk that may be slow",
    }
    if ollama.env or ollama.secret_env:
        comments[*_CONTAINER, "env"] = (
            "a container sees nothing of the host's variables: the GPU's are set here"
        )
    return Resource(
        "apps/v1",
        "Deployment",
        ollama.name,
        namespace=ollama.namespace,
        labels=labels,
        body={
            "spec": {
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": _pod(ollama)},
            }
        },
        comments=comments,
    )


def _pod(ollama: Ollama) -> dict[str, Json]:
    pod: dict[str, Json] = {}
    if ollama.node_selector:
        pod["nodeSelector"] = dict(ollama.node_selector)
    if ollama.tolerations:
        pod["tolerations"] = tolerations_of(ollama.tolerations)
    return pod | {
        "automountServiceAccountToken": False,
        # A Service named ollama would otherwise become OLLAMA_PORT and the like, which Ollama might read.
        "enableServiceLinks": False,
        "containers": [_container(ollama)],
        "volumes": [{"name": "models", "hostPath": {"path": ollama.models, "type": "DirectoryOrCreate"}}],
    }


def _container(ollama: Ollama) -> dict[str, Json]:
    container: dict[str, Json] = {
        "name": "ollama",
        "image": ollama.image,
        "ports": container_ports(ollama),
    }
    if env := environment_of(ollama):
        container["env"] = env
    container["securityContext"] = (
        {"privileged": True} if ollama.privileged else {"allowPrivilegeEscalation": False}
    )
    if ollama.gpus:
        container["resources"] = {"limits": {ollama.gpu_resource: ollama.gpus}}
    probe: dict[str, Json] = {"httpGet": {"path": "/api/version", "port": "http"}}
    return container | {
        "volumeMounts": [{"name": "models", "mountPath": "/root/.ollama"}],
        "startupProbe": probe | {"periodSeconds": 10, "failureThreshold": 60},
        # Answers while a model loads; only a server that hangs for minutes is restarted.
        "livenessProbe": probe | {"periodSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 10},
        "readinessProbe": probe | {"periodSeconds": 10, "timeoutSeconds": 5},
    }

"""A program of the user's choice: its namespace, a Deployment of one container, and perhaps a Service."""

from hybridlab.emit.kubernetes.environment import environment_of
from hybridlab.emit.kubernetes.labels import app_labels, tolerations_of
from hybridlab.emit.kubernetes.service import container_ports, service_of
from hybridlab.manifest import Resource
from hybridlab.manifest.data import Json, KeyPath
from hybridlab.model.workload import Deployment
from hybridlab.spec.scalars import Cpu
from hybridlab.tables.ports import Protocol

# The volume of the workload's Secret, which is called like it.
_SECRETS = "secrets"


def resources(app: Deployment) -> tuple[Resource, ...]:
    """Return namespace, Deployment and, with a port, Service."""
    first = (Resource("v1", "Namespace", app.namespace), _deployment(app))
    return (*first, service_of(app)) if app.endpoints else first


def _deployment(app: Deployment) -> Resource:
    labels = app_labels(app.name)
    spec: dict[str, Json] = {"replicas": app.replicas}
    comments: dict[KeyPath, str] = {}
    if app.volumes:
        spec["strategy"] = {"type": "Recreate"}
        comments["spec", "strategy"] = "no two pods write to the same folder while one takes over"
    elif app.gpus:
        spec["strategy"] = {"type": "Recreate"}
        comments["spec", "strategy"] = "the new pod would wait for the GPU that the old one has"
    spec["selector"] = {"matchLabels": labels}
    spec["template"] = {"metadata": {"labels": labels}, "spec": _pod(app)}
    return Resource(
        "apps/v1",
        "Deployment",
        app.name,
        namespace=app.namespace,
        labels=labels,
        body={"spec": spec},
        comments=comments,
    )


def _pod(app: Deployment) -> dict[str, Json]:
    pod: dict[str, Json] = {}
    if app.node_selector:
        pod["nodeSelector"] = dict(app.node_selector)
    if app.tolerations:
        pod["tolerations"] = tolerations_of(app.tolerations)
    pod |= {"automountServiceAccountToken": False, "enableServiceLinks": False}
    pod["containers"] = [_container(app)]
    volumes: list[Json] = [
        {"name": name, "hostPath": {"path": folder, "type": "DirectoryOrCreate"}}
        for name, (_, folder) in _named_volumes(app)
    ]
    if app.secret_files:
        volumes.append({"name": _SECRETS, "secret": {"secretName": app.name}})
    if volumes:
        pod["volumes"] = volumes
    return pod


def _container(app: Deployment) -> dict[str, Json]:
    container: dict[str, Json] = {"name": "app", "image": app.image}
    if app.endpoints:
        container["ports"] = container_ports(app)
    answering = [endpoint.name for endpoint in app.endpoints if endpoint.service.protocol is Protocol.TCP]
    if answering:
        # A kubelet can not ask whether a UDP port answers.
        container["readinessProbe"] = {"tcpSocket": {"port": answering[0]}}
    if env := environment_of(app):
        container["env"] = env
    container["securityContext"] = (
        {"privileged": True} if app.privileged else {"allowPrivilegeEscalation": False}
    )
    if resources := _resources(app):
        container["resources"] = resources
    mounts: list[Json] = [{"name": name, "mountPath": mount} for name, (mount, _) in _named_volumes(app)]
    mounts += [
        # One file, beside whatever the image has in that folder.
        {"name": _SECRETS, "mountPath": mount, "subPath": use.data_key, "readOnly": True}
        for mount, use in app.secret_files.items()
    ]
    if mounts:
        container["volumeMounts"] = mounts
    return container


def _resources(app: Deployment) -> dict[str, Json]:
    requests: dict[str, Json] = {}
    limits: dict[str, Json] = {}
    if app.cpu_milli is not None:
        requests["cpu"] = str(Cpu(f"{app.cpu_milli}m"))
    if app.memory_mib is not None:
        requests["memory"] = limits["memory"] = f"{app.memory_mib}Mi"
    if app.gpus:
        limits[app.gpu_resource] = app.gpus
    return {name: amounts for name, amounts in (("requests", requests), ("limits", limits)) if amounts}


def _named_volumes(app: Deployment) -> list[tuple[str, tuple[str, str]]]:
    """A volume's name may hold less than a path, so volumes are counted."""
    return [(f"data-{number}", volume) for number, volume in enumerate(app.volumes.items(), start=1)]

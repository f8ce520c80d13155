"""A program of the user's choice: its namespace, a Deployment of one container, and perhaps a Service."""

from hybridlab.emit.kubernetes.labels import app_labels
from hybridlab.emit.kubernetes.service import service_of
from hybridlab.manifest import Resource
from hybridlab.manifest.data import Json, KeyPath
from hybridlab.model.workload import Deployment


def resources(app: Deployment) -> tuple[Resource, ...]:
    """Return namespace, Deployment and, with a port, Service."""
    first = (Resource("v1", "Namespace", app.namespace), _deployment(app))
    if app.service is None:
        return first
    return (*first, service_of(app.name, app.namespace, app.service, app.exposure))


def _deployment(app: Deployment) -> Resource:
    labels = app_labels(app.name)
    spec: dict[str, Json] = {"replicas": app.replicas}
    comments: dict[KeyPath, str] = {}
    if app.volumes:
        spec["strategy"] = {"type": "Recreate"}
        comments["spec", "strategy"] = "no two pods write to the same folder while one takes over"
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
    pod |= {"automountServiceAccountToken": False, "enableServiceLinks": False}
    pod["containers"] = [_container(app)]
    if app.volumes:
        pod["volumes"] = [
            {"name": name, "hostPath": {"path": folder, "type": "DirectoryOrCreate"}}
            for name, (_, folder) in _named_volumes(app)
        ]
    return pod


def _container(app: Deployment) -> dict[str, Json]:
    container: dict[str, Json] = {"name": "app", "image": app.image}
    if app.service is not None:
        container["ports"] = [{"name": "http", "containerPort": app.service.port}]
        container["readinessProbe"] = {"tcpSocket": {"port": "http"}}
    if app.env:
        container["env"] = [{"name": name, "value": value} for name, value in app.env.items()]
    container["securityContext"] = (
        {"privileged": True} if app.privileged else {"allowPrivilegeEscalation": False}
    )
    if app.memory_mib is not None:
        memory: dict[str, Json] = {"memory": f"{app.memory_mib}Mi"}
        container["resources"] = {"requests": memory, "limits": memory}
    if app.volumes:
        container["volumeMounts"] = [
            {"name": name, "mountPath": mount} for name, (mount, _) in _named_volumes(app)
        ]
    return container


def _named_volumes(app: Deployment) -> list[tuple[str, tuple[str, str]]]:
    """A volume's name may hold less than a path, so volumes are counted."""
    return [(f"data-{number}", volume) for number, volume in enumerate(app.volumes.items(), start=1)]

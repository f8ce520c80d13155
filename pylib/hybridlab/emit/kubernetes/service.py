"""The Service of a workload: inside the cluster, or with NodePorts."""

from hybridlab.emit.kubernetes.labels import app_labels
from hybridlab.manifest import Resource
from hybridlab.manifest.data import Json, KeyPath
from hybridlab.model.workload import App, Endpoint, service_type
from hybridlab.tables.ports import Protocol


def service_of(app: App) -> Resource:
    """Return the Service of a workload, whose container calls its ports as its endpoints are called."""
    comments: dict[KeyPath, str] = {}
    for index, endpoint in enumerate(app.endpoints):
        if endpoint.exposure is not None:
            vlans = ", ".join(vlan.name for vlan in endpoint.exposure.vlans)
            comments["spec", "ports", index, "nodePort"] = (
                f"answers {vlans} only: the firewall of every node sees to that"
            )
    return Resource(
        "v1",
        "Service",
        app.name,
        namespace=app.namespace,
        labels=app_labels(app.name),
        body={
            "spec": {
                "type": service_type(app),
                "selector": app_labels(app.name),
                "ports": [_port(endpoint) for endpoint in app.endpoints],
            }
        },
        comments=comments,
    )


def container_ports(app: App) -> list[Json]:
    """Return the ports of the one container of a workload."""
    return [{"name": e.name, "containerPort": e.service.port, **_protocol(e)} for e in app.endpoints]


def _port(endpoint: Endpoint) -> dict[str, Json]:
    port: dict[str, Json] = {"name": endpoint.name, "port": endpoint.service.port, **_protocol(endpoint)}
    port["targetPort"] = endpoint.name
    if endpoint.exposure is not None:
        port["nodePort"] = endpoint.exposure.node_port
    return port


def _protocol(endpoint: Endpoint) -> dict[str, Json]:
    # Left out where it is what the API server puts there.
    protocol = endpoint.service.protocol
    return {} if protocol is Protocol.TCP else {"protocol": protocol.value.upper()}

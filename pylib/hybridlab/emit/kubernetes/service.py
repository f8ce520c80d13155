"""The Service of a workload: inside the cluster, or with a NodePort."""

from hybridlab.emit.kubernetes.labels import app_labels
from hybridlab.manifest import Resource
from hybridlab.manifest.data import Json
from hybridlab.model.workload import Exposure
from hybridlab.tables.ports import Service


def service_of(name: str, namespace: str, service: Service, exposure: Exposure | None) -> Resource:
    """Return the Service of the workload `name`, whose container calls its port `http`."""
    port: dict[str, Json] = {"name": "http", "port": service.port, "targetPort": "http"}
    if exposure is not None:
        port["nodePort"] = exposure.node_port
    return Resource(
        "v1",
        "Service",
        name,
        namespace=namespace,
        labels=app_labels(name),
        body={
            "spec": {
                "type": "ClusterIP" if exposure is None else "NodePort",
                "selector": app_labels(name),
                "ports": [port],
            }
        },
        comments={}
        if exposure is None
        else {
            ("spec", "ports", 0, "nodePort"): "answers "
            + ", ".join(vlan.name for vlan in exposure.vlans)
            + " only: the firewall of every node sees to that"
        },
    )

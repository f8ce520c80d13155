"""A healthy cluster as the API server has it, made from the model: what plays answer, and tests post.

Shapes as of Kubernetes 1.36 (recorded from kubectl against tests/kubernetes' API server, without what nobody
reads). Imported in tests, never inside a machine.
"""

import functools
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hybridlab import Cluster
from hybridlab.live.checks import programs
from hybridlab.live.checks.node_object import offered_gpus
from hybridlab.model.cluster import Node
from hybridlab.model.workload import service_type
from live.standin.lab import Played
from live.standin.plays_cluster import REAL
from programs import need_program

Object = dict[str, Any]

VERSION = "v1.36.3"
RESOURCE = "amd.com/gpu"
KUBECONFIG = "/opt/kubeconfig"


def node(cluster: Cluster, one: Node, number: int = 0) -> Object:
    """Return a node that has joined and is well; `number` tells its pods' network from the others'."""
    assert cluster.kubernetes is not None
    network = list(cluster.kubernetes.pod_network.subnets(new_prefix=24))[number]
    amounts = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    if gpus := offered_gpus(cluster, one):
        amounts[RESOURCE] = str(gpus)
    taints = [{"key": t.key, "value": t.value, "effect": t.effect} for t in one.membership.registered_taints]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": one.name, "labels": dict(one.membership.labels)},
        "spec": {
            "podCIDR": str(network),
            "podCIDRs": [str(network)],
            **({"taints": taints} if taints else {}),
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": str(one.address)},
                {"type": "Hostname", "address": one.name},
            ],
            "allocatable": amounts,
            "capacity": amounts,
            "conditions": [condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")],
            "nodeInfo": node_info(),
        },
    }


def node_info() -> Object:
    """Return what a kubelet says of its machine: all of these are required (core/v1, NodeSystemInfo)."""
    said = dict.fromkeys(("machineID", "systemUUID", "bootID", "kernelVersion", "osImage"), "recorded")
    said |= {"containerRuntimeVersion": "containerd://2.2.1", "kubeProxyVersion": ""}
    return said | {"kubeletVersion": VERSION, "operatingSystem": "linux", "architecture": "amd64"}


def condition(kind: str, status: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def nodes(cluster: Cluster) -> list[Object]:
    return [node(cluster, one, number) for number, one in enumerate(cluster.nodes)]


def running(started: str = "2026-11-25T12:00:00Z") -> Object:
    """Return the status of a pod that runs and is ready."""
    return {
        "phase": "Running",
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True"},
        ],
        "containerStatuses": [
            {
                "name": "app",
                "image": "recorded",
                "imageID": "",
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": started}},
            }
        ],
        "podIP": "10.244.0.7",
        "podIPs": [{"ip": "10.244.0.7"}],
    }


def pods(cluster: Cluster) -> list[Object]:
    """Return a running pod of each program on the first node that may run it, of a DaemonSet on all."""
    found = []
    for program in _programs(cluster):
        for place in program.nodes if program.kind == "DaemonSet" else program.nodes[:1]:
            found.append(pod(program.namespace, f"{program.name}-x-{place}", {"app": program.name}, place))
    [place, *_] = [one.name for one in cluster.nodes if one.membership.takes_any_pod]
    return [*found, *(pod("kube-system", f"coredns-{n}", {"k8s-app": "kube-dns"}, place) for n in range(2))]


def pod(namespace: str, name: str, labels: dict[str, str], place: str | None) -> Object:
    """Return a pod that runs on a node; `place` None: a pod that nobody has put anywhere yet."""
    metadata = {"namespace": namespace, "name": name, "labels": labels}
    spec = {} if place is None else {"nodeName": place}
    status = running() if place is not None else {"phase": "Pending"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def objects(cluster: Cluster) -> list[Object]:
    """Return namespaces, what keeps pods running, Services and their endpoints."""
    return [*_namespaces(cluster), *map(_owner, _programs(cluster)), *_services(cluster), *dns(cluster)]


def _programs(cluster: Cluster) -> list[programs.Program]:
    return [program for workload in cluster.workloads for program in programs.programs(workload)]


def _namespaces(cluster: Cluster) -> Iterator[Object]:
    for name in sorted({"default", "kube-system", *(app.namespace for app in cluster.apps)}):
        yield {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name},
            "status": {"phase": "Active"},
        }


def _owner(program: programs.Program) -> Object:
    labels = {"app": program.name}
    spec: Object = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "app", "image": program.image}]},
        },
    }
    if program.kind == "Deployment":
        spec["replicas"] = program.replicas
    return {
        "apiVersion": "apps/v1",
        "kind": program.kind,
        "metadata": {"namespace": program.namespace, "name": program.name, "generation": 1},
        "spec": spec,
        "status": {"observedGeneration": 1},
    }


def _services(cluster: Cluster) -> Iterator[Object]:
    for app in cluster.apps:
        if not app.endpoints:
            continue
        ports = [
            {
                "name": endpoint.name,
                "port": endpoint.service.port,
                "protocol": endpoint.service.protocol.value.upper(),
                "targetPort": endpoint.name,
                **({"nodePort": endpoint.exposure.node_port} if endpoint.exposure else {}),
            }
            for endpoint in app.endpoints
        ]
        spec = {"type": service_type(app), "selector": {"app": app.name}, "ports": ports}
        metadata = {"namespace": app.namespace, "name": app.name}
        yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                **metadata,
                "name": f"{app.name}-abcde",
                "labels": {"kubernetes.io/service-name": app.name},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.244.0.7"], "conditions": {"ready": True}}],
        }


def dns(cluster: Cluster) -> Iterator[Object]:
    """Yield what NixOS's addons/dns.nix makes, as far as somebody looks at it."""
    yield dns_deployment()
    yield dns_service(cluster)


def dns_service(cluster: Cluster) -> Object:
    """Return the Service of NixOS's addons/dns.nix."""
    assert cluster.kubernetes is not None
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "kube-system", "name": "kube-dns", "labels": {"k8s-app": "kube-dns"}},
        "spec": {
            "clusterIP": str(cluster.kubernetes.dns_address),
            "selector": {"k8s-app": "kube-dns"},
            "ports": [{"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 10053}],
        },
    }


def dns_deployment() -> Object:
    """Return the Deployment of addons/dns.nix, without what only its container needs."""
    labels = {"k8s-app": "kube-dns"}
    container = {"name": "coredns", "image": "coredns:recorded", "imagePullPolicy": "Never"}
    tolerated = [{"key": "node-role.kubernetes.io/master", "effect": "NoSchedule"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "kube-system", "name": "coredns", "labels": labels},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "tolerations": tolerated},
            },
        },
    }


def raw(cluster: Cluster) -> dict[str, str]:
    """Return what the API server answers at paths that are no objects."""
    answers = {"/readyz": "ok"}
    for app in cluster.apps:
        if app.endpoints:
            proxy = f"/api/v1/namespaces/{app.namespace}/services/{app.name}:{app.endpoints[0].name}/proxy"
            answers[f"{proxy}/api/tags"] = '{"models":[{"name":"llama3.2:latest","size":2019393189}]}'
            answers[f"{proxy}/api/ps"] = '{"models":[]}'
    return answers


@functools.cache
def certificate(name: str, hours: int = 720) -> str:
    """Return a certificate of its own making, valid from now on; in tests only, with the real openssl.

    It has less than those hours left when this returns: a test may count on the full days below.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = (
            need_program("openssl"),
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        )
        days = ("-days", str(hours // 24), "-nodes", "-subj", f"/CN={name}")
        keys = ("-keyout", f"{folder}/key", "-out", f"{folder}/certificate")
        subprocess.run((*words, *days, *keys), check=True, capture_output=True, timeout=60)
        made = int(time.time())
        while int(time.time()) == made:  # its end stands in full seconds, as clocks are read
            time.sleep(0.05)
        return Path(folder, "certificate").read_text()


def serve(played: Played, kubeconfig: Path) -> None:
    """Let the real kubectl answer on a stand-in, from the API server of a kubeconfig; in tests only."""
    played.write(KUBECONFIG, kubeconfig.read_text())
    program = Path(need_program("kubectl"))
    target = played.root / REAL.lstrip("/")
    try:
        target.hardlink_to(program)
    except OSError:
        target.write_bytes(program.read_bytes())
        target.chmod(0o755)
    with played.changing() as state:
        state["kubectl"]["real"] = KUBECONFIG
        del state["kubectl"]["raw"]["/readyz"]

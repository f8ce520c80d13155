"""Faults of a cluster on a real API server: the right check alone reports each, and a healthy one has none.

kubectl is the real one, and runs on the control plane's stand-in, behind a real sshd.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hybridlab import Cluster
from hybridlab.live.checks import parts
from hybridlab.live.checks.check import Failed, Ok, Skipped
from kubernetes.control_plane import until
from live.api_world import ApiWorld, api_world
from live.standin import recorded_cluster as recorded

pytestmark = pytest.mark.slow

MASTER, WORKER, HOST = "k8s-master", "k8s-worker-1", "homelab"
NODES = "/api/v1/nodes"
OLLAMA = "/apis/apps/v1/namespaces/ollama/deployments/ollama"
PLUGIN = "/apis/apps/v1/namespaces/kube-system/daemonsets/amd-gpu-device-plugin"
SERVICE = "/api/v1/namespaces/ollama/services/ollama"
DNS = "/api/v1/namespaces/kube-system/services/kube-dns"
PS = "/api/v1/namespaces/ollama/services/ollama:http/proxy/api/ps"

Plant = Callable[[ApiWorld], object]


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiWorld]:
    with api_world(cluster, tmp_path_factory.mktemp("faults")) as world:
        yield world


@pytest.fixture
def world(shared: ApiWorld) -> Iterator[ApiWorld]:
    yield shared
    shared.make_healthy()


def test_a_healthy_cluster_is_well(world: ApiWorld) -> None:
    results = world.verify()
    odd = {str(r.check.key): r.verdict for r in results if not isinstance(r.verdict, Ok | Skipped)}
    assert odd == {}
    # From here nobody is in a VLAN of the cluster, nothing is loaded, and the host is alone in its VLAN.
    skipped = {r.check.key.code for r in results if isinstance(r.verdict, Skipped)}
    assert skipped == {"ollama.gpu", "port.answers"}
    assert all(not machine.unplayed for machine in world.lab.machines.values())


def node(name: str, body: object, *, status: bool = False) -> Plant:
    return lambda world: world.patch(f"{NODES}/{name}{'/status' if status else ''}", body)


def states(name: str, body: object) -> Plant:
    return node(name, {"status": body}, status=True)


def ready(status: str, reason: str, message: str) -> Plant:
    return states(WORKER, {"conditions": [recorded.condition("Ready", status, reason, message)]})


def again(name: str, **spec: object) -> Plant:
    """A node that has joined otherwise: what can not be changed of it."""

    def plant(world: ApiWorld) -> None:
        [one] = [one for one in recorded.nodes(world.cluster) if one["metadata"]["name"] == name]
        world.delete(f"{NODES}/{name}")
        one["spec"] |= spec
        world.api.request("POST", NODES, one)
        world.patch(f"{NODES}/{name}", {"spec": {"taints": one["spec"].get("taints")}})

    return plant


def stranger(world: ApiWorld) -> None:
    [one, *_] = recorded.nodes(world.cluster)
    one["metadata"] = {"name": "stranger"}
    one["spec"] = {"unschedulable": True}
    world.api.request("POST", NODES, one)


def down(machine: str, unit: str) -> Plant:
    def plant(world: ApiWorld) -> None:
        with world.lab.machine(machine).changing() as state:
            state["units"][f"{unit}.service"] |= {
                "ActiveState": "activating",
                "SubState": "auto-restart",
                "Result": "exit-code",
                "NRestarts": 12,
            }

    return plant


def unreachable(machine: str, url: str) -> Plant:
    def plant(world: ApiWorld) -> None:
        with world.lab.machine(machine).changing() as state:
            state["curl"][url] = {"exit": 7, "stderr": "Failed to connect: No route to host"}

    return plant


def file(machine: str, path: str, content: str) -> Plant:
    return lambda world: world.lab.machine(machine).write(path, content)


def certificate(machine: str, path: str, name: str, hours: int = 720) -> Plant:
    """Made only when it is planted: that takes openssl."""

    def plant(world: ApiWorld) -> None:
        world.lab.machine(machine).write(path, recorded.certificate(name, hours=hours))

    return plant


def says(path: str, body: str) -> Plant:
    def plant(world: ApiWorld) -> None:
        with world.lab.machine(MASTER).changing() as state:
            state["kubectl"]["raw"][path] = body

    return plant


def old_authority(world: ApiWorld) -> None:
    certificate = recorded.certificate("ca", hours=240)
    world.lab.machine(MASTER).write(parts.ISSUED_CA, certificate)
    for one in world.cluster.nodes:
        world.lab.machine(one.name).write(parts.CA, certificate)


def no_api_server(world: ApiWorld) -> None:
    kubeconfig = world.api.kubeconfig.read_text().replace(world.api.url, "https://127.0.0.1:1")
    world.lab.machine(MASTER).write(recorded.KUBECONFIG, kubeconfig)


def patched(path: str, body: object) -> Plant:
    return lambda world: world.patch(path, body)


def removed(path: str) -> Plant:
    return lambda world: world.delete(path)


def pod_says(name: str, status: dict[str, Any], namespace: str = "ollama") -> Plant:
    """A kubelet's word of a container; the pod is ready no more."""

    def plant(world: ApiWorld) -> None:
        path = world.pod(name, namespace)
        said = world.get(path)["status"]
        containers = [{**said["containerStatuses"][0], "ready": False, **status}]
        conditions = [
            recorded.condition("Ready", "False", "ContainersNotReady", "containers with unready status")
        ]
        world.patch(f"{path}/status", {"status": {"containerStatuses": containers, "conditions": conditions}})

    return plant


def pending(world: ApiWorld) -> None:
    """Another pod has the GPU when Ollama's comes anew; what it says is the real scheduler's word."""
    world.patch(OLLAMA, {"spec": {"replicas": 0}})
    until(lambda: not world.api.pods("ollama"), "Ollama is gone")
    limits = {"limits": {recorded.RESOURCE: "1"}}
    spec = {"containers": [{"name": "hog", "image": "hog", "resources": limits}], "nodeName": HOST}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "hog", "namespace": "default"},
        "spec": spec,
    }
    until(lambda: world.get("/api/v1/namespaces/default/serviceaccounts")["items"], "an account")
    world.api.request("POST", "/api/v1/namespaces/default/pods", pod)
    world.patch(OLLAMA, {"spec": {"replicas": 1}})
    until(
        lambda: [p for p in world.api.pods("ollama") if p["status"].get("conditions")], "the scheduler's word"
    )


def strayed(world: ApiWorld) -> None:
    """A pod of Ollama's on a node without a GPU."""
    spec = {"containers": [{"name": "ollama", "image": "other"}], "nodeName": WORKER}
    metadata = {"name": "ollama-strayed", "namespace": "ollama", "labels": {"app": "ollama"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    world.api.request("POST", "/api/v1/namespaces/ollama/pods", pod)
    world.run_pods()


def no_endpoints(world: ApiWorld) -> None:
    world.patch(SERVICE, {"spec": {"selector": {"app": "olama"}}})
    way = "/apis/discovery.k8s.io/v1/namespaces/ollama/endpointslices"
    until(lambda: not any(one.get("endpoints") for one in world.get(way)["items"]), "it leads nowhere")


def other_dns(world: ApiWorld) -> None:
    world.delete(DNS)
    one = recorded.dns_service(world.cluster)
    one["spec"]["clusterIP"] = "10.96.0.254"
    world.api.apply(one)


CRASH = {
    "restartCount": 9,
    "state": {
        "waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}
    },
    "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}},
}
PULL = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}
NO_GPU = {key: {recorded.RESOURCE: "0"} for key in ("capacity", "allocatable")}

FAULTS: list[tuple[str, Plant, str, str, str]] = [
    # The check, its fault, and what stands in expected, found and advice.
    (f"node.exists {WORKER}", removed(f"{NODES}/{WORKER}"), "of this name", "none", f"diagnose {WORKER}"),
    ("nodes.known", stranger, "only homelab", "also stranger", "kubectl delete node stranger"),
    (
        f"node.labels {HOST}",
        node(HOST, {"metadata": {"labels": {"node-type": None}}}),
        "node-type=baremetal",
        "no node-type",
        f"kubectl label --overwrite node {HOST} node-type=baremetal",
    ),
    (
        f"node.taints {MASTER}",
        node(MASTER, {"spec": {"taints": None}}),
        "unschedulable=true:NoSchedule",
        "no taints",
        f"kubectl taint node {MASTER} node-role.kubernetes.io/master=true:NoSchedule unschedulable=true",
    ),
    (
        f"node.taints {WORKER}",
        node(WORKER, {"spec": {"taints": [{"key": "mine", "value": "x", "effect": "NoExecute"}]}}),
        "no taints",
        "mine=x:NoExecute",
        f"kubectl taint node {WORKER} mine=x:NoExecute-",
    ),
    (
        f"node.address {HOST}",
        states(HOST, {"addresses": [{"type": "InternalIP", "address": "10.0.10.5"}]}),
        "10.0.20.5",
        "10.0.10.5",
        f"hybridlab deploy {HOST}",
    ),
    (
        f"node.ready {WORKER}",
        ready("False", "KubeletNotReady", "container runtime network not ready"),
        "Ready",
        "KubeletNotReady: container runtime network not ready",
        f"diagnose {WORKER}",
    ),
    (
        f"node.ready {WORKER}",
        ready("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
        "Ready",
        "its kubelet is silent",
        f"diagnose {WORKER}",
    ),
    (
        f"node.schedulable {WORKER}",
        lambda world: world.api.kubectl("cordon", WORKER),
        "new pods",
        "cordoned",
        f"kubectl uncordon {WORKER}",
    ),
    (
        f"node.version {WORKER}",
        states(WORKER, {"nodeInfo": {**recorded.node_info(), "kubeletVersion": "v1.34.2"}}),
        "v1.36",
        "v1.34.2",
        f"hybridlab deploy {WORKER}",
    ),
    (
        f"node.version {WORKER}",
        states(WORKER, {"nodeInfo": {**recorded.node_info(), "kubeletVersion": "v1.36.2"}}),
        "v1.36.3",
        "v1.36.2",
        f"hybridlab deploy {WORKER}",
    ),
    (
        f"node.pod-network {WORKER}",
        again(WORKER, podCIDR="10.1.3.0/24", podCIDRs=["10.1.3.0/24"]),
        "10.244.0.0/16",
        "10.1.3.0/24",
        f"kubectl delete node {WORKER}",
    ),
    ("dns.service", other_dns, "10.96.0.10", "10.96.0.254", "kubectl delete service"),
    ("dns.service", removed(DNS), "kube-dns", "none", " kube-addon-manager"),
    ("dns.pods", pod_says("coredns", CRASH, "kube-system"), "2 ready", "exit code 2", "logs --previous"),
    (f"object.exists {'Deployment ollama/ollama'}", removed(OLLAMA), "Deployment", "none", "hybridlab apply"),
    (
        "object.exists DaemonSet kube-system/amd-gpu-device-plugin",
        lambda world: [world.delete(PLUGIN), states(HOST, NO_GPU)(world)],
        "DaemonSet",
        "none",
        "hybridlab apply",
    ),
    (
        "object.image Deployment ollama/ollama",
        patched(
            OLLAMA,
            {
                "spec": {
                    "template": {
                        "spec": {"containers": [{"name": "ollama", "image": "ollama/ollama:latest"}]}
                    }
                }
            },
        ),
        "ollama:0.30.0-rocm",
        "ollama/ollama:latest",
        "hybridlab apply",
    ),
    (
        "object.available Deployment ollama/ollama",
        patched(OLLAMA, {"spec": {"replicas": 0}}),
        "1 replicas",
        "0",
        "hybridlab apply",
    ),
    (
        "object.available Deployment ollama/ollama",
        pending,
        "1 ready",
        "Insufficient amd.com/gpu",
        "kubectl describe --namespace=ollama pod/ollama-",
    ),
    (
        "object.available Deployment ollama/ollama",
        pod_says("ollama", CRASH),
        "1 ready",
        "(9 restarts): Error, exit code 2",
        "kubectl logs --previous --namespace=ollama ollama-",
    ),
    (
        "object.available Deployment ollama/ollama",
        pod_says("ollama", PULL),
        "1 ready",
        "ImagePullBackOff: Back-off pulling image",
        "kubectl describe --namespace=ollama pod/ollama-",
    ),
    (
        "pods.placed Deployment ollama/ollama",
        strayed,
        HOST,
        f"ollama-strayed on {WORKER}",
        "kubectl delete --namespace=ollama pod ollama-strayed",
    ),
    (
        f"daemon.ready {HOST} DaemonSet kube-system/amd-gpu-device-plugin",
        lambda world: [pod_says("amd-gpu", CRASH, "kube-system")(world), states(HOST, NO_GPU)(world)],
        "a ready pod",
        "exit code 2",
        "kubectl logs --previous --namespace=kube-system amd-gpu-device-plugin-",
    ),
    (
        f"gpu.allocatable {HOST} amd.com/gpu",
        states(HOST, NO_GPU),
        "1 of amd.com/gpu",
        "0 allocatable of 0",
        f"--phase gpu {HOST}",
    ),
    (
        f"gpu.allocatable {WORKER} amd.com/gpu",
        states(WORKER, {key: {recorded.RESOURCE: "1"} for key in ("capacity", "allocatable")}),
        "no amd.com/gpu",
        "1 allocatable of 1",
        f"spec.nodeName={WORKER}",
    ),
    (
        "service.as-described Service ollama/ollama",
        patched(SERVICE, {"spec": {"ports": [{"name": "http", "port": 11434, "nodePort": 31435}]}}),
        "31434",
        "31435",
        "hybridlab apply",
    ),
    (
        "service.as-described Service ollama/ollama",
        patched(SERVICE, {"spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 11434}]}}),
        "NodePort",
        "ClusterIP",
        "hybridlab apply",
    ),
    ("service.as-described Service ollama/ollama", removed(SERVICE), "Service", "none", "hybridlab apply"),
    ("service.endpoints Service ollama/ollama", no_endpoints, "a ready pod", "none", "its selector"),
    (
        "port.answers 31434/tcp from services",
        unreachable(MASTER, "http://*:3[0-2][0-9][0-9][0-9]/"),
        "10.0.20.5",
        "no route to host",
        f"--phase network {HOST}",
    ),
    (
        "ollama.gpu ollama",
        says(PS, '{"models":[{"name":"gemma3:latest","size":5964735424,"size_vram":0}]}'),
        "wholly in GPU memory",
        "gemma3:latest: none of 5.6 GiB",
        "--phase gpu",
    ),
    (f"api.ready {MASTER}", no_api_server, "ok", "refused", " kube-apiserver"),
    (f"unit.active {MASTER} etcd.service", down(MASTER, "etcd"), "active", "auto-restart", " etcd"),
    (f"unit.active {WORKER} kubelet.service", down(WORKER, "kubelet"), "active", "12 times", " kubelet"),
    (
        f"kubelet.healthy {WORKER}",
        unreachable(WORKER, "http://127.0.0.1:10248/healthz"),
        "ok",
        "failed to connect",
        " kubelet",
    ),
    (
        f"api.reachable {WORKER}",
        unreachable(WORKER, "https://k8s-master:6443/readyz"),
        "an answer",
        "no route",
        "getent hosts k8s-master",
    ),
    (
        f"cfssl.reachable {WORKER}",
        unreachable(WORKER, "https://k8s-master:8888"),
        "an answer",
        "no route",
        "--phase network",
    ),
    (
        f"ca.same {WORKER}",
        certificate(WORKER, parts.CA, "another"),
        "k8s-master's",
        "another one",
        "systemctl stop certmgr",
    ),
    (
        f"certificates.there {WORKER}",
        file(WORKER, f"{parts.SECRETS}/kubelet-client.pem", ""),
        "4 certificates",
        "kubelet-client.pem missing or empty",
        f"diagnose {WORKER}",
    ),
    (
        f"certificates.authority {MASTER} {parts.SERVER}",
        certificate(MASTER, parts.SERVER, "cfssl", hours=29 * 24),
        "30 days",
        "28 days left",
        f"rm {parts.SERVER} && systemctl restart cfssl",
    ),
    (
        f"certificates.authority {MASTER} {parts.ISSUED_CA}",
        old_authority,
        "30 days",
        "9 days left",
        f"rm {parts.ISSUED_CA} {parts.SERVER} && systemctl restart cfssl",
    ),
    (
        f"certificates.renewed {HOST}",
        certificate(HOST, f"{parts.SECRETS}/flannel-client.pem", "late", hours=48),
        "70 h",
        "flannel-client.pem has 48 h left",
        " certmgr",
    ),
]


@pytest.mark.parametrize(("check", "plant", "expected", "found", "advice"), FAULTS)
def test_a_fault_is_reported_once(
    world: ApiWorld, check: str, plant: Plant, expected: str, found: str, advice: str
) -> None:
    plant(world)
    reported: dict[str, Failed] = world.failed()
    assert [*reported] == [check]
    assert expected in reported[check].expected
    assert found in reported[check].found
    assert advice in reported[check].advice

"""The checks of workloads: each fault is reported by one check, the right one, with what to do.

The programs are played in this process; tests/live/test_faults_cluster.py has a real API server.
"""

from pathlib import Path

import pytest

from hybridlab import load_spec, parse_spec, resolve
from hybridlab.live.checks import own_manifests, workloads
from hybridlab.live.checks.check import (
    Check,
    Connect,
    CouldNotLook,
    Failed,
    Http,
    HttpAnswer,
    Key,
    Ok,
    Refused,
    Skipped,
    Source,
    SourceAddress,
)
from hybridlab.live.checks.ollama import prompt
from hybridlab.live.probe import Output
from hybridlab.model.workload import Ollama
from hybridlab.spec.scalars import Address
from live.cluster_world import Plant, World, failed, not_ready, unlike
from live.standin.recorded_cluster import condition, pod
from nix.flakes import REPOSITORY

TEXT = (REPOSITORY / "cluster.yaml").read_text()
CLUSTER = resolve(load_spec(REPOSITORY / "cluster.yaml"))
[OLLAMA] = [workload for workload in CLUSTER.workloads if isinstance(workload, Ollama)]
PLUGIN = "DaemonSet kube-system/amd-gpu-device-plugin"
PROXY = "/api/v1/namespaces/ollama/services/ollama:http/proxy"
GIB = 2**30


def container(**state: object) -> dict[str, object]:
    return {"name": "ollama", "ready": False, "restartCount": 7, **state}


def broken(name: str, *containers: object, phase: str = "Running", **more: object) -> Plant:
    status = {"phase": phase, "conditions": [], "containerStatuses": [*containers], **more}
    return lambda world: world.pod(name).update(status=status)


def pending(name: str, message: str) -> Plant:
    said = condition("PodScheduled", "False", "Unschedulable", message)

    def plant(world: World) -> None:
        world.pod(name).update(spec={}, status={"phase": "Pending", "conditions": [said]})

    return plant


def no_gpu(world: World) -> None:
    for key in ("capacity", "allocatable"):
        world.node("homelab")["status"][key] = {"cpu": "8", "amd.com/gpu": "0"}


def loaded(vram: int, size: int) -> Plant:
    body = f'{{"models":[{{"name":"gemma3:latest","size":{size},"size_vram":{vram}}}]}}'
    return lambda world: world.api["raw"].update({f"{PROXY}/api/ps": body})


ERROR = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
FULL = "0/4 nodes are available: 4 Insufficient memory."

FAULTS: list[tuple[str, Plant, str, str, str]] = [
    # The check, its fault, and what stands in expected, found and advice.
    (
        "namespace.exists ollama",
        lambda world: [world.remove("Namespace", "ollama"), world.remove("Deployment", "ollama")],
        "a namespace",
        "none",
        "hybridlab apply",
    ),
    (
        "object.exists Deployment ollama/ollama",
        lambda world: world.remove("Deployment", "ollama"),
        "Deployment ollama/ollama",
        "none",
        "hybridlab apply",
    ),
    (
        f"object.exists {PLUGIN}",
        lambda world: [
            world.remove("DaemonSet", "amd-gpu-device-plugin"),
            world.remove("Pod", "amd-gpu-device-plugin-x-homelab"),
            no_gpu(world),
            pending("ollama", "0/4 nodes are available: 4 Insufficient amd.com/gpu.")(world),
        ],
        "DaemonSet",
        "none",
        "hybridlab apply",
    ),
    (
        "object.image Deployment ollama/ollama",
        lambda world: world.object("Deployment", "ollama")["spec"]["template"]["spec"].update(
            containers=[{"image": "ollama/ollama:latest"}]
        ),
        "0.30.0-rocm",
        "ollama/ollama:latest",
        "hybridlab apply",
    ),
    (
        "object.available Deployment ollama/ollama",
        lambda world: world.object("Deployment", "ollama")["spec"].update(replicas=0),
        "1 replicas",
        "0",
        "hybridlab apply",
    ),
    (
        "object.available Deployment ollama/ollama",
        lambda world: world.object("Deployment", "ollama")["metadata"].update(generation=2),
        "applied last",
        "has not seen",
        "kube-controller-manager",
    ),
    (
        "object.available Deployment ollama/ollama",
        lambda world: [
            world.remove("Pod", "ollama-x-homelab"),
            world.object("Deployment", "ollama")["status"].update(
                conditions=[condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: small")]
            ),
        ],
        "1 ready",
        "exceeded quota",
        "kubectl describe --namespace=ollama deployment/ollama",
    ),
    (
        "object.available Deployment ollama/ollama",
        pending("ollama", FULL),
        "1 ready",
        "4 Insufficient memory",
        "kubectl describe --namespace=ollama pod/ollama-x-homelab",
    ),
    (
        "object.available Deployment ollama/ollama",
        broken("ollama", container(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=ERROR)),
        "1 ready",
        "7 restarts): OOMKilled, exit code 137",
        "kubectl logs --previous --namespace=ollama ollama-x-homelab --container=ollama",
    ),
    (
        "object.available Deployment ollama/ollama",
        broken("ollama", container(state={"running": {}}, lastState=ERROR)),
        "1 ready",
        "exit code 137",
        "kubectl logs --previous",
    ),
    (
        "object.available Deployment ollama/ollama",
        broken(
            "ollama",
            container(state={"waiting": {"reason": "ImagePullBackOff", "message": "no such host"}}),
            phase="Pending",
        ),
        "1 ready",
        "ImagePullBackOff: no such host",
        "kubectl describe",
    ),
    (
        "pods.placed Deployment ollama/ollama",
        lambda world: world.pod("ollama")["spec"].update(nodeName="k8s-worker-1"),
        "homelab",
        "ollama-x-homelab on k8s-worker-1",
        "kubectl delete --namespace=ollama pod ollama-x-homelab",
    ),
    (
        f"daemon.ready homelab {PLUGIN}",
        lambda world: [
            world.remove("Pod", "amd-gpu-device-plugin-x-homelab"),
            no_gpu(world),
            pending("ollama", "4 Insufficient amd.com/gpu")(world),
        ],
        "a pod of it",
        "none",
        "kubectl describe --namespace=kube-system daemonset amd-gpu-device-plugin",
    ),
    (
        f"daemon.ready homelab {PLUGIN}",
        lambda world: [
            broken("amd", container(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=ERROR))(
                world
            ),
            no_gpu(world),
        ],
        "a ready pod",
        "exit code 137",
        "kubectl logs --previous",
    ),
    (
        "gpu.allocatable homelab amd.com/gpu",
        lambda world: [no_gpu(world), pending("ollama", "4 Insufficient amd.com/gpu")(world)],
        "1 of amd.com/gpu",
        "0 allocatable of 0",
        "--phase gpu homelab",
    ),
    (
        "gpu.allocatable homelab amd.com/gpu",
        unlike("homelab", "status", "allocatable", value={"amd.com/gpu": "0"}),
        "1 of amd.com/gpu",
        "0 allocatable of 1",
        "unhealthy",
    ),
    (
        "gpu.allocatable k8s-worker-1 amd.com/gpu",
        lambda world: [
            unlike("k8s-worker-1", "status", key, value={"amd.com/gpu": "2"})(world)
            for key in ("capacity", "allocatable")
        ],
        "no amd.com/gpu",
        "2 allocatable of 2",
        "spec.nodeName=k8s-worker-1",
    ),
    (
        "service.as-described Service ollama/ollama",
        lambda world: world.object("Service", "ollama")["spec"]["ports"][0].update(nodePort=31000),
        "at 31434",
        "at 31000",
        "hybridlab apply",
    ),
    (
        "service.as-described Service ollama/ollama",
        lambda world: world.object("Service", "ollama")["spec"].update(type="ClusterIP"),
        "NodePort, http 11434/tcp at 31434",
        "ClusterIP",
        "hybridlab apply",
    ),
    (
        "service.as-described Service ollama/ollama",
        lambda world: world.remove("Service", "ollama"),
        "Service ollama/ollama",
        "none",
        "hybridlab apply",
    ),
    (
        "service.endpoints Service ollama/ollama",
        lambda world: world.object("EndpointSlice", "ollama-abcde").update(endpoints=[]),
        "a ready pod",
        "none",
        "its selector",
    ),
    (
        "port.answers homelab 31434/tcp",
        lambda world: world.here.update({Connect(CLUSTER.nodes[0].address, 31434): Refused("no answer")}),
        "an answer",
        "no answer",
        "--phase network homelab",
    ),
    (
        "port.answers 31434/tcp from services",
        lambda world: world.states["k8s-master"]["curl"].clear(),
        "10.0.20.5 to k8s-master",
        "failed to connect",
        "nft list table ip nat | grep 31434",
    ),
    (
        "ollama.answers ollama",
        lambda world: world.api["raw"].pop(f"{PROXY}/api/tags"),
        "an answer",
        "could not find",
        "kubectl logs --namespace=ollama deployment/ollama",
    ),
    (
        "ollama.gpu ollama",
        loaded(0, 5 * GIB),
        "wholly in GPU memory",
        "gemma3:latest: none of 5.0 GiB",
        "--phase gpu",
    ),
    (
        "ollama.gpu ollama",
        loaded(4 * GIB, 5 * GIB),
        "wholly in GPU memory",
        "gemma3:latest: 4.0 of 5.0 GiB",
        "may count twice",
    ),
]


@pytest.mark.parametrize(("check", "plant", "expected", "found", "advice"), FAULTS)
def test_a_fault_is_reported_once(check: str, plant: Plant, expected: str, found: str, advice: str) -> None:
    world = World.healthy(CLUSTER)
    plant(world)
    if check == "port.answers 31434/tcp from services":  # curl asks for more than this on that machine
        reported = {str(key): verdict for key, verdict in _only(world, "port.answers").items()}
    else:
        reported = failed(world)
    assert [*reported] == [check]
    assert expected in reported[check].expected
    assert found in reported[check].found
    assert advice in reported[check].advice


def _only(world: World, code: str) -> dict[Key, Failed]:
    found = world.verdicts([check for check in workloads.checks(CLUSTER) if check.key.code == code])
    return {key: verdict for key, verdict in found.items() if isinstance(verdict, Failed)}


NODE_FAULTS: list[tuple[str, Plant]] = [
    ("node.ready homelab", not_ready("homelab")),
    ("node.labels homelab", unlike("homelab", "metadata", "labels", "gpu", value="no")),
    (
        "node.taints homelab",
        unlike("homelab", "spec", "taints", value=[{"key": "a", "value": "b", "effect": "NoSchedule"}]),
    ),
]


@pytest.mark.parametrize(("check", "plant"), NODE_FAULTS)
def test_a_pod_that_waits_for_its_node_is_no_fault_of_its_own(check: str, plant: Plant) -> None:
    world = World.healthy(CLUSTER)
    plant(world)
    pending("ollama", "0/4 nodes are available: 4 node(s) didn't match")(world)
    world.remove("Pod", "amd-gpu-device-plugin-x-homelab")
    no_gpu(world)
    assert [*failed(world)] == [check]
    found = world.verdicts()
    for key in (
        Key("object.available", None, "Deployment ollama/ollama"),
        Key("daemon.ready", "homelab", PLUGIN),
    ):
        assert isinstance(found[key], Skipped)
        assert "node homelab: expected" in found[key].reason


def test_a_cordoned_node_is_the_fault_and_not_the_pod_that_waits_for_it() -> None:
    world = World.healthy(CLUSTER)
    world.node("homelab")["spec"]["unschedulable"] = True
    pending("ollama", "0/4 nodes are available: 1 node(s) were unschedulable")(world)
    assert [*failed(world)] == ["node.schedulable homelab"]


def test_a_finished_pod_and_one_on_its_way_out_count_for_nothing() -> None:
    world = World.healthy(CLUSTER)
    gone = pod("ollama", "ollama-old", {"app": "ollama"}, "k8s-worker-1")
    gone["metadata"]["deletionTimestamp"] = "2026-11-25T12:00:00Z"
    evicted = pod("ollama", "ollama-evicted", {"app": "ollama"}, "k8s-worker-2")
    evicted["status"] = {"phase": "Failed", "reason": "Evicted"}
    world.api["pods"] += [gone, evicted]
    assert failed(world) == {}


def test_whoever_may_not_use_a_node_port_does_not_try_it() -> None:
    world = World.healthy(CLUSTER)
    for node in CLUSTER.nodes:
        world.here[Source(node.address)] = SourceAddress(_address("192.168.7.7"))
        world.here[Connect(node.address, 31434)] = Refused("no answer within 5 s")
    world.here[Source(CLUSTER.nodes[0].address)] = Refused("network is unreachable")
    found = world.verdicts()
    reasons = [found[Key("port.answers", node.name, "31434/tcp")] for node in CLUSTER.nodes]
    assert reasons[0] == Skipped("there is no way from here: network is unreachable")
    said = "this machine (192.168.7.7) is in none of the VLANs that may use it: management, services"
    assert reasons[1:] == [Skipped(said)] * 3


def _address(text: str) -> Address:
    return SourceAddress(CLUSTER.nodes[0].address.__class__(text)).address


def test_a_model_without_a_size_is_not_taken_for_wholly_in_gpu_memory() -> None:
    world = World.healthy(CLUSTER)
    loaded(0, 0)(world)
    found = world.verdicts()[Key("ollama.gpu", None, "ollama")]
    assert found == CouldNotLook("Ollama says that gemma3:latest has no size")


def test_what_is_in_gpu_memory_is_well() -> None:
    world = World.healthy(CLUSTER)
    loaded(5 * GIB, 5 * GIB)(world)
    assert world.verdicts()[Key("ollama.gpu", None, "ollama")] == Ok("all, by Ollama's count: gemma3:latest")


ANSWER = HttpAnswer(200, '{"model":"gemma3","response":"Yes","done":true}')


def ps(vram: object, name: str = "gemma3:latest") -> HttpAnswer:
    return HttpAnswer(200, f'{{"models":[{{"name":"{name}","size":5,"size_vram":{vram}}}]}}')


@pytest.mark.parametrize(
    ("answer", "after", "verdict", "found"),
    [
        (ANSWER, ps(5), Ok, "gemma3:latest"),
        (ANSWER, ps(0), Failed, "none of 0.0 GiB"),
        (ANSWER, ps("null"), CouldNotLook, "size_vram"),
        (ANSWER, ps(5, "other:latest"), Failed, "not among"),
        (ANSWER, HttpAnswer(200, "?"), CouldNotLook, "JSON"),
        (HttpAnswer(404, '{"error":"model \'gemma3\' not found"}'), ps(5), Failed, "not found"),
        (HttpAnswer(500, "llama runner has ended"), ps(5), Failed, "HTTP 500: llama runner"),
        (Refused("no end within 600 s"), ps(5), Failed, "no end"),
    ],
)
def test_a_prompt_shows_where_a_model_runs(
    answer: HttpAnswer | Refused, after: HttpAnswer, verdict: type, found: str
) -> None:
    check = prompt(CLUSTER, OLLAMA, "gemma3")
    [generate, looked] = check.looks
    assert isinstance(generate, Http) and isinstance(looked, Http)
    assert (generate.url, looked.url) == (
        "http://10.0.20.5:31434/api/generate",
        "http://10.0.20.5:31434/api/ps",
    )
    assert generate.post is not None and '"num_predict": 1' in generate.post
    judged = check.judge(answer, after)
    assert isinstance(judged, verdict)
    assert found in str(judged)


def test_without_a_node_port_nobody_can_prompt() -> None:
    hidden = resolve(
        parse_spec(TEXT.replace("    expose: {nodePort: 31434, from: [management, services]}\n", ""))
    )
    check = prompt(hidden, next(w for w in hidden.workloads if isinstance(w, Ollama)), "gemma3")
    assert check.looks == ()
    assert isinstance(check.judge(), Skipped)
    # All else is as before.
    world = World.healthy(hidden)
    assert failed(world) == {}
    assert world.object("Service", "ollama")["spec"]["type"] == "ClusterIP"


MANIFESTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
apiVersion: v1
kind: Secret
metadata: {name: password}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: where-the-secret-lies}
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: one, namespace: apps}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "agent:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: agent}
spec: {type: NodePort, selector: {app: agent}, ports: [{port: 80, nodePort: 31500}]}
"""


@pytest.fixture
def own(tmp_path: Path) -> World:
    """The example's cluster with manifests of the user's own, all applied."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "all.yaml").write_text(MANIFESTS)
    spec = tmp_path / "cluster.yaml"
    spec.write_text(
        TEXT.replace(
            "workloads:\n",
            "workloads:\n"
            "  own: {type: manifests, folder: own, expose: [{nodePort: 31500, from: [services]}]}\n",
        )
    )
    cluster = resolve(load_spec(spec))
    world = World.healthy(cluster)
    for one in cluster.objects:
        if one.kind != "Secret":
            world.api["objects"].append({**one.data, "status": {"desiredNumberScheduled": 1}})
    agent = world.object("DaemonSet", "agent")
    agent["metadata"] = {"name": "agent", "namespace": "default"}
    world.api["pods"].append(pod("default", "agent-1", {"app": "agent"}, "k8s-worker-1"))
    return world


def test_manifests_that_were_applied_are_well_and_no_secret_is_asked_for(own: World) -> None:
    assert failed(own) == {}
    found = {str(key): verdict for key, verdict in own.verdicts(own_manifests.checks(own.cluster)).items()}
    skipped = {key for key, verdict in found.items() if isinstance(verdict, Skipped)}
    assert skipped == {"object.exists Secret password", "object.exists ConfigMap where-the-secret-lies"}
    looked: list[Check] = [*own_manifests.checks(own.cluster)]
    assert not [look for check in looked for look in check.looks if "secret" in str(look).lower()]


OWN_FAULTS: list[tuple[str, Plant, str]] = [
    ("object.exists ConfigMap settings", lambda world: world.remove("ConfigMap", "settings"), "none"),
    ("object.exists DaemonSet agent", lambda world: world.remove("DaemonSet", "agent"), "none"),
    (
        "object.available DaemonSet agent",
        broken("agent", container(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=ERROR)),
        "exit code 137",
    ),
]


def test_a_node_port_of_own_manifests_waits_for_the_pods_behind_it(own: World) -> None:
    for node in own.cluster.nodes:
        own.here[Connect(node.address, 31500)] = Refused("connection refused")
    assert set(failed(own)) == {f"port.answers {node.name} 31500/tcp" for node in own.cluster.nodes}
    broken("agent", container(state={"terminated": {"exitCode": 3}}))(own)
    reported = failed(own)
    assert [*reported] == ["object.available DaemonSet agent"]
    assert "agent-1 has ended: exit code 3" in reported["object.available DaemonSet agent"].found


@pytest.mark.parametrize(("check", "plant", "found"), OWN_FAULTS)
def test_a_fault_of_own_manifests_is_reported_once(own: World, check: str, plant: Plant, found: str) -> None:
    plant(own)
    reported = failed(own)
    assert [*reported] == [check]
    assert found in reported[check].found


@pytest.mark.parametrize(
    ("status", "said", "verdict"),
    [
        (1, 'error: the server doesn\'t have a resource type "Widget"', Failed),
        (1, 'Error from server (NotFound): namespaces "apps" not found', Failed),
        (1, "Unable to connect to the server: EOF", CouldNotLook),
    ],
)
def test_what_kubectl_says_of_an_object_that_it_does_not_get(
    own: World, status: int, said: str, verdict: type
) -> None:
    [check] = [c for c in own_manifests.checks(own.cluster) if "Widget" in c.key.subject]
    assert isinstance(check.judge(Output(status, "", said)), verdict)

"""The scheduler as oracle: on random clusters it places a pod exactly where the model says that one may run.

Nodes are objects here, without a kubelet: with the model's labels, taints and GPUs, and no controller that
would miss a heartbeat.
"""

import itertools
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from hybridlab import Cluster, check, parse_spec, resolve
from hybridlab.emit.kubernetes.labels import tolerations_of
from hybridlab.model.cluster import Node
from hybridlab.model.node import Host
from hybridlab.model.workload import AmdGpuDevicePlugin
from kubernetes.control_plane import Api, api_server, path_of, scheduler, taints_of, until
from kubernetes.test_manifests import manifests
from strategies import TAINTS, Data, as_yaml, good_clusters

COUNT = itertools.count()
MERGE = "application/merge-patch+json"


@st.composite
def perhaps_stranded(draw: st.DrawFn) -> Data:
    """A cluster with Ollama, whose selector, GPUs and nodes are as they come."""
    data = draw(good_clusters(most_guests=4))
    assume("workloads" in data)
    members = [m for m in (*data["hosts"].values(), *data["guests"].values()) if "kubernetes" in m]
    for machine in members:
        own = machine["kubernetes"]
        own["taints"] = draw(st.sampled_from([[], [], *([taint] for taint in TAINTS)]))
        if draw(st.integers(0, 6)) == 0:
            own["schedulable"] = False
        if "gpu" in machine:
            machine["gpu"]["mode"] = draw(st.sampled_from(["host", "host", "off"]))
    names = [n for n, m in (*data["hosts"].items(), *data["guests"].items()) if "kubernetes" in m]
    llm = data["workloads"]["llm"]
    llm["gpus"] = draw(st.sampled_from([0, 0, 1, 1, 2]))
    llm["nodeSelector"] = draw(
        st.sampled_from(
            [{}, {"gpu": "amd"}, {"gpu": "none"}, *({"kubernetes.io/hostname": name} for name in names)]
        )
    )
    data["workloads"]["app"] = {
        "type": "deployment",
        "image": "nginx:1.29.1",
        "memory": draw(st.sampled_from(["16MiB", "2900MiB", "3GiB", "3996MiB", "3997MiB", "900GiB", "2TiB"])),
        "cpu": draw(st.sampled_from(["1m", 1, "4500m", 8, 32, 64])),
        "gpus": draw(st.sampled_from([0, 0, 0, 1])),
        "nodeSelector": draw(
            st.sampled_from([{}, {}, *({"kubernetes.io/hostname": name} for name in names)])
        ),
    }
    return data


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("placement")
    with api_server(folder) as running, scheduler(running, folder):
        # What the controllers would make.
        account = {"apiVersion": "v1", "kind": "ServiceAccount"}
        running.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ollama"}})
        running.apply({**account, "metadata": {"name": "default", "namespace": "ollama"}})
        yield running


def node_object(cluster: Cluster, node: Node) -> dict[str, Any]:
    """The node as its kubelet would report it; its GPUs only if a device plugin runs there."""
    plugins = [w for w in cluster.workloads if isinstance(w, AmdGpuDevicePlugin)]
    told = isinstance(node.machine, Host) and any(node.name in plugin.nodes for plugin in plugins)
    gpus = node.machine.gpus_for_pods if told and isinstance(node.machine, Host) else 0
    memory, cpu = node.machine.memory_for_pods_mib, node.machine.cpu_for_pods_milli
    capacity = {"cpu": f"{cpu}m", "memory": f"{memory}Mi", "pods": "110", "amd.com/gpu": str(gpus)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": dict(node.membership.labels)},
        "spec": {"taints": [{"key": t.key, "value": t.value, "effect": t.effect} for t in taints_of(node)]},
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def placed(api: Api, cluster: Cluster, workload: str) -> str | None:
    """The node on which the scheduler puts a workload's pod, alone in the cluster, or None."""
    nodes = [node_object(cluster, node) for node in cluster.nodes]
    for node in nodes:
        api.request("POST", "/api/v1/nodes", node)
        # The server taints a new node as not ready, until a controller has seen that it is.
        api.request("PATCH", path_of(node), {"spec": node["spec"]}, MERGE)
    kind = ("Deployment", workload)
    [deployment] = [one for one in manifests(cluster) if (one["kind"], one["metadata"]["name"]) == kind]
    last = cluster.nodes[-1]
    try:
        # The scheduler hears of nodes in their order: when it knows the last as it is, it knows all.
        with pod_of(api, {**PROBE, **on_node(last)}) as probe:
            until(lambda: decision(api, probe) == [last.name], "the scheduler knows the nodes")
        with pod_of(api, deployment["spec"]["template"]["spec"]) as pod:
            [name] = until(lambda: decision(api, pod), "the scheduler has decided")
            return name
    finally:
        for node in nodes:
            api.request("DELETE", path_of(node))


PROBE = {"containers": [{"name": "probe", "image": "probe"}]}


def on_node(node: Node) -> dict[str, Any]:
    """What puts a pod on this node and on no other, whatever its taints."""
    return {
        "nodeSelector": {"kubernetes.io/hostname": node.name},
        "tolerations": tolerations_of(taints_of(node)),
    }


@contextmanager
def pod_of(api: Api, spec: Any) -> Iterator[Any]:
    """A pod, for as long as it is looked at."""
    metadata = {"name": f"pod-{next(COUNT)}", "namespace": "ollama"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    api.request("POST", "/api/v1/namespaces/ollama/pods", pod)
    try:
        yield pod
    finally:
        api.request("DELETE", path_of(pod) + "?gracePeriodSeconds=0")


def decision(api: Api, pod: Any) -> list[str | None]:
    """The node's name, or that there is none; nothing before the scheduler has looked."""
    found = api.request("GET", path_of(pod))
    if "nodeName" in found["spec"]:
        return [str(found["spec"]["nodeName"])]
    conditions = found["status"].get("conditions", ())
    refused = any(c["type"] == "PodScheduled" and c["status"] == "False" for c in conditions)
    return [None] if refused else []


def test_the_scheduler_and_check_agree(api: Api) -> None:
    verdicts: Counter[tuple[bool, bool]] = Counter()

    @settings(
        max_examples=60,
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(perhaps_stranded())
    def agree(data: Data) -> None:
        cluster = resolve(parse_spec(as_yaml(data)))
        errors = check(cluster).errors
        # Then nothing runs, and nothing is said of a single workload.
        assume("K8S003" not in [error.code for error in errors])
        for name in ("llm", "app"):
            found = [error.code for error in errors if error.path[:2] == ("workloads", name)]
            # One pod at a time is placed here: what they ask for together is not compared.
            found = [code for code in found if code not in ("CAP007", "GPU003")]
            node = placed(api, cluster, name)
            [workload] = [w for w in cluster.workloads if w.name == name]
            assert (node is None) == bool(found), (node, found, workload.nodes)
            assert node is None or node in workload.nodes
            verdicts[node is not None, not found] += 1

    agree()
    logging.getLogger(__name__).info(
        "agreed on %d pods, of which %d were placed", sum(verdicts.values()), verdicts[True, True]
    )
    # Of both kinds, or nothing was compared.
    assert verdicts[True, True] and verdicts[False, False]

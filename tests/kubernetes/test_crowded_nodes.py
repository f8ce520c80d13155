"""The scheduler as oracle: pods that want a port of their node, a node of their own or a device stay Pending
exactly where the rules say so."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from hybridlab import Cluster, check
from hybridlab.model.workload import PodTemplate
from kubernetes.control_plane import Api, api_server, path_of, scheduler, until
from kubernetes.test_placement import MERGE, PROBE, decision, node_object, on_node, pod_of
from own_manifests import OWN, container, in_default, several
from patched import cluster

COUNT = itertools.count()
APART = (
    "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution:"
    " [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: a}}}]}}, "
)


def controller(
    ports: str,
    *,
    replicas: int = 1,
    spec: str = "hostNetwork: true, ",
    kind: str = "Deployment",
    name: str = "a",
) -> str:
    pod = f'{{{spec}containers: [{{name: a, image: "a:1", ports: [{ports}]}}]}}'
    many = "" if kind == "DaemonSet" else f"replicas: {replicas}, strategy: {{type: Recreate}}, "
    template = f"template: {{metadata: {{labels: {{app: {name}}}}}, spec: {pod}}}"
    return in_default(
        "apps/v1", kind, name, f"spec: {{{many}selector: {{matchLabels: {{app: {name}}}}}, {template}}}"
    )


PORT = "{containerPort: 8080}"
FORWARDED = "{containerPort: 80, hostPort: 8080}"
# With what stays Pending for certain; of two nodes that take pods.
CASES = {
    "as many as nodes": (controller(PORT, replicas=2), None),
    "more than nodes": (controller(PORT, replicas=3), "MAN043"),
    "more than nodes, without a port of theirs": (controller(PORT, replicas=3, spec=""), None),
    "more than nodes, forwarded": (controller(FORWARDED, replicas=3, spec=""), "MAN043"),
    "more than nodes, apart": (controller(PORT, replicas=3, spec=APART), "MAN043"),
    "as many as nodes, apart": (controller(PORT, replicas=2, spec=APART), None),
    "one on each node, twice": (
        several(controller(PORT, kind="DaemonSet"), controller(PORT, kind="DaemonSet", name="b")),
        "MAN042",
    ),
    "one on each node, at two ports": (
        several(
            controller(PORT, kind="DaemonSet"),
            controller("{containerPort: 8081}", kind="DaemonSet", name="b"),
        ),
        None,
    ),
    "one on each node, over two protocols": (
        several(
            controller(PORT, kind="DaemonSet"),
            controller("{containerPort: 8080, protocol: UDP}", kind="DaemonSet", name="b"),
        ),
        None,
    ),
    "three of one each": (several(*(controller(PORT, name=name) for name in "abc")), "MAN042"),
    "two of one each": (several(*(controller(PORT, name=name) for name in "ab")), None),
    "a device of nobody": (container("resources: {limits: {nvidia.com/gpu: 1}}"), "MAN026"),
    "large pages and half a processor": (container("resources: {limits: {cpu: 500m, memory: 64Mi}}"), None),
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("crowded")
    with api_server(folder) as running, scheduler(running, folder):
        running.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ollama"}})
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": "ollama"},
        }
        running.apply(account)
        yield running


def pods(template: PodTemplate) -> Iterator[dict[str, Any]]:
    """Yield the pods that a controller makes of a template; one of a DaemonSet is for its node alone."""
    selectors = [{}] * template.pods.replicas
    if template.one.kind == "DaemonSet":
        selectors = [{"kubernetes.io/hostname": name} for name in template.pods.nodes]
    for selector in selectors:
        metadata = {"name": f"crowd-{next(COUNT)}", "namespace": "ollama", "labels": dict(template.labels)}
        spec = {**template.spec, "nodeSelector": {**template.spec.get("nodeSelector", {}), **selector}}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def all_are_placed(api: Api, model: Cluster) -> bool:
    """Whether the scheduler finds a node for every pod of the manifests, one after the other."""
    nodes = [node_object(model, node) for node in model.nodes]
    with ExitStack() as stack:
        for node in nodes:
            api.request("POST", "/api/v1/nodes", node)
            stack.callback(api.request, "DELETE", path_of(node))
            api.request("PATCH", path_of(node), {"spec": node["spec"]}, MERGE)
        last = model.nodes[-1]
        with pod_of(api, {**PROBE, **on_node(last)}) as probe:
            until(lambda: decision(api, probe) == [last.name], "the scheduler knows the nodes")
        found: list[str | None] = []
        for template in model.templates:
            for pod in pods(template):
                api.request("POST", "/api/v1/namespaces/ollama/pods", pod)
                stack.callback(api.request, "DELETE", path_of(pod) + "?gracePeriodSeconds=0")
                found += until(lambda pod=pod: decision(api, pod), "the scheduler has decided")
        return None not in found


@pytest.mark.parametrize("case", CASES)
def test_pods_stay_pending_where_a_rule_says_so(api: Api, case: str) -> None:
    manifest, code = CASES[case]
    model = cluster(OWN, manifest=manifest)
    said = [one.code for one in check(model) if one.severity.value == "error"]
    assert said == ([] if code is None else [code])
    assert all_are_placed(api, model) == (code is None)

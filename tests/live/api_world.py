"""The example's cluster on a real API server, asked by the real kubectl on stand-in machines.

Controllers and scheduler are real. Nodes are objects, and a stand-in writes the status of pods in place of a
kubelet: so both can be in any state (tests/live/test_hollow_nodes.py has real kubelets).
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import define, field

from hybridlab import Cluster
from hybridlab.live.checks import cluster as cluster_checks
from hybridlab.live.checks import workloads
from hybridlab.live.checks.check import Failed, Result
from hybridlab.live.checks.pods import is_ready
from hybridlab.live.verify import verify
from kubernetes.control_plane import (
    Api,
    Programs,
    RefusedError,
    api_server,
    free_ports,
    path_of,
    scheduler,
    until,
)
from kubernetes.test_manifests import manifests
from live.standin import plays_cluster
from live.standin import recorded_cluster as recorded
from live.standin.lab import Lab, lab

MERGE = "application/merge-patch+json"
# Pods of faults, which nobody else takes away.
STRAYS = ("hog", "ollama-strayed")
_CONTROLLERS = (
    "deployment-controller,replicaset-controller,daemonset-controller,serviceaccount-controller,"
    "endpointslice-controller,garbage-collector-controller"
)


@define
class ApiWorld:
    """The API server, the lab, and what both were like when all was well."""

    cluster: Cluster
    api: Api
    lab: Lab
    healthy: dict[str, str] = field(factory=dict)
    address: int = 10

    def verify(self) -> tuple[Result, ...]:
        """Return what all checks of both phases come to."""
        checks = (*cluster_checks.checks(self.cluster), *workloads.checks(self.cluster))
        return verify(checks, self.cluster, self.lab.ssh)

    def failed(self) -> dict[str, Failed]:
        results = self.verify()
        return {str(r.check.key): r.verdict for r in results if isinstance(r.verdict, Failed)}

    def get(self, path: str) -> Any:
        return self.api.request("GET", path)

    def patch(self, path: str, body: object) -> None:
        self.api.request("PATCH", path, body, MERGE)

    def delete(self, path: str) -> None:
        with contextlib.suppress(RefusedError):
            self.api.request("DELETE", f"{path}?gracePeriodSeconds=0")

    def pod(self, name: str, namespace: str = "ollama") -> str:
        """Return the path of the pod whose name begins so, once it is there."""
        found = until(
            lambda: [p for p in self.api.pods(namespace) if p["metadata"]["name"].startswith(name)], name
        )
        return f"/api/v1/namespaces/{namespace}/pods/{found[0]['metadata']['name']}"

    def run_pods(self) -> None:
        """Do as kubelets would: let end what is to end, and say that each other pod on a node runs."""
        for namespace in ("kube-system", "ollama"):
            for pod in self.get(f"/api/v1/namespaces/{namespace}/pods")["items"]:
                if "deletionTimestamp" in pod["metadata"]:
                    self.delete(f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}")
                elif "nodeName" in pod["spec"] and not is_ready(pod):
                    self.address += 1
                    status = recorded.running()
                    address = f"10.244.0.{self.address}"
                    status |= {"podIP": address, "podIPs": [{"ip": address}]}
                    status["containerStatuses"][0]["name"] = pod["spec"]["containers"][0]["name"]
                    self.patch(
                        f"{path_of({**pod, 'apiVersion': 'v1', 'kind': 'Pod'})}/status", {"status": status}
                    )

    def make_healthy(self) -> None:
        """Bring back what the spec wants, and wait until it is there."""
        for machine in self.cluster.machines:
            played = self.lab.machine(machine.name)
            with played.changing() as state:
                state.clear()
                state.update(json.loads(self.healthy[machine.name]))
            for path, content in plays_cluster.healthy(self.cluster, machine).files.items():
                played.write(path, content)
        self.lab.machine(self.cluster.control_plane[0].name).write(
            recorded.KUBECONFIG, self.api.kubeconfig.read_text()
        )
        for pod in (*self.api.pods("default"), *self.api.pods("ollama")):
            if pod["metadata"]["name"] in STRAYS:
                self.delete(path_of({**pod, "apiVersion": "v1", "kind": "Pod"}))
        known = {one["metadata"]["name"]: one for one in recorded.nodes(self.cluster)}
        for one in self.get("/api/v1/nodes")["items"]:
            name = one["metadata"]["name"]
            if name not in known or one["spec"].get("podCIDR") != known[name]["spec"]["podCIDR"]:
                self.delete(f"/api/v1/nodes/{name}")
        for name, one in known.items():
            with contextlib.suppress(RefusedError):
                self.api.request("POST", "/api/v1/nodes", one)
            # Of a new node the API server thinks that it is not ready, until a controller says otherwise.
            spec = {"taints": one["spec"].get("taints"), "unschedulable": None}
            self.patch(f"/api/v1/nodes/{name}", {"metadata": one["metadata"], "spec": spec})
            gone = {
                key: {recorded.RESOURCE: None, **one["status"][key]} for key in ("allocatable", "capacity")
            }
            self.patch(f"/api/v1/nodes/{name}/status", {"status": {**one["status"], **gone}})
        for one in (*recorded.dns(self.cluster), *manifests(self.cluster)):
            self._apply(one)
        until(self._is_up, "all pods are ready", 30)

    def _apply(self, one: Any) -> None:
        """Apply an object as it is; what somebody else has put into it goes."""
        try:
            self.api.request("PUT", path_of(one), one)
        except RefusedError as refused:
            if refused.status != 404:
                self.delete(path_of(one))
            self.api.apply(one)

    def _is_up(self) -> bool:
        self.run_pods()
        found = [pod for namespace in ("kube-system", "ollama") for pod in self.api.pods(namespace)]
        slices = self.get("/apis/discovery.k8s.io/v1/namespaces/ollama/endpointslices")["items"]
        deployments = [
            self.get(f"/apis/apps/v1/namespaces/{path}")
            for path in ("ollama/deployments/ollama", "kube-system/deployments/coredns")
        ]
        return (
            len(found) == 4
            and all(map(is_ready, found))
            and any(one.get("endpoints") for one in slices)
            and all(d["status"].get("observedGeneration") == d["metadata"]["generation"] for d in deployments)
        )


@contextlib.contextmanager
def api_world(cluster: Cluster, folder: Path) -> Iterator[ApiWorld]:
    """Run all of it, healthy."""
    with (
        api_server(folder) as api,
        scheduler(api, folder) as programs,
        lab(cluster, folder / "lab") as machines,
    ):
        run_controllers(programs, api, _CONTROLLERS)
        recorded.serve(machines.machine(cluster.control_plane[0].name), api.kubeconfig)
        world = ApiWorld(cluster, api, machines)
        world.healthy = {name: json.dumps(one.state) for name, one in machines.machines.items()}
        world.make_healthy()
        yield world


def run_controllers(programs: Programs, api: Api, which: str, *more: str) -> None:
    """Run these controllers of the controller manager."""
    [port] = free_ports(1)
    programs.start(
        "kube-controller-manager",
        f"--kubeconfig={api.kubeconfig}",
        f"--controllers={which}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        *more,
    )

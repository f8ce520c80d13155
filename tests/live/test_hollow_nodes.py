"""What checks make of nodes as real kubelets report them: hollow ones, whose container runtime pretends."""

from pathlib import Path

import pytest

from hybridlab import Cluster
from hybridlab.live.checks.check import Ok, Skipped
from hybridlab.live.checks.node_object import offered_gpus
from kubernetes.control_plane import CONTROLLERS, api_server, hollow_node, scheduler, until
from kubernetes.test_manifests import manifests
from live.api_world import ApiWorld, run_controllers
from live.standin import recorded_cluster as recorded
from live.standin.lab import lab

pytestmark = pytest.mark.slow

NODES = "/api/v1/nodes"


def test_real_kubelets_are_well_but_for_what_is_not_theirs(cluster: Cluster, tmp_path: Path) -> None:
    """Their address is this machine's, and a build from source has no version; then two are made faulty."""
    assert cluster.kubernetes is not None
    networks = f"--cluster-cidr={cluster.kubernetes.pod_network}"
    with (
        api_server(tmp_path) as api,
        scheduler(api, tmp_path) as programs,
        lab(cluster, tmp_path / "lab") as machines,
    ):
        more = "node-ipam-controller,endpointslice-controller"
        run_controllers(programs, api, f"{CONTROLLERS},{more}", "--allocate-node-cidrs", networks)
        for node in cluster.nodes:
            gpus = offered_gpus(cluster, node)
            hollow_node(
                programs,
                api,
                node.name,
                labels=node.membership.own_labels,
                taints=node.membership.registered_taints,
                resources={recorded.RESOURCE: gpus} if gpus else None,
            )
        for one in (*recorded.dns(cluster), *manifests(cluster)):
            api.apply(one)
        recorded.serve(machines.machine("k8s-master"), api.kubeconfig)
        world = ApiWorld(cluster, api, machines)
        until(lambda: {*codes(world)} == {"node.address", "node.version"}, "all else is well", 120)
        assert codes(world) == ["node.address", "node.version"] * len(cluster.nodes)

        world.patch(f"{NODES}/k8s-worker-2", {"metadata": {"labels": {"kubernetes.io/hostname": "other"}}})
        api.kubectl("cordon", "k8s-worker-1")
        found = {str(r.check.key) for r in world.verify() if not isinstance(r.verdict, Ok | Skipped)}
        others = {key for key in found if not key.startswith(("node.address", "node.version"))}
        assert others == {"node.schedulable k8s-worker-1", "node.labels k8s-worker-2"}


def codes(world: ApiWorld) -> list[str]:
    """Return the codes of what is neither well nor skipped."""
    return [r.check.key.code for r in world.verify() if not isinstance(r.verdict, Ok | Skipped)]

"""Pods are taken off nodes by the real kubectl of a stand-in control plane, from a real API server."""

from collections.abc import Iterator

import pytest

from hybridlab import LiveError
from hybridlab.live.activation import Limits
from hybridlab.live.deploy import Deployment, Options
from hybridlab.live.drain import Nodes
from hybridlab.live.preflight import Seen, targets
from hybridlab.live.prepare import Prepared
from hybridlab.live.switching import Changes
from hybridlab.live.targets import address_of
from live.world import HOST, MASTER, OTHER, WORKER, World, make_world

POD = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(tmp_path_factory.mktemp("world")) as made:
        for node in made.cluster.nodes:
            ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
            made.patch_node(node.name, ready, status=True)
        yield made


@pytest.fixture
def nodes(world: World) -> Iterator[Nodes]:
    made = Nodes(world.lab.ssh, address_of(world.cluster, world.cluster.machine(MASTER)))
    yield made
    for name, state in (made.states() or {}).items():
        if state.ours:
            made.uncordon(name)


def cordoned(nodes: Nodes) -> dict[str, bool]:
    """The nodes that are cordoned: whether by us."""
    return {name: state.ours for name, state in (nodes.states() or {}).items() if state.cordoned}


def job(world: World, *units: str) -> Prepared:
    """A host whose switch restarts these units."""
    [target] = targets(world.cluster, world.cluster.hosts, {})
    seen = Seen(target, "/nix/store/old", "/nix/store/old", 1, 10**12, busy=False)
    return Prepared(seen, "/nix/store/new", Changes(restarts=units), ())


def deployment(world: World, *units: str, drain: bool = True) -> tuple[Deployment, list[str]]:
    said: list[str] = []
    options = Options(health=Limits().keep, drain=drain)
    return Deployment((job(world, *units),), world.cluster, world.lab.ssh, options, said.append), said


def test_a_node_is_cordoned_with_a_mark_and_let_back_without(nodes: Nodes) -> None:
    nodes.drain(WORKER)
    assert cordoned(nodes) == {WORKER: True}
    nodes.uncordon(WORKER)
    assert cordoned(nodes) == {}
    assert not any(state.ours for state in (nodes.states() or {}).values())


def test_a_pod_that_nobody_would_make_again_stops_it_and_nothing_stays_cordoned(
    world: World, nodes: Nodes
) -> None:
    switching, _ = deployment(world, *(f"microvm@{name}.service" for name in (WORKER, OTHER)))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "lonely"},
        "spec": {"nodeName": OTHER, "containers": [{"name": "one", "image": "one:1"}]},
    }
    world.api.request("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    world.api.request("POST", POD, pod)
    refusal = r"the pods on node k8s-worker-2 can not be taken off it.*--no-drain"
    with pytest.raises(LiveError, match=refusal), switching._drained(switching.jobs[0]):
        pass
    assert cordoned(nodes) == {}
    world.api.request("DELETE", f"{POD}/lonely?gracePeriodSeconds=0")


def test_nodes_that_a_switch_disturbs_are_drained_as_long_as_it_lasts(world: World, nodes: Nodes) -> None:
    switching, said = deployment(world, "kubelet.service", f"microvm@{WORKER}.service")
    with switching._drained(switching.jobs[0]):
        assert cordoned(nodes) == {HOST: True, WORKER: True}
    assert cordoned(nodes) == {}
    assert [line for line in said if "taking the pods off" in line] == [
        f"{HOST}: taking the pods off node {name}" for name in (HOST, WORKER)
    ]


def test_they_are_let_back_although_the_switch_failed(world: World, nodes: Nodes) -> None:
    switching, _ = deployment(world, "kubelet.service")
    with pytest.raises(KeyboardInterrupt), switching._drained(switching.jobs[0]):
        raise KeyboardInterrupt
    assert cordoned(nodes) == {}


def test_a_node_that_somebody_has_cordoned_stays_so(world: World, nodes: Nodes) -> None:
    world.patch_node(WORKER, {"spec": {"unschedulable": True}})
    switching, _ = deployment(world, f"microvm@{WORKER}.service")
    with switching._drained(switching.jobs[0]):
        assert cordoned(nodes) == {WORKER: False}
    assert cordoned(nodes) == {WORKER: False}
    world.patch_node(WORKER, {"spec": {"unschedulable": None}})


def test_pods_that_no_other_node_can_take_are_left(world: World, nodes: Nodes) -> None:
    units = [f"microvm@{name}.service" for name in (MASTER, WORKER, OTHER)]
    switching, said = deployment(world, "containerd.service", *units)
    with switching._drained(switching.jobs[0]):
        assert cordoned(nodes) == {}
    assert any("no other node can take them" in line for line in said)


@pytest.mark.parametrize(("units", "drain"), [(("sshd.service",), True), (("kubelet.service",), False)])
def test_nothing_is_drained_without_need_or_against_the_will(
    world: World, nodes: Nodes, units: tuple[str, ...], drain: bool
) -> None:
    switching, _ = deployment(world, *units, drain=drain)
    with switching._drained(switching.jobs[0]):
        assert cordoned(nodes) == {}


def test_what_a_run_that_died_has_cordoned_is_let_back(world: World, nodes: Nodes) -> None:
    nodes.drain(WORKER)
    switching, _ = deployment(world)
    switching.jobs = ()
    switching.run()
    assert cordoned(nodes) == {}


def test_without_an_api_server_nobody_knows(world: World, nodes: Nodes) -> None:
    world.machine(MASTER).plant("session", "kubectl", "fail")
    assert nodes.states() is None


def test_a_second_node_that_can_not_be_marked_leaves_the_first_one_as_it_was(
    world: World, nodes: Nodes
) -> None:
    world.machine(MASTER).plant("session", f"annotate --overwrite node {OTHER}", "fail")
    switching, _ = deployment(world, *(f"microvm@{name}.service" for name in (WORKER, OTHER)))
    with pytest.raises(LiveError), switching._drained(switching.jobs[0]):
        pass
    assert cordoned(nodes) == {}


def test_an_api_server_that_is_away_for_a_moment_leaves_nothing_cordoned(world: World, nodes: Nodes) -> None:
    switching, _ = deployment(world, f"microvm@{WORKER}.service")
    with switching._drained(switching.jobs[0]):
        world.machine(MASTER).plant("session", "uncordon", "fail")
    assert cordoned(nodes) == {}

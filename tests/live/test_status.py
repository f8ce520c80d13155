"""`status` on stand-in machines, a real API server and a real Nix: each drift is told, and told once."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from hybridlab import Cluster
from hybridlab.live.drain import ADMIN_KUBECONFIG
from hybridlab.live.drift import Drift
from hybridlab.live.kubectl import Kubectl
from live.standin.machine import Link
from live.standin.plays_generations import PROFILE, add_system, store_path
from live.standin.plays_units import running
from live.world import HOST, MASTER, MICROVMS, OTHER, WORKER, World, add_node, make_world, write_flake
from programs import need_program


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(tmp_path_factory.mktemp("status")) as made:
        yield made


def told(found: tuple[Drift, ...]) -> list[tuple[str, str, str]]:
    return [(one.layer.value, one.item, one.state.value) for one in found]


def test_nothing_drifts_and_each_machine_is_asked_over_one_connection(world: World) -> None:
    before = {name: world.machine(name).logins for name in (HOST, MASTER, WORKER)}
    assert world.drift() == ()
    # The control plane gives its kubeconfig over one more.
    after = {name: world.machine(name).logins - before[name] for name in before}
    assert after == {HOST: 1, MASTER: 2, WORKER: 1}


Plant = Callable[[World], Callable[[], object]]


def _link(machine: str, path: str, target: str) -> Plant:
    def plant(world: World) -> Callable[[], object]:
        played = world.machine(machine)
        before = str((played.root / path.lstrip("/")).readlink())
        played.write(path, Link(target))
        return lambda: played.write(path, Link(before))

    return plant


def _unit(machine: str, name: str, **state: str) -> Plant:
    """Change a unit, or add one."""

    def plant(world: World) -> Callable[[], object]:
        played = world.machine(machine)
        with played.changing() as all_state:
            before = all_state["units"].get(name)
            all_state["units"][name] = {**running("planted"), **(before or {}), **state}

        def undo() -> None:
            with played.changing() as all_state:
                if before is None:
                    del all_state["units"][name]
                else:
                    all_state["units"][name] = before

        return undo

    return plant


def _folder(machine: str, name: str) -> Plant:
    def plant(world: World) -> Callable[[], object]:
        folder = world.machine(machine).root / f"{MICROVMS}/{name}".lstrip("/")
        folder.mkdir()
        return folder.rmdir

    return plant


def _gone(machine: str, name: str) -> Plant:
    def plant(world: World) -> Callable[[], object]:
        folder = world.machine(machine).root / f"{MICROVMS}/{name}".lstrip("/")
        aside = folder.parent.parent / name
        folder.rename(aside)
        return lambda: aside.rename(folder)

    return plant


def _off(machine: str) -> Plant:
    def plant(world: World) -> Callable[[], object]:
        world.machine(machine).close_port()
        return world.machine(machine).open_port

    return plant


def _node(name: str, patch: Any, undo: Any, *, status: bool = False, by: str = "somebody") -> Plant:
    def plant(world: World) -> Callable[[], object]:
        world.patch_node(name, patch, status=status, by=by)
        return lambda: world.patch_node(name, undo, status=status, by=by)

    return plant


def _taints(name: str, change: Callable[[list[Any]], list[Any]]) -> Plant:
    """Change the taints of a node, which are one value for the server."""

    def plant(world: World) -> Callable[[], object]:
        before = world.api.request("GET", f"/api/v1/nodes/{name}")["spec"].get("taints", [])
        world.patch_node(name, {"spec": {"taints": change(before)}})
        return lambda: world.patch_node(name, {"spec": {"taints": before}})

    return plant


def _labels(**labels: str | None) -> Any:
    return {"metadata": {"labels": labels}}


def _no_node(world: World) -> Callable[[], object]:
    world.api.request("DELETE", f"/api/v1/nodes/{OTHER}")
    return lambda: add_node(world.api, world.cluster, OTHER)


def _more_node(world: World) -> Callable[[], object]:
    world.api.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "stranger"}})
    return lambda: world.api.request("DELETE", "/api/v1/nodes/stranger")


def _no_service(world: World) -> Callable[[], object]:
    world.api.request("DELETE", "/api/v1/namespaces/ollama/services/ollama")
    return lambda: Kubectl(kubeconfig=world.api.kubeconfig).apply(world.folder / "k8s")


def _other_service(world: World) -> Callable[[], object]:
    ports = {"spec": {"ports": [{"port": 11434, "nodePort": 31000}]}}
    path = "/api/v1/namespaces/ollama/services/ollama?fieldManager=somebody"
    world.api.request("PATCH", path, ports, "application/strategic-merge-patch+json")
    return lambda: Kubectl(kubeconfig=world.api.kubeconfig).apply(world.folder / "k8s", force=True)


def _left_over(world: World) -> Callable[[], object]:
    labels = {"app.kubernetes.io/part-of": world.cluster.name}
    one = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "old", "namespace": "ollama"}}
    world.api.apply({**one, "metadata": {**one["metadata"], "labels": labels}})  # type: ignore[dict-item]
    return lambda: world.api.request("DELETE", "/api/v1/namespaces/ollama/serviceaccounts/old")


def _another_kernel(world: World) -> Callable[[], object]:
    """A system of another kernel was switched to; the machine was not restarted since."""
    played = world.machine(HOST)
    path = add_system(played.machine, HOST, "newer", {}, kernel="6.18.9")
    undo = [_link(HOST, f"{PROFILE}-1-link", path)(world), _link(HOST, "/run/current-system", path)(world)]
    return lambda: [step() for step in undo]


def _by_deploy_rs(world: World) -> Callable[[], object]:
    """deploy-rs puts a wrapper into the profile, whose files are links into the system."""
    played = world.machine(HOST)
    wrapper = f"/nix/store/{'w' * 32}-activatable-nixos-system-{HOST}"
    system = store_path(HOST, "first")
    for file in ("activate", "kernel", "initrd", "kernel-modules", "kernel-params"):
        played.write(f"{wrapper}/{file}", Link(f"{system}/{file}"))
    return _link(HOST, f"{PROFILE}-1-link", wrapper)(world)


BUSY = {"key": "busy", "value": "yes", "effect": "NoSchedule"}
ADDRESS, RIGHT_ADDRESS = (
    {"status": {"addresses": [{"$patch": "replace"}, {"type": "InternalIP", "address": address}]}}
    for address in ("127.0.0.99", "127.0.0.12")
)
VERSION, RIGHT_VERSION = (
    {"status": {"nodeInfo": {"kubeletVersion": version}}} for version in ("v1.35.0", "v1.36.2")
)
OURS = {"hybridlab/cordoned-by-deploy": "true"}
CORDONED = {"spec": {"unschedulable": True}, "metadata": {"annotations": OURS}}
UNCORDONED = {"spec": {"unschedulable": None}, "metadata": {"annotations": dict.fromkeys(OURS)}}
GUEST_UNIT = f"microvm@{WORKER}.service"
CONTROL_PLANE_ONLY = "node-role.kubernetes.io/master"

# Faults that do not hide each other, each with what is told of it; those without are no drift.
FAULTS: dict[str, list[tuple[Plant, tuple[str, str, str] | None]]] = {
    "another system runs; guest not restarted; guest and object left over; node and label missing": [
        (_link(HOST, "/run/current-system", store_path(HOST, "test")), ("running", HOST, "changed")),
        (
            _link(HOST, f"{MICROVMS}/{WORKER}/current", f"/nix/store/{'o' * 32}-microvm-qemu-{WORKER}"),
            ("running", WORKER, "changed"),
        ),
        (_folder(HOST, "old"), ("running", f"old on {HOST}", "extra")),
        (_no_node, ("cluster", f"node {OTHER}", "missing")),
        (
            _node(HOST, _labels(gpu=None), _labels(gpu="amd")),
            ("cluster", f"label gpu of node {HOST}", "missing"),
        ),
        (_left_over, ("cluster", "serviceaccount/old -n ollama", "extra")),
    ],
    "restart needed; guest switched from inside; unknown guest and node; label and object changed": [
        (_another_kernel, ("running", HOST, "changed")),
        (
            _link(WORKER, "/run/current-system", store_path(WORKER, "inside")),
            ("running", WORKER, "changed"),
        ),
        (_unit(HOST, "microvm@old.service"), ("running", f"old on {HOST}", "extra")),
        (_more_node, ("cluster", "node stranger", "extra")),
        (
            _node(HOST, _labels(gpu="old"), _labels(gpu="amd")),
            ("cluster", f"label gpu of node {HOST}", "changed"),
        ),
        (_other_service, ("cluster", "Service ollama/ollama", "changed")),
    ],
    "activation not kept; guest does not run; label of an old spec; taint of somebody; object missing": [
        (_unit(HOST, "hybridlab-activation.service"), ("running", HOST, "changed")),
        (
            _unit(HOST, GUEST_UNIT, ActiveState="failed", SubState="failed"),
            ("running", WORKER, "missing"),
        ),
        (
            _node(WORKER, _labels(old="1"), _labels(old=None), by="kubelet"),
            ("cluster", f"label old of node {WORKER}", "extra"),
        ),
        (
            _taints(WORKER, lambda taints: [*taints, BUSY]),
            ("cluster", f"taint busy=yes:NoSchedule of node {WORKER}", "extra"),
        ),
        (_no_service, ("cluster", "Service ollama/ollama", "missing")),
    ],
    "guest not installed; taint missing; another address; another version; label of somebody": [
        (_gone(HOST, WORKER), ("running", WORKER, "missing")),
        (
            _taints(MASTER, lambda taints: [one for one in taints if one["key"] != CONTROL_PLANE_ONLY]),
            ("cluster", f"taint {CONTROL_PLANE_ONLY}=true:NoSchedule of node {MASTER}", "missing"),
        ),
        (_node(OTHER, ADDRESS, RIGHT_ADDRESS, status=True), ("cluster", f"node {OTHER}", "changed")),
        (_node(WORKER, VERSION, RIGHT_VERSION, status=True), ("cluster", f"node {WORKER}", "changed")),
        (_node(WORKER, _labels(mine="1"), _labels(mine=None)), None),
    ],
    "deployed by deploy-rs; guest unreachable; node cordoned": [
        (_by_deploy_rs, None),
        (_off(WORKER), ("running", WORKER, "unreachable")),
        (_node(OTHER, CORDONED, UNCORDONED), ("cluster", f"node {OTHER}", "changed")),
    ],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_each_drift_is_told_once(
    world: World, faults: list[tuple[Plant, tuple[str, str, str] | None]]
) -> None:
    with contextlib.ExitStack() as undone:
        for plant, _ in faults:
            undone.callback(plant(world))
        found = world.drift()
    assert sorted(told(found)) == sorted(expected for _, expected in faults if expected is not None), found
    assert all(one.detail and one.advice for one in found)


def test_control_plane_is_off(world: World) -> None:
    """What it alone could tell is unreachable, not gone."""
    with contextlib.ExitStack() as undone:
        undone.callback(_off(MASTER)(world))
        found = world.drift()
    expected = [
        ("running", MASTER),
        ("cluster", "nodes"),
        ("cluster", "namespaces"),
        ("cluster", "manifests"),
    ]
    assert told(found) == [(*one, "unreachable") for one in expected]


def test_the_api_server_does_not_answer_on_the_control_plane(world: World) -> None:
    """What kubectl says last is what it is about."""
    config = world.machine(MASTER).root / ADMIN_KUBECONFIG.lstrip("/")
    before = config.read_text()
    world.machine(MASTER).write(
        ADMIN_KUBECONFIG, before.replace("https://kubernetes:", "https://kubernetes:1")
    )
    found = world.drift()
    world.machine(MASTER).write(ADMIN_KUBECONFIG, before)
    assert told(found) == [("cluster", item, "unreachable") for item in ("nodes", "namespaces")]
    assert all(one.detail.startswith("Unable to connect to the server: ") for one in found), found


def test_namespace_is_missing(world: World) -> None:
    """All in it is missing with it, and not told again."""
    more = evolve(world, cluster=with_namespace(world.cluster, "other"))
    assert told(more.drift()) == [("cluster", "namespace other", "missing")]


def with_namespace(cluster: Cluster, namespace: str) -> Cluster:
    ollama = next(workload for workload in cluster.apps if workload.name == "ollama")
    return evolve(cluster, workloads=(*cluster.workloads, evolve(ollama, name="more", namespace=namespace)))


def test_nix_says_what_the_flake_makes(world: World) -> None:
    need_program("nix")
    try:
        assert world.drift(build=True) == ()
        write_flake(world.folder, store_path(HOST, "next"))
        assert told(world.drift(build=True)) == [("build", HOST, "changed")]
        # It runs there already, and was not kept: that is one thing.
        undo = _link(HOST, "/run/current-system", store_path(HOST, "next"))(world)
        found = world.drift(build=True)
        undo()
        assert told(found) == [("running", HOST, "changed")]
        (world.folder / "flake.nix").write_text("{ outputs = _: { }; }\n")
        [unknown] = world.drift(build=True)
        assert told((unknown,)) == [("build", HOST, "unreachable")]
        assert "does not provide attribute" in unknown.detail
    finally:
        write_flake(world.folder, store_path(HOST, "first"))


def test_nothing_of_the_kubeconfig_stays(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder for a session's files is used, and left empty."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert world.drift() == ()
    assert [*tmp_path.iterdir()] == []

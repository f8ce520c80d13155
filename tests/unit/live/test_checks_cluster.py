"""The checks of the cluster itself: a healthy one passes, and one check, the right one, reports each fault.

The programs are played in this process; tests/live/test_faults_cluster.py has a real API server.
"""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hybridlab import load_spec, parse_spec, resolve
from hybridlab.live.checks import cluster as cluster_checks
from hybridlab.live.checks import parts, workloads
from hybridlab.live.checks.check import CouldNotLook, Failed, Key, Ok, Remote, Skipped, Verdict
from hybridlab.live.probe import Output
from live.cluster_world import Plant, World, failed, not_ready, unlike
from live.standin.recorded_cluster import condition
from nix.flakes import REPOSITORY

CLUSTER = resolve(load_spec(REPOSITORY / "cluster.yaml"))
MASTER, WORKER = "k8s-master", "k8s-worker-1"


def test_a_healthy_cluster_passes() -> None:
    found = World.healthy(CLUSTER).verdicts()
    others = {str(key): verdict for key, verdict in found.items() if not isinstance(verdict, Ok)}
    assert {key: type(verdict) for key, verdict in others.items()} == {
        "ollama.gpu ollama": Skipped,  # nothing is loaded
        "port.answers 31434/tcp from management": Skipped,  # the host alone is there
    }


def test_without_kubernetes_nothing_is_asked() -> None:
    text = (REPOSITORY / "cluster.yaml").read_text()
    head, _, rest = text.partition("kubernetes:\n  vlan")
    lines = (line for line in head.splitlines() if "kubernetes: {role" not in line)
    without = "\n".join(lines).replace(
        "    kubernetes:\n      role: worker\n      labels: {gpu: amd, node-type: baremetal}", ""
    )
    bare = resolve(parse_spec(without + "\nsecrets:" + rest.partition("\nsecrets:")[2]))
    assert [*cluster_checks.checks(bare), *workloads.checks(bare)] == []


def down(machine: str, unit: str) -> Plant:
    return lambda world: world.unit(machine, unit).update(
        ActiveState="activating", SubState="auto-restart", Result="exit-code", NRestarts=17
    )


def unreachable(machine: str, url: str) -> Plant:
    answer = {"exit": 28, "stderr": "Connection timed out after 5001 milliseconds"}
    return lambda world: world.states[machine]["curl"].update({url: answer})


def taint(key: str, value: str = "", effect: str = "NoSchedule") -> dict[str, str]:
    return {"key": key, "value": value, "effect": effect}


FAULTS: list[tuple[str, Plant, str, str, str]] = [
    # The check, its fault, and what stands in expected, found and advice.
    *(
        (
            f"unit.active {machine} {unit}.service",
            down(machine, unit),
            "active",
            "auto-restart",
            f"`hybridlab logs --boot {machine} {unit}`",
        )
        for machine, unit in (
            *((WORKER, unit) for unit in ("containerd", "certmgr", "kubelet", "kube-proxy", "flannel")),
            *((MASTER, unit) for unit in ("cfssl", "etcd", "kube-apiserver", "kube-controller-manager")),
            *((MASTER, unit) for unit in ("kube-scheduler", "kube-addon-manager")),
        )
    ),
    (
        f"unit.active {WORKER} flannel.service",
        lambda world: world.states[WORKER]["units"].pop("flannel.service"),
        "active",
        "no such unit",
        "hybridlab deploy",
    ),
    (
        f"api.ready {MASTER}",
        lambda world: world.api.update(error="The connection to the server k8s-master:6443 was refused"),
        "ok",
        "was refused",
        " kube-apiserver",
    ),
    (
        f"kubelet.healthy {WORKER}",
        unreachable(WORKER, "http://127.0.0.1:10248/healthz"),
        "ok",
        "timed out",
        " kubelet",
    ),
    (
        f"api.reachable {WORKER}",
        unreachable(WORKER, "https://k8s-master:6443/readyz"),
        "an answer",
        "timed out",
        "getent hosts k8s-master",
    ),
    (
        f"cfssl.reachable {WORKER}",
        unreachable(WORKER, "https://k8s-master:8888"),
        "an answer",
        "timed out",
        "--phase network k8s-master",
    ),
    (
        f"certificates.there {WORKER}",
        lambda world: world.files[WORKER].pop(f"{parts.SECRETS}/kubelet.pem"),
        "4 certificates",
        "kubelet.pem missing",
        "diagnose",
    ),
    (
        f"certificates.there {WORKER}",
        lambda world: [
            unreachable(WORKER, "https://k8s-master:8888")(world),
            world.files[WORKER].update({parts.CA: ""}),
        ],
        "the CA's",
        "ca.pem missing or empty, and cfssl does not answer",
        "diagnose",
    ),
    (
        f"ca.same {WORKER}",
        lambda world: world.files[WORKER].update({parts.CA: "an old one"}),
        "k8s-master's",
        "another one",
        "systemctl stop certmgr",
    ),
    (
        f"certificates.authority {MASTER} {parts.SERVER}",
        lambda world: world.hours_left.update({(MASTER, "cfssl"): 29.5 * 24}),
        "at least 30 days",
        "29 days left",
        f"on {MASTER}: `rm {parts.SERVER} && systemctl restart cfssl` makes a new one",
    ),
    (
        f"certificates.authority {MASTER} {parts.SERVER}",
        # No node's is renewed any more, which is no fault of certmgr.
        lambda world: world.hours_left.update({(MASTER, "cfssl"): -700, (WORKER, "kubelet-client"): 12}),
        "at least 30 days",
        "ended 29 days ago",
        "systemctl restart cfssl",
    ),
    (
        f"certificates.authority {MASTER} {parts.ISSUED_CA}",
        lambda world: world.hours_left.update({(MASTER, "ca"): 100}),
        "at least 30 days",
        "4 days left",
        f"`rm {parts.ISSUED_CA} {parts.SERVER} && systemctl restart cfssl`",
    ),
    (
        f"certificates.renewed {MASTER}",
        lambda world: world.hours_left.update({(MASTER, "kube-apiserver"): 12}),
        "70 h",
        "kube-apiserver.pem has 12 h left",
        " certmgr",
    ),
    (
        f"certificates.renewed {WORKER}",
        lambda world: [
            world.hours_left.update({(WORKER, "kubelet-client"): -5}),
            not_ready(WORKER)(world),
        ],
        "70 h",
        "kubelet-client.pem ended 5 h ago",
        " certmgr",
    ),
    (
        "nodes.known",
        lambda world: world.api["nodes"].append({"kind": "Node", "metadata": {"name": "stranger"}}),
        "only homelab",
        "stranger",
        "kubectl delete node stranger",
    ),
    (
        f"node.exists {WORKER}",
        lambda world: world.remove("Node", WORKER),
        "a node",
        "none",
        f"hybridlab diagnose {WORKER}",
    ),
    (
        f"node.address {WORKER}",
        unlike(WORKER, "status", "addresses", value=[{"type": "InternalIP", "address": "10.0.10.5"}]),
        "10.0.20.11",
        "10.0.10.5",
        "--node-ip",
    ),
    (
        "node.labels homelab",
        unlike("homelab", "metadata", "labels", "gpu", value="nvidia"),
        "gpu=amd",
        "gpu=nvidia",
        "kubectl label --overwrite node homelab gpu=amd",
    ),
    (
        f"node.taints {MASTER}",
        unlike(MASTER, "spec", "taints", value=[taint("unschedulable", "true")]),
        "node-role.kubernetes.io/master=true:NoSchedule",
        "unschedulable",
        "kubectl taint node k8s-master node-role.kubernetes.io/master=true:NoSchedule`",
    ),
    (
        f"node.taints {WORKER}",
        unlike(WORKER, "spec", "taints", value=[taint("maintenance", effect="NoExecute")]),
        "no taints",
        "maintenance=:NoExecute",
        "maintenance=:NoExecute-",
    ),
    (
        f"node.schedulable {WORKER}",
        lambda world: [
            unlike(WORKER, "spec", "unschedulable", value=True)(world),
            unlike(WORKER, "spec", "taints", value=[taint("node.kubernetes.io/unschedulable")])(world),
        ],
        "new pods",
        "cordoned",
        f"kubectl uncordon {WORKER}",
    ),
    (f"node.ready {WORKER}", not_ready(WORKER), "Ready", "KubeletNotReady: cni plugin", "diagnose"),
    (
        f"node.ready {WORKER}",
        lambda world: world.node(WORKER)["status"].update(
            conditions=[
                condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
            ]
        ),
        "Ready",
        "silent",
        "diagnose",
    ),
    (
        f"node.version {WORKER}",
        unlike(WORKER, "status", "nodeInfo", "kubeletVersion", value="v1.35.4"),
        "v1.36",
        "v1.35.4",
        f"hybridlab deploy {WORKER}",
    ),
    (
        f"node.version {WORKER}",
        unlike(WORKER, "status", "nodeInfo", "kubeletVersion", value="v1.36.1"),
        "v1.36.3, as most",
        "v1.36.1",
        "hybridlab deploy",
    ),
    (
        f"node.pod-network {WORKER}",
        unlike(WORKER, "spec", "podCIDR", value="10.1.2.0/24"),
        "10.244.0.0/16",
        "10.1.2.0/24",
        "kubectl delete node",
    ),
    (
        f"node.pod-network {WORKER}",
        unlike(WORKER, "spec", "podCIDR", value=None),
        "10.244.0.0/16",
        "none",
        "controller manager",
    ),
    (
        "dns.service",
        lambda world: world.object("Service", "kube-dns")["spec"].update(clusterIP="10.96.0.254"),
        "10.96.0.10",
        "10.96.0.254",
        "kubectl delete service",
    ),
    ("dns.service", lambda world: world.remove("Service", "kube-dns"), "kube-dns", "none", "addon-manager"),
    (
        "dns.pods",
        lambda world: world.pod("coredns")["status"].update(conditions=[], phase="Pending"),
        "2 ready",
        "1 ready; coredns-0 is Pending",
        "kubectl describe --namespace=kube-system pod/coredns-0",
    ),
]


@pytest.mark.parametrize(("check", "plant", "expected", "found", "advice"), FAULTS)
def test_a_fault_is_reported_once(check: str, plant: Plant, expected: str, found: str, advice: str) -> None:
    world = World.healthy(CLUSTER)
    plant(world)
    reported = failed(world)
    assert [*reported] == [check]
    assert expected in reported[check].expected
    assert found in reported[check].found
    assert advice in reported[check].advice


def test_a_taint_of_the_spec_that_only_prefers_others_is_expected() -> None:
    text = (REPOSITORY / "cluster.yaml").read_text()
    text = text.replace(
        "{gpu: amd, node-type: baremetal}\n\n#", '{gpu: amd}\n      taints: ["slow=yes:PreferNoSchedule"]\n#'
    )
    world = World.healthy(resolve(parse_spec(text)))
    world.node("homelab")["spec"]["taints"] = []
    assert "node.taints homelab" in failed(world)


@pytest.mark.parametrize(
    ("state", "sub", "more", "passes"),
    [
        ("activating", "start-pre", {}, True),
        ("deactivating", "stop-sigterm", {}, True),
        ("activating", "auto-restart", {}, False),
        ("activating", "start", {"NRestarts": 3}, False),
        ("activating", "start", {"Result": "exit-code"}, False),
        ("failed", "failed", {}, False),
    ],
)
def test_a_unit_that_is_being_started_is_to_be_looked_at_again(
    state: str, sub: str, more: dict[str, object], passes: bool
) -> None:
    """As kube-apiserver of a healthy cluster is when certmgr restarts it (NixOS/nixpkgs#434442)."""
    world = World.healthy(CLUSTER)
    world.unit(MASTER, "kube-apiserver").update(ActiveState=state, SubState=sub, **more)
    [(check, verdict)] = failed(world).items()
    assert check == f"unit.active {MASTER} kube-apiserver.service"
    assert verdict.found.startswith(f"{state} ({sub}")
    assert ("hybridlab verify --wait" in verdict.advice) == passes
    assert f"hybridlab logs --boot {MASTER} kube-apiserver" in verdict.advice


def test_before_cfssl_can_be_started_its_certificates_are_not_looked_at() -> None:
    world = World.healthy(CLUSTER)
    down(MASTER, "cfssl")(world)
    world.hours_left = {(MASTER, "cfssl"): 1}
    assert [*failed(world)] == [f"unit.active {MASTER} cfssl.service"]


@pytest.mark.parametrize("hours", [71, 700])
def test_a_certificate_that_is_not_due_is_well(hours: float) -> None:
    world = World.healthy(CLUSTER)
    world.hours_left = {(WORKER, "kubelet"): hours}
    assert failed(world) == {}


def test_without_openssl_nobody_knows_when_a_certificate_ends_and_all_else_is_looked_at() -> None:
    world = World.healthy(CLUSTER)
    check = next(c for c in cluster_checks.checks(CLUSTER) if c.key == Key("certificates.renewed", WORKER))
    clock, *_ = (world.answer(look) for look in check.looks)
    missing = Output(Output.NOT_FOUND, "", "sh: openssl: not found")
    assert check.judge(clock, *[missing] * 4) == CouldNotLook("there is no openssl on the machine")
    ready = next(c for c in cluster_checks.checks(CLUSTER) if c.key == Key("node.ready", WORKER))
    nodes, clock, _ = (world.answer(look) for look in ready.looks)
    assert ready.judge(nodes, clock, missing) == Ok()
    assert all(look.probe.fine >= {Output.NOT_FOUND} for look in ready.looks[2:] if isinstance(look, Remote))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn) -> World:
    """A world in which something of what the API server has is something else."""
    world = World.healthy(CLUSTER)
    place: object = world.api[draw(st.sampled_from(["nodes", "pods", "objects"]))]
    for _ in range(draw(st.integers(0, 6))):
        keys = (
            [*place] if isinstance(place, dict) else [*range(len(place))] if isinstance(place, list) else []
        )
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if draw(st.integers(0, 4)) == 0 or not isinstance(place[key], dict | list):  # type: ignore[index]
            place[key] = draw(JSON)  # type: ignore[index]
            break
        place = place[key]  # type: ignore[index]
    return world


@settings(max_examples=40)
@given(damaged())
def test_no_judge_raises_on_odd_objects(world: World) -> None:
    everything = [*world.api["nodes"], *world.api["pods"], *world.api["objects"]]
    # Or the play itself could not list them.
    assume(all(isinstance(one, dict) and isinstance(one.get("kind"), str) for one in everything))
    assert all(isinstance(verdict, Verdict) for verdict in world.verdicts().values())


@pytest.mark.parametrize("said", ["", "\n", "{}", "[]", "null", '{"items": 3}', "nonsense\n=\n", "{" * 9000])
@pytest.mark.parametrize("status", [0, 1])
def test_no_judge_raises_on_odd_answers(said: str, status: int) -> None:
    world = World.healthy(CLUSTER)
    for check in (*cluster_checks.checks(CLUSTER), *workloads.checks(CLUSTER)):
        answers = [
            Output(status, said, said) if isinstance(look, Remote) else world.answer(look)
            for look in check.looks
        ]
        verdict = check.judge(*answers)
        # What is not understood is never taken for well; only what a status alone says, or nobody asked, is.
        assert isinstance(verdict, CouldNotLook | Failed | Skipped) or check.key.code in (
            "port.answers",
            "object.exists",
        )

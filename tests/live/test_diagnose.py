"""Planted faults of a node that joins: diagnose ends at the link that is broken, with evidence and the fix.

The machines are stand-ins behind a real sshd (tests/live/standin). In every journal, and in the places of the
join token, there are values that must never be shown.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from hybridlab import Cluster
from hybridlab.cli.diagnosis import as_data, lines
from hybridlab.live.checks import parts
from hybridlab.live.checks.check import CouldNotLook
from hybridlab.live.diagnose import Broken, Diagnosis, Unknown, diagnose
from kubernetes.control_plane import Api, api_server
from live.standin import recorded_cluster as recorded
from live.standin.lab import Lab, lab
from live.standin.machine import Link
from live.standin.plays_machines import TOKEN
from nix.flakes import REPOSITORY
from programs import need_program

HOST, MASTER, WORKER = "homelab", "k8s-master", "k8s-worker-1"
ADDRESS = "10.0.20.11"
CANARY, PLAIN_CANARY = "c0ffee5eafacade0c0ffee5eafacade0", "Correct4HorseBattery"
CLIENT = f"{parts.SECRETS}/kubelet-client.pem"
SUBNET = "/run/flannel/subnet.env"
AT_CERTMGR, AT_CFSSL = f"{parts.SECRETS}/apitoken.secret", "/var/lib/cfssl/apitoken.secret"
DECRYPTED = "/run/secrets/k8s/join-token"
LEAKS = (
    f'error: request with token="{CANARY}" failed',
    f"E1125 12:00:00.000000 1 x.go:1] error {CANARY}",
    f"failed: Authorization: Bearer {PLAIN_CANARY}",
    f"error -----BEGIN EC PRIVATE KEY-----\n{PLAIN_CANARY}\n-----END EC PRIVATE KEY-----",
)
FAILED = {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}
AGAIN = {"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code", "NRestarts": 42}


class Authority:
    """A CA of NixOS's name, and the certificates that it gives to kubelets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        subject = "/L=auto-generated/O=NixOS/OU=services.kubernetes.pki.caSpec/CN=kubernetes-cluster-ca"
        self._openssl(
            *("req", "-x509", *self._key("ca.key"), "-subj", subject, "-days", "1825", "-out", "ca.pem")
        )
        self.certificate = (folder / "ca.pem").read_text()

    def issue(self, name: str, days: int = 30) -> str:
        """Return a certificate of a kubelet."""
        subject = f"/O=system:nodes/CN=system:node:{name}"
        self._openssl("req", "-new", *self._key("node.key"), "-subj", subject, "-out", "node.csr")
        (self.folder / "extensions").write_text("authorityKeyIdentifier=keyid\n")
        signer = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions")
        self._openssl("x509", "-req", "-in", "node.csr", *signer, "-days", str(days), "-out", "node.pem")
        return (self.folder / "node.pem").read_text()

    def _key(self, name: str) -> tuple[str, ...]:
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name)

    def _openssl(self, *words: str) -> None:
        command = (need_program("openssl"), *words)
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=60)


@define
class World:
    """A healthy lab, what is planted in it, and how that is taken back."""

    lab: Lab
    authority: Authority
    other: Authority
    _undo: list[Callable[[], object]] = field(factory=list)

    def write(self, machine: str, path: str, content: str | Link) -> None:
        played = self.lab.machine(machine)
        file = played.machine.path(path)
        before = (
            Link(str(file.readlink())) if file.is_symlink() else file.read_text() if file.exists() else None
        )
        self._undo.append(
            (lambda: file.unlink(missing_ok=True)) if before is None else lambda: played.write(path, before)
        )
        played.write(path, content)

    def remove(self, machine: str, *paths: str) -> None:
        for path in paths:
            self.write(machine, path, "gone")
            self.lab.machine(machine).remove(path)

    def change(self, machine: str, change: Callable[[Any], object]) -> None:
        with self.lab.machine(machine).changing() as state:
            before = json.dumps(state)
            change(state)

        def undo() -> None:
            with self.lab.machine(machine).changing() as state:
                state.clear()
                state.update(json.loads(before))

        self._undo.append(undo)

    def unit(self, machine: str, name: str, values: Mapping[str, Any], *said: str) -> None:
        self.change(machine, lambda state: state["units"][name].update(values))
        self.lab.machine(machine).say(name, *said)

    def curl(self, machine: str, url: str, exit_status: int, said: str) -> None:
        self.change(machine, lambda state: state["curl"].update({url: {"exit": exit_status, "stderr": said}}))

    def node(self, change: Callable[[Any], object], name: str = WORKER) -> None:
        def of(state: Any) -> None:
            change(next(one for one in state["kubectl"]["nodes"] if one["metadata"]["name"] == name))

        self.change(MASTER, of)

    def close_port(self, machine: str) -> None:
        self.lab.machine(machine).close_port()
        self._undo.append(self.lab.machine(machine).open_port)

    def heal(self) -> None:
        while self._undo:
            self._undo.pop()()
        for played in self.lab.machines.values():
            played.heal()
            (played.folder / "journal").unlink(missing_ok=True)

    def diagnose(self, name: str = WORKER) -> Diagnosis:
        node = next(one for one in self.lab.cluster.nodes if one.name == name)
        return diagnose(self.lab.cluster, node, self.lab.ssh)


@pytest.fixture(scope="module")
def built(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("diagnose")
    with lab(cluster, folder / "lab") as machines:
        yield joined(machines, folder)


def joined(machines: Lab, folder: Path) -> World:
    """Give each node the certificate of its own name, and what flannel writes."""
    authority, other = Authority(folder / "ca"), Authority(folder / "other")
    for node in machines.cluster.nodes:
        played = machines.machine(node.name)
        played.write(parts.CA, authority.certificate)
        played.write(CLIENT, authority.issue(node.name))
        played.write(SUBNET, "FLANNEL_NETWORK=10.244.0.0/16\n")
    machines.machine(MASTER).write(parts.ISSUED_CA, authority.certificate)
    return World(machines, authority, other)


@pytest.fixture
def world(built: World) -> Iterator[World]:
    try:
        yield built
    finally:
        built.heal()


def shown(diagnosis: Diagnosis) -> str:
    """Return all that is ever shown of a diagnosis."""
    return json.dumps(as_data(diagnosis), ensure_ascii=False) + "\n".join(lines(diagnosis, ()))


Plant = Callable[[World], object]


def no_opening(state: Any) -> None:
    """Take the rule away that lets nodes in at cfssl's port."""
    rules = state["network"]["nft"]
    state["network"]["nft"] = [one for one in rules if not ("rule" in one and "8888" in json.dumps(one))]


def no_address(state: Any) -> None:
    for link in state["network"]["links"]:
        link["addr_info"] = [one for one in link.get("addr_info", []) if one["local"] != ADDRESS]


def renamed(state: Any) -> None:
    for one in state["kubectl"]["nodes"]:
        if one["metadata"]["name"] == WORKER:
            one["metadata"]["name"] = "nixos"


def not_ready(node: Any) -> None:
    node["status"]["conditions"] = [
        {
            "type": "Ready",
            "status": "False",
            "reason": "KubeletNotReady",
            "message": "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
            "message:Network plugin returns error: cni plugin not initialized",
        }
    ]


NO_ROUTE = (
    'E0930 07:02:18.031202 60596 kubelet_node_status.go:95] "Unable to register node with API server" err='
    '"Post \\"https://k8s-master:6443/api/v1/nodes\\": dial tcp 10.0.20.10:6443: connect: no route to host"'
)
X509 = (
    'E0629 05:29:43.583645 2413 kubelet_node_status.go:106] Unable to register node "k8s-worker-1" with API '
    "server: Post https://k8s-master:6443/api/v1/nodes: x509: certificate signed by unknown authority"
)
SWAP = (
    'E0205 10:58:14.917245 12704 run.go:72] "command failed" err="failed to run Kubelet: running with swap '
    'on is not supported, please disable swap"'
)
CNI = (
    'E1219 05:56:58.307318 37131 kubelet.go:2902] "Container runtime network not ready" networkReady='
    '"NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not '
    'initialized"'
)
TOKEN_REFUSED = '[ERROR] cert: failed: {"errors":[{"code":400,"message":"invalid token"}]}'
CFSSL, API = "https://k8s-master:8888", "https://k8s-master:6443/readyz"

# Each: what is planted, whose diagnosis, the check at which it ends, a part of the evidence and of the fix.
FAULTS: dict[str, tuple[Plant, str, str, str, str]] = {
    "guest does not start": (
        lambda w: w.unit(
            HOST,
            f"microvm@{WORKER}.service",
            FAILED,
            "Could not access KVM kernel module: No such file or directory",
        ),
        WORKER,
        f"unit.active {HOST} microvm@{WORKER}.service",
        "Could not access KVM",
        "turn on virtualization",
    ),
    "guest runs what was deployed before": (
        lambda w: w.write(HOST, f"/var/lib/microvms/{WORKER}/booted", Link("/nix/store/old")),
        WORKER,
        f"guest.current {HOST} {WORKER}",
        "",
        f"systemctl restart microvm@{WORKER}",
    ),
    "guest does not answer its host": (
        lambda w: (w.change(HOST, lambda s: s.update(silent=[ADDRESS])), w.close_port(WORKER)),
        WORKER,
        f"ping.host {WORKER} {ADDRESS}",
        "",
        f"hybridlab logs {HOST} microvm@{WORKER}",
    ),
    "no ssh": (lambda w: w.close_port(WORKER), WORKER, f"ssh {WORKER}", "", "systemctl status sshd"),
    "no address": (
        lambda w: (
            w.change(WORKER, no_address),
            w.lab.machine(WORKER).say("systemd-networkd.service", "vlan20: Could not set address: failed"),
        ),
        WORKER,
        f"address {WORKER} vlan20",
        "Could not set address",
        "networkctl reconfigure vlan20",
    ),
    "another address of the control plane": (
        lambda w: w.write(
            WORKER,
            "/etc/hosts",
            w.lab.machine(WORKER).machine.read("/etc/hosts").replace("10.0.20.10 ", "10.0.20.99 "),
        ),
        WORKER,
        f"names {WORKER}",
        "",
        "hybridlab deploy",
    ),
    "no way to cfssl": (
        lambda w: w.curl(WORKER, CFSSL, 28, "Connection timed out after 5001 milliseconds"),
        WORKER,
        f"cfssl.reachable {WORKER}",
        "",
        "hybridlab show openings",
    ),
    "firewall of the control plane": (
        lambda w: (
            w.curl(WORKER, CFSSL, 28, "Connection timed out after 5001 milliseconds"),
            w.change(MASTER, no_opening),
        ),
        WORKER,
        f"cfssl.reachable {WORKER}",
        "",
        "systemctl reload nftables",
    ),
    "cfssl does not run": (
        lambda w: (
            w.curl(WORKER, CFSSL, 7, "Failed to connect to k8s-master port 8888"),
            w.unit(MASTER, "cfssl.service", FAILED, "Failed to load CA"),
        ),
        WORKER,
        f"cfssl.reachable {WORKER}",
        "Failed to load CA",
        f"`hybridlab diagnose {MASTER}`",
    ),
    "secrets are not decrypted": (
        lambda w: w.unit(
            WORKER,
            "sops-install-secrets.service",
            FAILED,
            "sops-install-secrets: Failed to decrypt '/nix/store/x-secrets.yaml': Error getting data key: 0 "
            "successful groups required, got 0",
        ),
        WORKER,
        f"unit.active {WORKER} sops-install-secrets.service",
        "0 successful groups",
        "hybridlab secrets rekey",
    ),
    "no secret": (
        lambda w: w.remove(WORKER, DECRYPTED),
        WORKER,
        f"secret.file {WORKER} {DECRYPTED}",
        "",
        "hybridlab secrets check",
    ),
    "token not delivered": (
        lambda w: w.unit(
            WORKER,
            "hybridlab-join-token.service",
            FAILED,
            f"join token: {DECRYPTED} holds 31 hex digits, expected 32",
        ),
        WORKER,
        f"unit.active {WORKER} hybridlab-join-token.service",
        f"join token: {DECRYPTED} holds 31 hex digits",
        "hybridlab secrets rotate",
    ),
    "empty token": (
        lambda w: w.write(WORKER, AT_CERTMGR, ""),
        WORKER,
        f"secret.file {WORKER} {AT_CERTMGR}",
        "",
        "systemctl restart hybridlab-join-token",
    ),
    "no token on the control plane": (
        lambda w: w.remove(MASTER, AT_CFSSL),
        WORKER,
        f"secret.file {MASTER} {AT_CFSSL}",
        "",
        f"`hybridlab diagnose {MASTER}`",
    ),
    "another token": (
        lambda w: (
            w.write(WORKER, AT_CERTMGR, f"{CANARY}\n"),
            w.lab.machine(WORKER).say("certmgr.service", TOKEN_REFUSED),
        ),
        WORKER,
        f"token.same {WORKER}",
        "invalid token",
        f"hybridlab deploy {HOST}",
    ),
    "no CA": (
        lambda w: (
            w.remove(WORKER, parts.CA),
            w.lab.machine(WORKER).say(
                "kube-certmgr-bootstrap.service",
                "curl: (28) Failed to connect to k8s-master port 8888 after 134512 ms: Couldn't connect",
            ),
        ),
        WORKER,
        f"ca.there {WORKER}",
        "curl: (28)",
        f"hybridlab verify --phase network {MASTER} {WORKER}",
    ),
    "new CA": (
        lambda w: (
            w.write(MASTER, parts.ISSUED_CA, w.other.certificate),
            w.lab.machine(WORKER).say("kubelet.service", X509),
        ),
        WORKER,
        f"ca.same {WORKER}",
        "certificate signed by unknown authority",
        "systemctl stop certmgr && rm /var/lib/kubernetes/secrets/ca.pem && systemctl start certmgr",
    ),
    "new CA, and nobody says so": (
        lambda w: w.write(MASTER, parts.ISSUED_CA, w.other.certificate),
        WORKER,
        f"ca.same {WORKER}",
        "",
        "systemctl stop certmgr && rm /var/lib/kubernetes/secrets/ca.pem && systemctl start certmgr",
    ),
    "certmgr starts again and again": (
        lambda w: w.unit(WORKER, "certmgr.service", AGAIN, TOKEN_REFUSED),
        WORKER,
        f"unit.active {WORKER} certmgr.service",
        "invalid token",
        f"`hybridlab deploy {HOST}`",
    ),
    "no certificate": (
        lambda w: w.remove(WORKER, f"{parts.SECRETS}/kubelet.pem"),
        WORKER,
        f"certificates.there {WORKER}",
        "",
        "systemctl restart certmgr",
    ),
    "certificate of another name": (
        lambda w: w.write(WORKER, CLIENT, w.authority.issue("nixos")),
        WORKER,
        f"certificate.own {WORKER}",
        "",
        f"rm {CLIENT}",
    ),
    "certificate that has ended": (
        lambda w: w.write(WORKER, CLIENT, w.authority.issue(WORKER, days=-1)),
        WORKER,
        f"certificate.own {WORKER}",
        "",
        "systemctl restart certmgr",
    ),
    "certificate of an older CA of the same name": (
        lambda w: w.write(WORKER, CLIENT, w.other.issue(WORKER)),
        WORKER,
        f"certificate.own {WORKER}",
        "",
        f"rm {CLIENT}",
    ),
    "containerd does not run": (
        lambda w: w.unit(WORKER, "containerd.service", FAILED, "containerd: write: no space left on device"),
        WORKER,
        f"unit.active {WORKER} containerd.service",
        "no space left",
        "df -h",
    ),
    "swap": (
        lambda w: (
            w.write(WORKER, "/proc/swaps", "Filename Type\n/dev/vdb partition 1048572 0 -2\n"),
            w.unit(WORKER, "kubelet.service", AGAIN, SWAP),
        ),
        WORKER,
        f"swap {WORKER}",
        "running with swap on",
        "swapoff -a",
    ),
    "kubelet starts again and again": (
        lambda w: w.unit(WORKER, "kubelet.service", AGAIN, SWAP),
        WORKER,
        f"unit.active {WORKER} kubelet.service",
        "running with swap on",
        "swapoff -a",
    ),
    "kubelet is not well": (
        lambda w: w.curl(WORKER, "http://127.0.0.1:10248/healthz", 7, "Failed to connect"),
        WORKER,
        f"kubelet.healthy {WORKER}",
        "",
        " kubelet",
    ),
    "no way to the API server": (
        lambda w: (
            w.curl(WORKER, API, 28, "Connection timed out after 5001 milliseconds"),
            w.lab.machine(WORKER).say("kubelet.service", NO_ROUTE),
        ),
        WORKER,
        f"api.reachable {WORKER}",
        "no route to host",
        "hybridlab show openings",
    ),
    "API server is not well": (
        lambda w: w.change(MASTER, lambda s: s["kubectl"].update(error="[-]etcd failed: reason withheld")),
        WORKER,
        f"api.ready {MASTER}",
        "",
        f"`hybridlab diagnose {MASTER}`",
    ),
    "node of another name": (
        lambda w: w.change(MASTER, renamed),
        WORKER,
        f"node.exists {WORKER}",
        "",
        "kubectl delete node nixos",
    ),
    "no node": (
        lambda w: (
            w.change(MASTER, lambda s: s["kubectl"].update(nodes=[])),
            w.lab.machine(WORKER).say("kubelet.service", 'Unable to register node: nodes "x": Unauthorized'),
        ),
        WORKER,
        f"node.exists {WORKER}",
        "Unauthorized",
        "rm /var/lib/kubernetes/secrets/ca.pem",
    ),
    "node of another address": (
        lambda w: w.node(lambda n: n["status"]["addresses"][0].update(address="10.0.2.15")),
        WORKER,
        f"node.address {WORKER}",
        "",
        f"hybridlab deploy {WORKER}",
    ),
    "no pod network": (
        lambda w: (
            w.node(lambda n: n["spec"].pop("podCIDR")),
            w.unit(MASTER, "kube-controller-manager.service", FAILED, "E1125 1 x.go:1] no free range"),
        ),
        WORKER,
        f"node.pod-network {WORKER}",
        "no free range",
        f"`hybridlab diagnose {MASTER}`",
    ),
    "flannel starts again and again": (
        lambda w: w.unit(
            WORKER,
            "flannel.service",
            AGAIN,
            "E1008 19:38:48.400105 1 network.go:106] failed to register network: failed to acquire lease: "
            'node "nixos" not found',
        ),
        WORKER,
        f"unit.active {WORKER} flannel.service",
        "failed to acquire lease",
        f"`hybridlab deploy {HOST}` gives it its name",
    ),
    "flannel has written nothing": (
        lambda w: w.remove(WORKER, SUBNET),
        WORKER,
        f"flannel.subnet {WORKER}",
        "",
        "systemctl restart flannel",
    ),
    "not ready": (
        lambda w: (w.node(not_ready), w.lab.machine(WORKER).say("kubelet.service", CNI)),
        WORKER,
        f"node.ready {WORKER}",
        "cni plugin not initialized",
        "/etc/cni/net.d",
    ),
    "etcd does not run": (
        lambda w: w.unit(MASTER, "etcd.service", FAILED, "etcd: no space left on device"),
        MASTER,
        f"unit.active {MASTER} etcd.service",
        "no space left",
        "df -h",
    ),
    "API server does not run": (
        lambda w: w.unit(MASTER, "kube-apiserver.service", AGAIN, "E1125 1 run.go:72] connection refused"),
        MASTER,
        f"unit.active {MASTER} kube-apiserver.service",
        "connection refused",
        " kube-apiserver",
    ),
    "cfssl does not run, on the control plane": (
        lambda w: w.unit(MASTER, "cfssl.service", FAILED, "failed to load CA"),
        MASTER,
        f"unit.active {MASTER} cfssl.service",
        "failed to load CA",
        " cfssl",
    ),
}


@pytest.mark.parametrize(
    ("plant", "name", "key", "evidence", "fix"),
    FAULTS.values(),
    ids=[name.replace(" ", "-") for name in FAULTS],
)
def test_fault_is_told_by_its_link_with_evidence_and_fix(
    world: World, plant: Plant, name: str, key: str, evidence: str, fix: str
) -> None:
    for played in world.lab.machines.values():
        for unit in played.state["units"]:
            played.say(unit, *LEAKS)
    plant(world)

    found = world.diagnose(name)

    assert isinstance(found.end, Broken)
    assert (str(found.end.step.check.key), found.end.step.verdict) == (key, found.end.step.verdict)
    assert evidence in "\n".join(line for one in found.end.evidence for line in one.lines)
    assert all(len(one.lines) <= 8 for one in found.end.evidence)
    assert fix in found.end.fix
    assert "(left out)" not in f"{found.end.means}{found.end.fix}{found.end.step.verdict}"
    # Nothing after it is judged, and everything before it is well.
    number = found.steps.index(found.end.step)
    assert {told.verdict for told in found.steps[number + 1 :]} <= {None}
    for secret in (TOKEN, CANARY, CANARY[:16], PLAIN_CANARY):
        assert secret not in shown(found)


def test_healthy_node_has_joined_over_one_connection_for_each_machine(world: World) -> None:
    for name in (WORKER, MASTER, HOST):
        before = {played.name: played.logins for played in world.lab.machines.values()}
        found = world.diagnose(name)
        assert found.end is None, found.end
        asked = {WORKER: {WORKER, HOST, MASTER}, MASTER: {HOST, MASTER}, HOST: {HOST, MASTER}}[name]
        logins = {p.name: p.logins - before[p.name] for p in world.lab.machines.values()}
        assert {one for one, number in logins.items() if number} == asked
        assert set(logins.values()) <= {0, 1}
    assert {played.unplayed for played in world.lab.machines.values()} == {()}


def test_host_out_of_reach_does_not_stand_in_the_way(world: World) -> None:
    world.close_port(HOST)

    found = world.diagnose()

    assert found.end is None
    assert isinstance(found.steps[0].verdict, CouldNotLook)


def test_control_plane_out_of_reach_leaves_it_open(world: World) -> None:
    world.close_port(MASTER)

    found = world.diagnose()

    assert isinstance(found.end, Unknown)
    assert found.end.step.check.key.machine == MASTER
    assert f"`hybridlab diagnose {MASTER}`" in found.end.fix


def test_program_that_hangs_leaves_it_open(world: World) -> None:
    world.lab.machine(WORKER).plant("sha256sum", does="hang", times=None)

    found = world.diagnose()

    assert isinstance(found.end, Unknown)
    assert str(found.end.step.check.key) == f"token.same {WORKER}"
    assert "did not come to an end" in shown(found)


def run(lab: Lab, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "hybridlab",
            "--spec",
            str(REPOSITORY / "cluster.yaml"),
            "diagnose",
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**lab.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_command_says_that_a_node_has_joined_and_what_verify_adds(world: World) -> None:
    ran = run(world.lab, WORKER)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"{WORKER} has joined" in ran.stdout
    assert f"`hybridlab verify {WORKER}` looks at " in ran.stdout


def test_command_shows_where_the_chain_breaks(world: World) -> None:
    world.unit(WORKER, "kubelet.service", AGAIN, *LEAKS, SWAP)

    ran, as_json = run(world.lab, WORKER), run(world.lab, WORKER, "--format", "json")

    assert (ran.returncode, as_json.returncode) == (1, 1), ran.stderr
    for part in (
        "the chain breaks at kubelet",
        "  expected ",
        "  journal    kubelet.service on",
        "swapoff -a",
    ):
        assert part in ran.stdout
    told = json.loads(as_json.stdout)
    assert (told["node"], told["result"], told["link"]) == (WORKER, "broken", "kubelet")
    assert "swapoff -a" in told["fix"]
    assert [one["unit"] for one in told["evidence"]] == ["kubelet.service"]
    assert told["chain"][-1]["status"] == "not-looked-at"
    for text in (ran.stdout, as_json.stdout, ran.stderr):
        assert CANARY not in text
        assert PLAIN_CANARY not in text


def test_machine_that_is_not_there_is_wrong_usage(world: World) -> None:
    ran = run(world.lab, "k8s-worker-9")

    assert (ran.returncode, "there is no machine 'k8s-worker-9'" in ran.stderr) == (2, True)


def key_of_end(found: Diagnosis) -> str | None:
    return None if found.end is None else str(found.end.step.check.key)


@pytest.mark.slow
def test_real_api_server_says_how_far_a_node_has_come(cluster: Cluster, tmp_path: Path) -> None:
    """From one that nobody knows to one that is ready, as the real kubectl shows it."""
    with api_server(tmp_path) as api, lab(cluster, tmp_path / "lab") as machines:
        world = joined(machines, tmp_path)
        recorded.serve(machines.machine(MASTER), api.kubeconfig)
        [one] = [one for one in recorded.nodes(cluster) if one["metadata"]["name"] == WORKER]
        path = f"/api/v1/nodes/{WORKER}"
        assert key_of_end(world.diagnose()) == f"node.exists {WORKER}"

        # As a kubelet makes it: without addresses, network and conditions at first.
        api.request("POST", "/api/v1/nodes", {**one, "spec": {}, "status": {}})
        assert key_of_end(world.diagnose()) == f"node.address {WORKER}"
        merge(api, f"{path}/status", {"status": {"addresses": one["status"]["addresses"]}})
        assert key_of_end(world.diagnose()) == f"node.pod-network {WORKER}"
        merge(api, path, {"spec": {key: one["spec"][key] for key in ("podCIDR", "podCIDRs")}})
        found = world.diagnose()
        assert key_of_end(found) == f"node.ready {WORKER}"
        assert "its kubelet has never said so" in shown(found)
        merge(api, f"{path}/status", {"status": {"conditions": one["status"]["conditions"]}})
        assert key_of_end(world.diagnose()) is None

        machines.machine(MASTER).write(recorded.KUBECONFIG, "apiVersion: v1\nkind: Config\n")
        assert key_of_end(world.diagnose()) == f"api.ready {MASTER}"


def merge(api: Api, path: str, body: object) -> None:
    api.request("PATCH", path, body, "application/merge-patch+json")

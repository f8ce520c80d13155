"""The chain that diagnose goes along, what it reads in journals, and what it never shows of them."""

import secrets
from typing import Any

import pytest
from attrs import evolve

from hybridlab import Cluster, load_spec, resolve
from hybridlab.live.chain.causes import Place, cause
from hybridlab.live.chain.evidence import MOST_LINES, lines_about_trouble
from hybridlab.live.chain.links import Step, chain
from hybridlab.live.chain.own import own_certificate
from hybridlab.live.chain.redact import redacted
from hybridlab.live.checks.all import all_checks
from hybridlab.live.checks.check import CouldNotLook, Failed, Key, Ok, Remote, Verdict
from hybridlab.live.diagnose import Broken, Diagnosis, Unknown, judged
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Node
from nix.flakes import REPOSITORY

WORKER, MASTER, HOST = "k8s-worker-1", "k8s-master", "homelab"
PLACE = Place(WORKER, HOST, MASTER, HOST)
AT_CERTMGR = "/var/lib/kubernetes/secrets/apitoken.secret"


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return resolve(load_spec(REPOSITORY / "cluster.yaml"))


def node(cluster: Cluster, name: str = WORKER) -> Node:
    return next(one for one in cluster.nodes if one.name == name)


def keys(steps: tuple[Step, ...]) -> list[str]:
    return [str(step.check.key) for step in steps]


# The chain


def test_chain_of_a_guest(cluster: Cluster) -> None:
    assert keys(chain(cluster, node(cluster))) == [
        f"unit.active {HOST} microvm@{WORKER}.service",
        f"guest.current {HOST} {WORKER}",
        f"ping.host {WORKER} 10.0.20.11",
        f"ssh {WORKER}",
        f"hostname {WORKER}",
        f"address {WORKER} vlan20",
        f"names {WORKER}",
        f"cfssl.reachable {WORKER}",
        f"unit.active {WORKER} sops-install-secrets.service",
        f"secret.file {WORKER} /run/secrets/k8s/join-token",
        f"unit.active {WORKER} hybridlab-join-token.service",
        f"secret.file {WORKER} {AT_CERTMGR}",
        f"secret.file {MASTER} /var/lib/cfssl/apitoken.secret",
        f"token.same {WORKER}",
        f"ca.there {WORKER}",
        f"ca.same {WORKER}",
        f"unit.active {WORKER} certmgr.service",
        f"certificates.there {WORKER}",
        f"certificate.own {WORKER}",
        f"unit.active {WORKER} containerd.service",
        f"swap {WORKER}",
        f"unit.active {WORKER} kubelet.service",
        f"kubelet.healthy {WORKER}",
        f"api.reachable {WORKER}",
        f"api.ready {MASTER}",
        f"node.exists {WORKER}",
        f"node.address {WORKER}",
        f"node.pod-network {WORKER}",
        f"unit.active {WORKER} flannel.service",
        f"flannel.subnet {WORKER}",
        f"node.ready {WORKER}",
    ]


def test_chain_of_the_control_plane_has_what_it_serves(cluster: Cluster) -> None:
    found = keys(chain(cluster, node(cluster, MASTER)))

    for unit in ("cfssl", "etcd", "kube-apiserver"):
        assert f"unit.active {MASTER} {unit}.service" in found
    assert f"secret.file {MASTER} /var/lib/cfssl/apitoken.secret" in found
    assert f"token.same {MASTER}" not in found
    assert found.index(f"api.ready {MASTER}") < found.index(f"unit.active {MASTER} kubelet.service")


def test_host_has_no_guest_in_its_chain(cluster: Cluster) -> None:
    first, *_ = keys(chain(cluster, node(cluster, HOST)))

    assert first == f"ssh {HOST}"


def test_only_the_node_its_host_and_the_control_plane_are_asked(cluster: Cluster) -> None:
    steps = chain(cluster, node(cluster))
    asked = {
        look.machine
        for step in steps
        for check in (step.check, *step.beside)
        for look in check.looks
        if isinstance(look, Remote)
    }

    assert asked == {WORKER, HOST, MASTER}


def test_what_verify_has_a_check_for_is_that_check(cluster: Cluster) -> None:
    of_verify = {check.key: check for check in all_checks(cluster)}
    own = set()
    for one in cluster.nodes:
        for step in chain(cluster, one):
            if (check := of_verify.get(step.check.key)) is None:
                own.add(step.check.key.code)
            else:
                assert evolve(check, needs=()) == step.check

    assert own == {"ping.host", "ca.there", "certificate.own", "flannel.subnet"}


# Where it ends


def come_to(cluster: Cluster, **verdicts: Verdict) -> Diagnosis:
    """Return the diagnosis where checks of these codes (`_` for `.`) come to this, and all others are "
    "well."""
    steps = chain(cluster, node(cluster))
    every = {check.key: check for step in steps for check in (step.check, *step.beside)}
    found: dict[Key, Verdict] = {key: verdicts.get(key.code.replace(".", "_"), Ok()) for key in every}
    return judged(cluster, node(cluster), steps, found)


BAD = Failed("this", "that", "mend it")


def test_first_broken_link_ends_the_chain(cluster: Cluster) -> None:
    found = come_to(cluster, names=BAD, node_ready=BAD)

    assert isinstance(found.end, Broken)
    assert found.end.step.check.key.code == "names"
    assert [told.verdict for told in found.steps].count(None) == len(found.steps) - 7


def test_host_that_is_silent_does_not_hide_that_its_guest_answers(cluster: Cluster) -> None:
    found = come_to(cluster, guest_current=CouldNotLook("silent"), ping_host=CouldNotLook("silent"))

    assert found.end is None


def test_link_at_which_nobody_could_look_is_not_called_broken(cluster: Cluster) -> None:
    found = come_to(cluster, token_same=CouldNotLook("k8s-master can not be reached"), node_ready=BAD)

    assert isinstance(found.end, Unknown)
    assert found.end.step.check.key.code == "token.same"
    assert "`hybridlab diagnose k8s-master`" in found.end.fix


def test_no_fix_asks_for_the_diagnosis_that_gives_it(cluster: Cluster) -> None:
    for step in chain(cluster, node(cluster)):
        code = step.check.key.code.replace(".", "_")
        end = come_to(cluster, **{code: Failed("x", "y", f"`hybridlab diagnose {WORKER}`")}).end
        assert isinstance(end, Broken)
        if end.step.check.key.code in ("certificates.there", "node.exists", "node.ready"):
            assert f"diagnose {WORKER}" not in end.fix


# Journals


LINES = {
    "no route": (
        'E0930 07:02:18.031202   60596 kubelet_node_status.go:95] "Unable to register node with API server" '
        'err="Post \\"https://10.99.99.99:5000/api/v1/nodes\\": dial tcp 10.99.99.99:5000: connect: no '
        "route to "
        'host" node="centos-s-2vcpu-2gb-nyc3-02"',
        "`hybridlab show openings`",
    ),
    "lease": (
        'E0930 07:02:18.031279   60596 controller.go:145] "Failed to ensure lease exists, will retry" '
        'err="Get '
        '\\"https://10.99.99.99:5000/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/...?timeout=10s'
        '\\": dial tcp 10.99.99.99:5000: connect: no route to host" interval="7s"',
        "`hybridlab show openings`",
    ),
    "refused": (
        "E0804 09:01:20.675013   62059 kubelet_node_status.go:94] Unable to register node "
        '"node3.kubernetes" with '
        "API server: Post https://192.168.188.131:6443/api/v1/nodes: dial tcp 192.168.188.131:6443: connect: "
        "connection refused",
        f"`hybridlab diagnose {MASTER}`",
    ),
    "another CA": (
        "E0629 05:29:43.583645    2413 kubelet_node_status.go:106] Unable to register node "
        '"bootstrap-e2e-minion-group-bxn4" with API server: Post https://35.192.63.12/api/v1/nodes: x509: '
        "certificate signed by unknown authority",
        "rm /var/lib/kubernetes/secrets/ca.pem",
    ),
    "swap": (
        'E0205 10:58:14.917245   12704 run.go:72] "command failed" err="failed to run Kubelet: running '
        "with swap "
        "on is not supported, please disable swap ...",
        "`swapoff -a && systemctl restart kubelet`",
    ),
    "another name": (
        'E0714 12:47:50.456928   14758 kubelet.go:2263] node "master" not found',
        "it calls itself master",
    ),
    "CNI": (
        'E1219 05:56:58.307318   37131 kubelet.go:2902] "Container runtime network not ready" '
        'networkReady="NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns '
        "error: cni "
        'plugin not initialized"',
        "/etc/cni/net.d",
    ),
    "invalid token": (
        '{"success":false,"result":null,"errors":[{"code":400,"message":"invalid token"}],"messages":[]}',
        "`hybridlab deploy homelab`",
    ),
    "cfssl": (
        "2026/01/01 00:00:00 [WARNING] received authenticated request with invalid token",
        "`hybridlab deploy homelab`",
    ),
    "certmgr": (
        '2020/09/11 16:26:11 [ERROR] cert: failed to fetch remote CA: {"code":7400,"message":"failed POST to '
        'https://api.kube:8888/api/v1/cfssl/info: Post \\"https://api.kube:8888/api/v1/cfssl/info\\": '
        "dial tcp: "
        'lookup api.kube: no such host"}',
        f"`getent hosts {MASTER}`",
    ),
    "flannel": (
        "E1008 19:38:48.400105       1 network.go:106] failed to register network: failed to acquire "
        "lease: node "
        '"k8s-pi-master" not found',
        "it calls itself k8s-pi-master",
    ),
    "unauthorized": (
        "main.go:229] Failed to create SubnetManager: error retrieving pod spec for '...': Unauthorized",
        "rm /var/lib/kubernetes/secrets/ca.pem",
    ),
    "clock": (
        "E0101 00:00:00.000000     1 kubelet_node_status.go:95] Unable to register node: tls: failed to "
        "verify "
        "certificate: x509: certificate has expired or is not yet valid: current time "
        "2026-01-01T00:00:00Z is "
        "before 2026-11-25T12:00:00Z",
        "`timedatectl timesync-status`",
    ),
    "sops": (
        "sops-install-secrets: Failed to decrypt "
        "'/nix/store/iv09rddx0hfs6bk6262vacwly3g28cw8-secrets.yaml': Error "
        "getting data key: 0 successful groups required, got 0",
        "`hybridlab secrets rekey`",
    ),
}


@pytest.mark.parametrize(("line", "mends"), LINES.values(), ids=LINES)
def test_line_of_a_journal_is_understood(line: str, mends: str) -> None:
    shown = lines_about_trouble(f"2026-11-25T12:00:00+0000 {WORKER} program[4711]: {line}\n")

    assert len(shown) == 1
    found = cause(shown, PLACE)
    assert found is not None
    assert mends in f"{found.means}: {found.fix}"


@pytest.mark.parametrize(
    "line",
    [
        'I0205 10:58:14.917220   12704 swap_util.go:115] "Swap is on" /proc/swaps contents=<',
        "I0518 19:28:40.001370       1 kube.go:131] Waiting 10m0s for node controller to sync",
        f'E0714 12:47:50.456928   14758 kubelet.go:2263] node "{WORKER}" not found',
    ],
)
def test_line_that_tells_no_reason_is_taken_for_none(line: str) -> None:
    assert cause([line], PLACE) is None


def test_what_a_connection_says_is_not_taken_for_the_one_to_the_control_plane() -> None:
    refused = [LINES["refused"][0]]

    assert cause(refused, PLACE, of_way=False) is None
    assert cause(refused, Place(MASTER, HOST, MASTER, HOST)) is None


def test_newest_reason_counts() -> None:
    old, new = LINES["refused"][0], LINES["swap"][0]

    found = cause([old, new], PLACE)
    assert found is not None
    assert "swapoff" in found.fix


def test_last_lines_about_trouble_are_shown_each_once() -> None:
    head = f"2026-11-25T12:00:00+0000 {WORKER} kubelet[4711]:"
    noise = [f"{head} I1125 12:00:{n:02}.000000 4711 x.go:{n}] all is well" for n in range(20)]
    errors = [f"{head} E1125 12:00:{n:02}.000000 4711 x.go:{n}] again" for n in range(20)]
    others = [f"{head} error {letter}" for letter in "abcdefghijkl"]
    boot = "-- Boot 0123456789abcdef0123456789abcdef --"

    shown = lines_about_trouble("\n".join((boot, *errors[:10], *noise, *others, *errors[10:], *noise)))

    assert len(shown) == MOST_LINES
    assert shown[-1] == errors[-1]
    assert shown[:-1] == tuple(others[-MOST_LINES + 1 :])
    assert lines_about_trouble("\n".join(noise)) == (noise[-1],)
    assert lines_about_trouble("-- No entries --\n") == ()


def long_line() -> str:
    return f"2026-11-25T12:00:00+0000 {WORKER} kubelet[1]: error {'x ' * 5000}"


def test_long_line_is_cut_after_secrets_are_left_out() -> None:
    canary = secrets.token_hex(16)
    for blanks in range(250, 320):
        [shown] = lines_about_trouble(f"a b kubelet[1]: error {'x ' * (blanks // 2)}{canary} more\n")
        assert canary[:8] not in shown
    [shown] = lines_about_trouble(long_line())
    assert len(shown) < 320


# What is never shown

CANARY = "c0ffee5eafacade0c0ffee5eafacade0"
BASE64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"


@pytest.mark.parametrize(
    "text",
    [
        CANARY,
        f"token={CANARY}",
        f'"token": "{CANARY.upper()}"',
        f"x{CANARY}y",
        f"GET /api?access_token={CANARY[:20]}&x=1",
        f"Authorization: Bearer {CANARY[:20]}",
        f'authorization:"Basic {CANARY[:20]}"',
        f"bearer {CANARY[:20]}.x",
        f'auth_key = "{CANARY[:12]} {CANARY[12:]}"',
        f"password: Hunter{CANARY[:9]}",
        f"AGE-SECRET-KEY-1{CANARY[:20].upper()}",
        f"eyJhbGciOiJSUzI1NiJ9.{CANARY[:20]}.{CANARY[:20]}",
        f"a7f3c2.{CANARY[:16]}",
        f"-----BEGIN EC PRIVATE KEY-----\n{CANARY[:20]}\n-----END EC PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\nb kubelet[1]: {CANARY[:20]}\n",
        f"b kubelet[1]: {CANARY[:20]}\n-----END PRIVATE KEY-----",
        f"{CANARY[:20]}\n-----END PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----\n{CANARY[:20]}",
        f"key {BASE64}{CANARY[:6]} end",
    ],
)
def test_secret_is_left_out(text: str) -> None:
    shown = redacted(f"12:00 error before\n{text}\n")
    assert redacted(shown) == shown
    shown = shown.lower()

    assert CANARY[:6] not in shown
    assert "(left out)" in shown


@pytest.mark.parametrize(
    "text",
    [
        *(line for line, _ in LINES.values()),
        "join token: /run/secrets/k8s/join-token does not exist: was the secret decrypted on this machine?",
        "open /var/lib/kubernetes/secrets/apitoken.secret: no such file or directory",
        "received authenticated request with invalid token: refused",
        "The fingerprint is SHA256:h64wv5LnF54Bx2MkRyDMawXa8+TEui0+K91rL0WW9w0.",
        "/nix/store/iv09rddx0hfs6bk6262vacwly3g28cw8-nixos-system-homelab-26.05.20260901.abcdef",
        "sha256 0123abcd…",
        "Reached target Basic System.",
    ],
)
def test_what_is_no_secret_is_shown_as_it_is(text: str) -> None:
    assert redacted(text) == text


def test_digest_of_the_token_is_shown_by_eight_digits_at_most(cluster: Cluster) -> None:
    [step] = [step for step in chain(cluster, node(cluster)) if step.check.key.code == "token.same"]
    digests: list[Any] = [f"{letter * 64}  {AT_CERTMGR}\n" for letter in "ab"]

    verdict = step.check.judge(*(Output(0, digest) for digest in digests))
    assert isinstance(verdict, Failed)
    assert "a" * 8 in verdict.expected
    assert "a" * 9 not in verdict.expected


# The kubelet's certificate

CLOCK = 1_795_600_000  # 2026-11-25 09:46:40 UTC


def shown_certificate(
    name: str = WORKER,
    begin: str = "2026-11-20 00:00:00Z",
    end: str = "2026-12-20 00:00:00Z",
    issuer: str = "CN=kubernetes-cluster-ca,O=NixOS",
    key: str = "AA",
) -> Output:
    """Return what openssl 3 prints of a certificate; `key` stands for the identifier of its issuer's key."""
    return Output(
        0,
        f"subject=CN=system:node:{name},O=system:nodes\nissuer={issuer}\nnotBefore={begin}\nnotAfter={end}\n"
        f"X509v3 Authority Key Identifier: \n    {':'.join([key] * 20)}\n",
    )


CA = Output(
    0,
    "subject=CN=kubernetes-cluster-ca,O=NixOS\nissuer=CN=kubernetes-cluster-ca,O=NixOS\n"
    f"X509v3 Subject Key Identifier: \n    {':'.join(['AA'] * 20)}\n",
)


def judge_certificate(cluster: Cluster, certificate: Output, ca: Output = CA) -> Verdict:
    return own_certificate(node(cluster)).judge(Output(0, f"{CLOCK}\n"), certificate, ca)


@pytest.mark.parametrize(
    ("certificate", "found"),
    [
        (shown_certificate("nixos"), "CN=system:node:nixos,O=system:nodes"),
        (shown_certificate(f"{WORKER}0"), f"CN=system:node:{WORKER}0,O=system:nodes"),
        (shown_certificate(begin="2026-11-25 12:46:40Z"), "not yet valid, for 3.0 h"),
        (shown_certificate(end="2026-11-25 07:46:40Z"), "expired 2 h ago"),
        (shown_certificate(issuer="CN=other"), "issued by another one: CN=other"),
        (shown_certificate(key="BB"), "issued by another one: CN=kubernetes-cluster-ca,O=NixOS"),
    ],
)
def test_certificate_that_does_not_let_the_node_in(cluster: Cluster, certificate: Output, found: str) -> None:
    verdict = judge_certificate(cluster, certificate)

    assert isinstance(verdict, Failed)
    assert verdict.found == found


def test_certificate_that_lets_the_node_in(cluster: Cluster) -> None:
    assert isinstance(judge_certificate(cluster, shown_certificate()), Ok)


def test_unreadable_certificate_is_not_known_to_be_bad(cluster: Cluster) -> None:
    unreadable = Output(1, "", "Could not read certificate from x\nUnable to load certificate\n")

    assert isinstance(judge_certificate(cluster, unreadable), CouldNotLook)


def test_machine_without_openssl_does_not_end_the_chain(cluster: Cluster) -> None:
    absent = Output(Output.NOT_FOUND, "", "timeout: failed to run command 'openssl'\n")

    assert isinstance(judge_certificate(cluster, absent, absent), Ok)

"""What verify asks of secrets, derived from what the emitter lets sops-nix deliver, and how it is judged."""

import pytest

from hybridlab import Cluster, load_spec, parse_spec, resolve
from hybridlab.emit.nixos import secrets as emitter
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Remote
from hybridlab.live.checks.secrets import checks, units_of_secrets
from hybridlab.live.probe import Output
from hybridlab.model.delivery import delivered
from nix.flakes import REPOSITORY

TOKEN = "/run/secrets/k8s/join-token"
AT_CFSSL = "/var/lib/cfssl/apitoken.secret"
AT_CERTMGR = "/var/lib/kubernetes/secrets/apitoken.secret"
DIGEST, OTHER = "0123abcd" + "e" * 56, "4567abcd" + "f" * 56


@pytest.fixture(scope="module")
def example() -> Cluster:
    return resolve(load_spec(REPOSITORY / "cluster.yaml"))


@pytest.fixture(scope="module")
def with_pods() -> Cluster:
    text = (REPOSITORY / "cluster.yaml").read_text()
    app = """
  photos:
    type: deployment
    image: ghcr.io/immich-app/immich-server:v2.1.0
    port: 2283
    env:
      DB_PASSWORD: {secret: photos/db-password}
"""
    return resolve(parse_spec(text.replace("\nsecrets:\n", f"{app}\nsecrets:\n", 1)))


def of(cluster: Cluster, code: str, machine: str, subject: str = "") -> Check:
    return next(check for check in checks(cluster) if check.key == Key(code, machine, subject))


def out(stdout: str = "", stderr: str = "", status: int = 0) -> Output:
    return Output(status, stdout, stderr)


def stated(path: str, mode: str = "400", owner: str = "root", group: str = "root", size: int = 33) -> str:
    return f"{mode}|{owner}|{group}|{size}|regular file|{path}\n"


def test_secrets_are_those_that_sops_is_told_to_decrypt(example: Cluster, with_pods: Cluster) -> None:
    for cluster in (example, with_pods):
        for machine in cluster.machines:
            options = emitter.options(cluster, machine)
            sops = next((group["sops"] for group in options if "sops" in group), {"secrets": {}})
            assert isinstance(sops, dict)

            assert [one.name for one in delivered(cluster, machine)] == [*sops["secrets"]]
            assert all(
                ("owner" in sops["secrets"][one.name]) == (one.owner != "root")
                for one in delivered(cluster, machine)
            )


def test_keys_differ(with_pods: Cluster) -> None:
    keys = [check.key for check in checks(with_pods)]

    assert len({*keys}) == len(keys)


def test_content_is_only_ever_digested(with_pods: Cluster) -> None:
    for check in checks(with_pods):
        for look in check.looks:
            assert isinstance(look, Remote)
            assert look.probe.words[0] in ("stat", "sha256sum", "systemctl")


@pytest.mark.parametrize(
    ("machine", "subject", "line"),
    [
        ("homelab", "/run/secrets/k8s-master/age-key", {"owner": "microvm", "group": "kvm", "size": 75}),
        ("homelab", TOKEN, {"size": 32}),
        ("homelab", AT_CERTMGR, {}),
        ("k8s-master", AT_CFSSL, {"owner": "cfssl", "group": "cfssl"}),
        ("k8s-worker-1", TOKEN, {"size": 32}),
    ],
)
def test_file(example: Cluster, machine: str, subject: str, line: dict[str, object]) -> None:
    judge = of(example, "secret.file", machine, subject).judge
    good = stated(subject, **line)  # type: ignore[arg-type]

    assert isinstance(judge(out(good)), Ok)
    for bad in (
        good.replace("400|", "440|"),
        good.replace("|root|", "|nobody|").replace("|cfssl|", "|nobody|").replace("|kvm|", "|users|"),
        stated(subject, **(line | {"size": 0})),  # type: ignore[arg-type]
        good.replace("regular file", "directory"),
    ):
        assert isinstance(judge(out(bad)), Failed), bad
    missing = judge(out("", f"stat: cannot statx '{subject}': No such file or directory", 1))
    assert isinstance(missing, Failed)
    assert missing.found == "it is not there"
    assert isinstance(judge(out("nonsense\n")), CouldNotLook)


def test_token_without_its_newline_is_another_file(example: Cluster) -> None:
    verdict = of(example, "secret.file", "homelab", AT_CERTMGR).judge(out(stated(AT_CERTMGR, size=32)))

    assert verdict == Failed("33 bytes", "32 bytes", verdict.advice)


def test_token_is_compared_by_digest_and_barely_shown(example: Cluster) -> None:
    judge = of(example, "token.same", "k8s-worker-1").judge
    server = out(f"{DIGEST}  {AT_CFSSL}\n")

    assert isinstance(judge(server, out(f"{DIGEST}  {AT_CERTMGR}\n")), Ok)
    verdict = judge(server, out(f"{OTHER}  {AT_CERTMGR}\n"))
    assert isinstance(verdict, Failed)
    assert verdict.found == "sha256 4567abcd…"
    assert all(DIGEST[:9] not in text and OTHER[:9] not in text for text in (verdict.expected, verdict.found))
    for odd in ("", "nonsense", f"{DIGEST[:-1]}  x"):
        assert isinstance(judge(server, out(odd)), CouldNotLook)


def test_every_node_has_the_token_of_the_other_end(example: Cluster) -> None:
    compared = {check.key.machine for check in checks(example) if check.key.code == "token.same"}

    assert compared == {"homelab", "k8s-worker-1", "k8s-worker-2"}


def test_what_is_brought_to_pods_lies_on_the_control_plane_alone(with_pods: Cluster) -> None:
    path = "/run/secrets/workloads/photos/photos.db-password"
    there = {check.key.machine for check in checks(with_pods) if check.key.subject == path}

    assert there == {"k8s-master"}
    bring = of(with_pods, "unit.active", "k8s-master", "hybridlab-pod-secrets.service")
    assert Key("secret.file", "k8s-master", path) in bring.needs


def test_one_missing_secret_is_not_told_again_by_what_uses_it(example: Cluster) -> None:
    """The token: decrypted, delivered, in place, the same; each waits for the one before."""
    decrypted = Key("secret.file", "k8s-worker-1", TOKEN)
    delivery = Key("unit.active", "k8s-worker-1", "hybridlab-join-token.service")
    in_place = Key("secret.file", "k8s-worker-1", AT_CERTMGR)

    assert of(example, *_parts(decrypted)).needs == (
        Key("unit.active", "k8s-worker-1", "sops-install-secrets.service"),
    )
    assert of(example, *_parts(delivery)).needs == (decrypted,)
    assert of(example, *_parts(in_place)).needs == (delivery,)
    assert in_place in of(example, "token.same", "k8s-worker-1").needs


def _parts(key: Key) -> tuple[str, str, str]:
    assert key.machine is not None
    return key.code, key.machine, key.subject


def test_units_that_have_a_check_of_their_own_are_known(with_pods: Cluster) -> None:
    for machine in with_pods.machines:
        checked = {
            check.key.subject
            for check in checks(with_pods)
            if check.key.machine == machine.name and check.key.code == "unit.active"
        }

        assert checked == units_of_secrets(with_pods, machine)


def test_host_without_guests_with_keys_decrypts_on_activation() -> None:
    text = (REPOSITORY / "cluster.yaml").read_text()
    start, _, end = text.partition("# MicroVMs.")
    alone = end.partition("\nkubernetes:")[2]
    cluster = resolve(
        parse_spec(f"{start}kubernetes:{alone}".replace("role: worker", "role: control-plane", 1))
    )
    codes = {(check.key.code, check.key.subject) for check in checks(cluster)}

    assert ("secret.file", TOKEN) in codes
    assert ("unit.active", "sops-install-secrets.service") not in codes


def test_cluster_without_kubernetes_and_secrets_has_nothing_to_check() -> None:
    text = (REPOSITORY / "cluster.yaml").read_text().partition("\nkubernetes:")[0]
    lines = [line for line in text.splitlines() if "kubernetes: {" not in line]
    member = lines.index("    kubernetes:")
    cluster = resolve(parse_spec("\n".join((*lines[:member], *lines[member + 3 :]))))

    assert list(checks(cluster)) == []

"""What `check_secrets` sees in files that sops did or did not write; the real sops is in tests/e2e."""

from pathlib import Path

import pytest

from hybridlab import Report
from hybridlab.model.cluster import Cluster
from hybridlab.secrets.check import check_secrets
from patched import cluster

SOPS = "  mac: ENC[x]\n  age:\n"


@pytest.fixture
def lab() -> Cluster:
    return cluster("")


def sops_text(body: str, recipients: list[str]) -> str:
    return f"{body}\nsops:\n{SOPS}" + "".join(f"    - recipient: {key}\n      enc: x\n" for key in recipients)


def write(lab: Cluster, folder: Path, **changed: str) -> Report:
    """Write right files, with the texts `secrets` or `guests` in their place, and check them."""
    (folder / "secrets").mkdir(exist_ok=True)
    (keys,) = lab.secrets.guest_keys
    guests = "\n".join(
        f"{guest}: {{age-key: 'ENC[x]', recipient_unencrypted: {key}}}" for guest, key in keys.guests.items()
    )
    texts = {
        "secrets": sops_text("k8s: {join-token: 'ENC[x]'}", list(lab.secrets.recipients.values())),
        "guests": sops_text(guests, list(keys.recipients.values())),
        **changed,
    }
    (folder / lab.secrets.file).write_text(texts["secrets"], encoding="utf-8")
    (folder / keys.file).write_text(texts["guests"], encoding="utf-8")
    return check_secrets(lab, folder)


def codes(report: Report) -> list[str]:
    return [problem.code for problem in report]


def test_right_files_have_no_findings(lab: Cluster, tmp_path: Path) -> None:
    assert codes(write(lab, tmp_path)) == []


def test_missing_files_are_told_at_the_secrets_of_the_spec(lab: Cluster, tmp_path: Path) -> None:
    found = check_secrets(lab, tmp_path)
    assert codes(found) == ["SEC101", "SEC101"]
    assert {str(problem.path) for problem in found} == {"secrets"}


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("k8s: {join-token: 0123456789abcdef}\n", "SEC102", "is not encrypted by sops"),
        ("k8s: {join-token: x}\nsops: not a mapping\n", "SEC102", "is not encrypted by sops"),
        ("", "SPEC006", "is empty"),
        ("k8s: [\n", "SPEC003", "not YAML"),
    ],
)
def test_file_that_is_not_encrypted_or_no_yaml(
    lab: Cluster, tmp_path: Path, text: str, code: str, message: str
) -> None:
    (problem,) = write(lab, tmp_path, secrets=text)
    assert problem.code == code
    assert message in problem.message
    assert (problem.span.file, problem.span.text) == ("secrets/secrets.yaml", "")  # it may be a secret


def test_key_that_is_missing_or_readable(lab: Cluster, tmp_path: Path) -> None:
    readers = list(lab.secrets.recipients.values())
    (missing,) = write(lab, tmp_path, secrets=sops_text("other: 'ENC[x]'", readers))
    assert (missing.code, "k8s/join-token" in missing.message) == ("SEC103", True)
    (readable,) = write(lab, tmp_path, secrets=sops_text("k8s: {join-token: '0123'}", readers))
    assert (readable.code, readable.span.file) == ("SEC102", "secrets/secrets.yaml")
    assert "0123" not in readable.message + readable.span.text


def test_readers_too_few_and_too_many(lab: Cluster, tmp_path: Path) -> None:
    readers = dict(lab.secrets.recipients)
    readers["k8s-worker-1"] = "age1stranger"
    found = write(lab, tmp_path, secrets=sops_text("k8s: {join-token: 'ENC[x]'}", list(readers.values())))
    assert codes(found) == ["SEC104", "SEC104"]
    assert any("'k8s-worker-1' can not read" in problem.message for problem in found)
    (stranger,) = (p for p in found if "age1stranger can read" in p.message)
    assert (stranger.span.file, stranger.span.text.strip()) == (
        "secrets/secrets.yaml",
        "- recipient: age1stranger",
    )


@pytest.mark.parametrize(
    "entry",
    [
        "pgp: [{fp: 85D77543B3D624B63CEA9E6DBC17301B491B3F21, enc: x}]",
        "kms: [{arn: 'arn:aws:kms:eu-west-1:1:key/x', enc: x}]",
        "key_groups: [{hc_vault: [{vault_address: 'https://vault.example.org', enc: x}]}]",
    ],
)
def test_readers_that_have_no_age_key_count(lab: Cluster, tmp_path: Path, entry: str) -> None:
    text = sops_text("k8s: {join-token: 'ENC[x]'}", list(lab.secrets.recipients.values()))
    (problem,) = write(lab, tmp_path, secrets=f"{text}  {entry}\n")
    assert (problem.code, "can read secrets/secrets.yaml" in problem.message) == ("SEC104", True)


def test_guest_whose_key_is_another_than_in_the_spec(lab: Cluster, tmp_path: Path) -> None:
    (keys,) = lab.secrets.guest_keys
    body = "\n".join(f"{g}: {{age-key: 'ENC[x]', recipient_unencrypted: age1other}}" for g in keys.guests)
    found = write(lab, tmp_path, guests=sops_text(body, list(keys.recipients.values())))
    assert codes(found) == ["SEC105"] * len(keys.guests)
    assert str(found.diagnostics[0].path) == "secrets.recipients.k8s-master"


def test_recipients_below_several_groups_count(lab: Cluster, tmp_path: Path) -> None:
    lists = "".join(f"    - age: [{{recipient: {key}, enc: x}}]\n" for key in lab.secrets.recipients.values())
    text = f"k8s: {{join-token: 'ENC[x]'}}\nsops:\n  mac: ENC[x]\n  key_groups:\n{lists}"
    assert codes(write(lab, tmp_path, secrets=text)) == []


def test_cluster_without_secrets_needs_no_file(tmp_path: Path) -> None:
    lab = cluster(
        "{kubernetes: null, workloads: null, secrets: null, hosts: {homelab: {kubernetes: null}},"
        " guests: {k8s-master: {kubernetes: null}, k8s-worker-1: {kubernetes: null}}}"
    )
    assert codes(check_secrets(lab, tmp_path)) == []

"""What nobody in the spec uses is a warning, and nothing is said of what may be the user's own."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from hybridlab import Severity
from hybridlab.model.cluster import Cluster
from hybridlab.secrets.check import check_secrets
from patched import cluster

APP = "{app: {type: deployment, image: 'nginx:1.29.1', env: {PASSWORD: {secret: app/password}}}}"
KEY = "{age-key: 'ENC[x]', recipient_unencrypted: age1old}"


def findings(lab: Cluster, folder: Path, bodies: Mapping[str, str]) -> list[tuple[str, str, str | None]]:
    """Write right files with `bodies` added to them, by name, and return what is said of what is unused."""
    (folder / "secrets").mkdir()
    texts = dict.fromkeys(lab.secrets.files, "") | dict(bodies)
    for keys in lab.secrets.guest_keys:
        for guest, key in keys.guests.items():
            texts[keys.file] += f"{guest}: {{age-key: 'ENC[x]', recipient_unencrypted: {key}}}\n"
    texts[lab.secrets.file] += "k8s: {join-token: 'ENC[x]'}\n"
    for name, text in texts.items():
        readers = lab.secrets.files.get(name, {}).values()
        sops = "".join(f"    - {{recipient: {key}, enc: x}}\n" for key in readers)
        (folder / name).write_text(f"{text}sops:\n  mac: ENC[x]\n  age:\n{sops}", encoding="utf-8")
    report = check_secrets(lab, folder)
    assert {problem.severity for problem in report} <= {Severity.WARNING}, list(report)
    assert all(problem.span is not None and problem.span.text == "" for problem in report)
    return [(problem.code, problem.message, problem.hint) for problem in report]


def test_values_that_no_workload_uses(tmp_path: Path) -> None:
    body = "app: {password: 'ENC[x]', old: 'ENC[x]'}\n'spa ced': ['ENC[x]', 'ENC[x]']\n"
    assert findings(cluster(f"workloads: {APP}"), tmp_path, {"secrets/workloads.yaml": body}) == [
        (
            "SEC106",
            "no workload uses app/old in secrets/workloads.yaml",
            "`hybridlab secrets unset app/old` takes it out",
        ),
        (
            "SEC106",
            "no workload uses spa ced in secrets/workloads.yaml",
            "`hybridlab secrets unset 'spa ced'` takes it out",
        ),
    ]


def test_keys_of_guests_that_are_gone(tmp_path: Path) -> None:
    found = findings(cluster(""), tmp_path, {"secrets/homelab-guests.yaml": f"old: {KEY}\n"})
    assert found == [
        (
            "SEC107",
            "secrets/homelab-guests.yaml has the age key of guest 'old', and the spec has no such guest",
            "`sops unset secrets/homelab-guests.yaml '[\"old\"]'` takes it out",
        )
    ]


def test_key_of_a_guest_that_reads_nothing_any_more(tmp_path: Path) -> None:
    lab = cluster("{guests: {k8s-worker-1: {kubernetes: null}}, secrets: {recipients: {k8s-worker-1: null}}}")
    ((code, message, _),) = findings(lab, tmp_path, {"secrets/homelab-guests.yaml": f"k8s-worker-1: {KEY}\n"})
    assert (code, message.rpartition(", and ")[2]) == ("SEC107", "it reads no secrets")


def test_key_of_a_guest_that_has_moved(tmp_path: Path) -> None:
    lab = cluster(
        "{hosts: {other: {uplink: eth0, addresses: {management: 10.0.10.7, services: 10.0.20.7}, cpus: 4,"
        " memory: 16GiB}}, guests: {k8s-worker-1: {host: other}},"
        " secrets: {recipients: {other: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf}}}"
    )
    ((code, message, _),) = findings(lab, tmp_path, {"secrets/homelab-guests.yaml": f"k8s-worker-1: {KEY}\n"})
    assert (code, message.rpartition(", and ")[2]) == ("SEC107", "it is on host 'other'")


def test_a_node_that_is_no_recipient_yet_has_its_key_for_a_reason(tmp_path: Path) -> None:
    """`secrets init` makes the key before the spec can name its public half."""
    lab = cluster("secrets: {recipients: {k8s-worker-1: null}}")
    assert findings(lab, tmp_path, {"secrets/homelab-guests.yaml": f"k8s-worker-1: {KEY}\n"}) == []


@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("workloads.yaml", "app: {x: 'ENC[x]'}", "no workload has a secret"),
        ("gone-guests.yaml", f"old: {KEY}", "the spec has no host 'gone'"),
    ],
)
def test_files_that_nobody_needs(tmp_path: Path, name: str, body: str, why: str) -> None:
    assert findings(cluster(""), tmp_path, {f"secrets/{name}": f"{body}\n"}) == [
        ("SEC108", f"nobody uses secrets/{name}: {why}", f"`git rm secrets/{name}`")
    ]


def test_file_of_a_host_without_guests_that_read_secrets(tmp_path: Path) -> None:
    none = "{kubernetes: null}"
    lab = cluster(
        f"{{kubernetes: null, workloads: null, hosts: {{homelab: {none}}},"
        f" guests: {{k8s-master: {none}, k8s-worker-1: {none}}},"
        " secrets: {recipients: {k8s-master: null, k8s-worker-1: null}}}"
    )
    ((code, message, _),) = findings(lab, tmp_path, {"secrets/homelab-guests.yaml": f"old: {KEY}\n"})
    assert (code, message.partition(": ")[2]) == ("SEC108", "no guest of host 'homelab' reads secrets")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("secrets.yaml", "wifi: {password: 'ENC[x]'}"),  # the user's own
        ("homelab-guests.yaml", "note: 'ENC[x]'"),
        ("wedding-guests.yaml", "alice: {phone: 'ENC[x]'}"),
        ("mine.yaml", "app: {x: 'ENC[x]'}"),
    ],
)
def test_nothing_is_said_of_what_is_the_users(tmp_path: Path, name: str, body: str) -> None:
    assert findings(cluster(""), tmp_path, {f"secrets/{name}": f"{body}\n"}) == []


def test_a_file_that_sops_did_not_write_is_not_hybridlabs(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    for name, text in (
        ("workloads.yaml", "- x\n"),
        ("gone-guests.yaml", "a: [\n"),
        ("-guests.yaml", "a: b\n"),
    ):
        (tmp_path / "secrets" / name).write_text(text, encoding="utf-8")
    assert {problem.code for problem in check_secrets(cluster(""), tmp_path)} == {"SEC101"}


def test_the_main_file_may_be_called_like_the_others(tmp_path: Path) -> None:
    for name in ("workloads", "gone-guests"):
        folder = tmp_path / name
        folder.mkdir()
        lab = cluster(f"secrets: {{file: secrets/{name}.yaml}}")
        assert findings(lab, folder, {lab.secrets.file: f"old: {KEY}\n"}) == []

"""`hybridlab secrets` with real sops and age: made, read by each recipient, replaced, and never shown."""

import os
import re
import stat
import subprocess
import sys

import pytest

from programs import need_program
from sops_homelab import Homelab

GUESTS = ("k8s-master", "k8s-worker-1", "k8s-worker-2")


def test_keys_of_guests_are_made_first_and_then_the_token(homelab: Homelab) -> None:
    first = homelab.run("secrets", "init")
    assert (first.returncode, [line.split(":")[0] for line in first.stdout.splitlines()]) == (1, [*GUESTS])
    assert [path.name for path in homelab.folder.joinpath("secrets").iterdir()] == ["homelab-guests.yaml"]
    again = homelab.run("secrets", "init")
    assert (again.returncode, again.stdout) == (1, first.stdout)  # without a private key, and the same ones

    homelab.add(first.stdout)
    second = homelab.run("secrets", "init")
    assert (second.returncode, second.stdout) == (0, ""), second.stderr
    assert homelab.codes() == []


def test_each_recipient_reads_what_it_should_and_nothing_else(initialized: Homelab) -> None:
    guests = initialized.decrypt("secrets/homelab-guests.yaml", "homelab")
    assert initialized.decrypt("secrets/homelab-guests.yaml", "admin") == guests
    assert set(guests) == {*GUESTS}
    token = initialized.decrypt("secrets/secrets.yaml", "admin")["k8s"]["join-token"]
    assert re.fullmatch("[0-9a-f]{32}", token)
    for guest, entry in guests.items():
        assert entry["recipient_unencrypted"] == initialized.recipient(guest)
        key = initialized.keys / guest
        key.write_text(entry["age-key"], encoding="utf-8")
        assert initialized.decrypt("secrets/secrets.yaml", guest)["k8s"]["join-token"] == token
        with pytest.raises(AssertionError, match="Failed to get the data key"):
            initialized.decrypt("secrets/homelab-guests.yaml", guest)


def test_no_secret_is_shown_or_left_in_a_file(initialized: Homelab) -> None:
    token = initialized.decrypt("secrets/secrets.yaml", "admin")["k8s"]["join-token"]
    rotated = initialized.run("secrets", "rotate", "--yes", key="admin")
    fresh = initialized.decrypt("secrets/secrets.yaml", "admin")["k8s"]["join-token"]
    assert "AGE-SECRET-KEY-" not in rotated.stdout + rotated.stderr
    texts = [path.read_text() for path in initialized.folder.rglob("*") if path.is_file()]
    texts += [rotated.stdout, rotated.stderr]
    assert len(texts) == 5  # spec and two sops files: no draft stays
    for secret in (token, fresh, "AGE-SECRET-KEY-"):
        assert not any(secret in text for text in texts)


def test_what_exists_is_left_alone(initialized: Homelab) -> None:
    files = sorted(initialized.folder.joinpath("secrets").iterdir())
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    assert initialized.run("secrets", "init").returncode == 0
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before


def test_a_new_guest_gets_a_key_and_the_others_keep_theirs(initialized: Homelab) -> None:
    old = initialized.decrypt("secrets/homelab-guests.yaml", "admin")
    place = "host: homelab, vlan: services, address: 10.0.20.40"
    guest = f"  web: {{{place}, vcpus: 1, memory: 3GiB, kubernetes: {{role: worker}}}}"
    text = initialized.spec.read_text(encoding="utf-8")
    initialized.spec.write_text(text.replace("guests:\n", f"guests:\n{guest}\n", 1), encoding="utf-8")

    refused = initialized.run("secrets", "init")
    assert refused.returncode == 1
    assert "sops could not change secrets/homelab-guests.yaml" in refused.stderr
    assert "SOPS_AGE_KEY_FILE" in refused.stderr

    extended = initialized.run("secrets", "init", key="admin")
    assert extended.stdout.startswith("web: age1")
    initialized.add(extended.stdout)
    new = initialized.decrypt("secrets/homelab-guests.yaml", "admin")
    assert {**new, "web": None} == {**old, "web": None}
    assert initialized.codes() == ["SEC104"]  # web can not read the token yet

    assert initialized.run("secrets", "rekey", key="admin").returncode == 0
    assert initialized.codes() == []


def test_rotating_needs_a_key_and_keeps_all_else(initialized: Homelab) -> None:
    file = initialized.folder / "secrets" / "secrets.yaml"
    initialized.sops("set", "secrets/secrets.yaml", '["other"]["thing"]', '"kept"', key="admin")
    file.chmod(0o640)
    old = initialized.decrypt("secrets/secrets.yaml", "admin")
    before = file.read_bytes()

    refused = initialized.run("secrets", "rotate", "--yes")
    assert (refused.returncode, file.read_bytes()) == (1, before)
    assert initialized.run("secrets", "rotate").returncode == 1  # nobody answers the question
    assert file.read_bytes() == before

    rotated = initialized.run("secrets", "rotate", "--yes", key="homelab")
    assert "hybridlab deploy homelab" in rotated.stderr
    new = initialized.decrypt("secrets/secrets.yaml", "admin")
    assert new["other"] == old["other"] == {"thing": "kept"}
    assert new["k8s"]["join-token"] != old["k8s"]["join-token"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert initialized.codes() == []


def test_a_dropped_recipient_is_noticed(initialized: Homelab) -> None:
    text = initialized.spec.read_text(encoding="utf-8")
    worker = f"    k8s-worker-2: {initialized.recipient('k8s-worker-2')}\n"
    initialized.spec.write_text(text.replace(worker, "").replace("  k8s-worker-2:\n", "  other:\n"), "utf-8")
    run = initialized.run("secrets", "check")
    assert "can read secrets/secrets.yaml, and is not among the recipients" in run.stdout
    assert re.search(r"^secrets/secrets.yaml:\d+:\d+: error\[SEC104\]", run.stdout, re.MULTILINE)


def test_rules_of_a_sops_yaml_add_no_reader(homelab: Homelab) -> None:
    (homelab.folder / ".sops.yaml").write_text("creation_rules: [{path_regex: nothing}]\n", encoding="utf-8")
    homelab.add(homelab.run("secrets", "init").stdout)
    assert homelab.run("secrets", "init").returncode == 0
    assert homelab.codes() == []


def test_a_host_that_hands_over_keys_must_be_a_recipient(homelab: Homelab) -> None:
    line = f"    homelab: {homelab.recipient('homelab')}\n"
    homelab.spec.write_text(homelab.spec.read_text(encoding="utf-8").replace(line, ""), encoding="utf-8")
    run = homelab.run("secrets", "init")
    assert run.returncode == 1
    assert "host 'homelab' is no recipient: add `homelab: age1…`" in run.stderr
    assert not (homelab.folder / "secrets").exists()


def test_no_program_is_shown_a_secret(homelab: Homelab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program that runs is a shim, which notes its arguments and environment for all to see."""
    log = homelab.keys / "log"
    shims = homelab.keys / "bin"
    shims.mkdir()
    for name in ("sops", "age-keygen"):
        real = need_program(name)
        shim = shims / name
        shim.write_text(f'#!/bin/sh\nprintf "%s\\n" "{name} $*" >>{log}\nenv >>{log}\nexec {real} "$@"\n')
        shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}{os.environ['PATH']}")
    homelab.add(homelab.run("secrets", "init").stdout)
    homelab.run("secrets", "init")
    old = homelab.decrypt("secrets/secrets.yaml", "admin")["k8s"]["join-token"]
    homelab.run("secrets", "rotate", "--yes", key="admin")
    new = homelab.decrypt("secrets/secrets.yaml", "admin")["k8s"]["join-token"]
    seen = log.read_text(encoding="utf-8")
    assert {"age-keygen ", "sops --config /dev/null encrypt", "sops set"} <= {
        part for part in ("age-keygen ", "sops --config /dev/null encrypt", "sops set") if part in seen
    }
    for secret in (old, new, "AGE-SECRET-KEY-"):
        assert secret not in seen


PEM = "-----BEGIN-----\n'${x}' \"y\"\n-----END-----\n"


def test_values_of_pods_are_set_one_by_one_for_control_planes_and_people(with_app: Homelab) -> None:
    init = with_app.run("secrets", "init")
    assert init.returncode == 0
    for key in ("app/key", "app/password"):
        assert f"a workload waits for a value: hybridlab secrets set {key}\n" in init.stderr
    assert with_app.codes() == ["SEC101"]
    # The first makes the file, for which nobody's private key is needed.
    first = with_app.run("secrets", "set", "app/password", given="hunter2\n")
    assert first.returncode == 0, first.stderr
    assert "hybridlab deploy homelab" in first.stderr
    assert with_app.codes() == ["SEC103"]
    assert with_app.run("secrets", "set", "app/key", given=PEM).returncode == 1
    assert with_app.run("secrets", "set", "app/key", key="admin", given=PEM).returncode == 0
    assert with_app.codes() == []
    values = with_app.decrypt("secrets/workloads.yaml", "admin")
    assert values == {"app": {"password": "hunter2", "key": PEM}}
    with pytest.raises(AssertionError, match="Failed to get the data key"):
        with_app.decrypt("secrets/workloads.yaml", "homelab")  # a worker
    assert "hunter2" not in first.stdout + first.stderr


def test_a_value_that_is_there_is_replaced_only_when_told(with_app: Homelab) -> None:
    with_app.run("secrets", "set", "app/password", given="old")
    refused = with_app.run("secrets", "set", "app/password", key="admin", given="new")
    assert refused.returncode == 1
    assert "has a value for app/password already: with --replace" in refused.stderr
    assert with_app.decrypt("secrets/workloads.yaml", "admin")["app"]["password"] == "old"
    replaced = with_app.run("secrets", "set", "--replace", "app/password", key="admin", given="new")
    assert replaced.returncode == 0, replaced.stderr
    assert with_app.decrypt("secrets/workloads.yaml", "admin")["app"]["password"] == "new"


def test_a_value_never_takes_the_place_of_others(with_app: Homelab) -> None:
    # Of each secret that the file has below another, or above it, the spec knows one (SEC014).
    spec = with_app.spec.read_text(encoding="utf-8").replace("volumes: {/key.pem: {secret: app/key}}", "")
    with_app.run("secrets", "set", "app/password", given="kept")
    with_app.spec.write_text(spec.replace("{secret: app/password}", "{secret: app}"), encoding="utf-8")
    above = with_app.run("secrets", "set", "app", key="admin", given="x")
    assert (above.returncode, "has other values below app" in above.stderr) == (1, True), above.stderr
    with_app.spec.write_text(spec.replace("secret: app/password", "secret: app/password/x"), encoding="utf-8")
    below = with_app.run("secrets", "set", "app/password/x", key="admin", given="x")
    assert (below.returncode, "there can be none below it" in below.stderr) == (1, True), below.stderr
    assert with_app.decrypt("secrets/workloads.yaml", "admin") == {"app": {"password": "kept"}}


@pytest.mark.parametrize(
    ("key", "given", "says"),
    [
        ("app/passwort", "x", "no workload of homelab uses a secret 'app/passwort': they use app/key, app/"),
        ("app/password", "", "no value came in"),
        ("app/password", "\n", "no value came in"),
        ("app/password", "a" * (2**20 + 1), "larger than 1 MiB"),
    ],
)
def test_what_is_no_value_is_refused(with_app: Homelab, key: str, given: str, says: str) -> None:
    run = with_app.run("secrets", "set", key, given=given)
    assert (run.returncode, says in run.stderr) == (1, True), run.stderr
    assert not (with_app.folder / "secrets" / "workloads.yaml").exists()


def test_without_sops_it_says_what_to_install(homelab: Homelab) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "hybridlab", "secrets", "init"],
        cwd=homelab.folder,
        env={"PATH": "/nowhere", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "is not installed: run this in `nix develop`, or install the package age" in run.stderr

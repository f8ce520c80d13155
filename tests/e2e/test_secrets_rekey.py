"""`hybridlab secrets rekey` and `unset` with real sops and age: who reads what before and after."""

import os
import re
import shlex

import pytest
import yaml

from programs import need_program
from sops_homelab import APP, Homelab

MAIN, PODS, GUESTS = "secrets/secrets.yaml", "secrets/workloads.yaml", "secrets/homelab-guests.yaml"
FILES = (MAIN, PODS, GUESTS)
STRANGER = "age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf"


def rekey(lab: Homelab, key: str | None = "admin") -> str:
    run = lab.run("secrets", "rekey", key=key)
    assert run.returncode == 0, run.stderr
    return run.stderr


def encrypted(lab: Homelab, file: str) -> dict[str, object]:
    return yaml.safe_load((lab.folder / file).read_text(encoding="utf-8"))


def test_who_is_new_in_the_spec_reads_all_that_they_should(befriended: Homelab) -> None:
    befriended.add(f"another: {befriended.make_key('another')}")
    before = {file: encrypted(befriended, file) for file in FILES}
    assert befriended.codes() == ["SEC104"] * 3

    said = rekey(befriended)

    for file in FILES:
        assert f"{file}: to add: another ({befriended.recipient('another')})\n" in said
        assert befriended.decrypt(file, "another") == befriended.decrypt(file, "admin")
        after = encrypted(befriended, file)
        assert {**after, "sops": None} == {**before[file], "sops": None}  # nothing is encrypted again
    assert befriended.codes() == []
    assert "take away" not in said
    assert "still knows" not in said


def test_who_is_gone_from_the_spec_reads_nothing_any_more(befriended: Homelab) -> None:
    values = {file: befriended.decrypt(file, "admin") for file in FILES}
    friend = befriended.recipient("friend")
    befriended.drop("friend")

    said = rekey(befriended)

    for file in FILES:
        assert f"{file}: to take away, with another data key: {friend}\n" in said
        assert not befriended.can_decrypt(file, "friend")
        assert befriended.decrypt(file, "admin") == values[file]
    assert befriended.codes() == []
    assert befriended.decrypt(GUESTS, "homelab") == values[GUESTS]


def test_a_machine_that_is_to_read_less_is_told_by_name(befriended: Homelab) -> None:
    befriended.sops("rotate", "-i", "--add-age", befriended.recipient("homelab"), PODS, key="admin")
    said = rekey(befriended)
    homelab = f"homelab ({befriended.recipient('homelab')})"
    assert f"{PODS}: to take away, with another data key: {homelab}\n" in said
    assert f"{MAIN} has the readers that it should" in said
    assert not befriended.can_decrypt(PODS, "homelab")


def test_the_data_key_that_was_known_opens_nothing(befriended: Homelab) -> None:
    """Whoever was taken away puts their old entry, which holds the old data key, into the new file."""
    old = encrypted(befriended, MAIN)["sops"]
    (entry,) = (e for e in old["age"] if e["recipient"] == befriended.recipient("friend"))
    befriended.drop("friend")

    def can_put_it_back() -> bool:
        forged = encrypted(befriended, MAIN)
        forged["sops"]["age"].append(entry)
        (befriended.folder / "forged.yaml").write_text(yaml.safe_dump(forged), encoding="utf-8")
        return befriended.can_decrypt("forged.yaml", "friend")

    text = (befriended.folder / MAIN).read_bytes()
    befriended.run("generate")
    befriended.sops("updatekeys", "--yes", MAIN, key="admin")
    assert can_put_it_back()  # so the attack works where only readers change
    (befriended.folder / MAIN).write_bytes(text)

    rekey(befriended)
    assert not can_put_it_back()


def test_where_all_is_right_nothing_is_touched(befriended: Homelab) -> None:
    paths = [befriended.folder / file for file in FILES]
    before = [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in paths]
    said = rekey(befriended, key=None)
    assert [f"{file} has the readers that it should: nothing to do\n" in said for file in FILES] == [True] * 3
    assert [(path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in paths] == before


def test_a_file_that_is_not_there_is_not_made(with_app: Homelab) -> None:
    said = rekey(with_app, key=None)
    assert f"{MAIN} is not there: nothing to do\n{PODS} is not there: nothing to do\n" in said
    assert set(with_app.files()) == {"cluster.yaml", GUESTS}


def test_neither_a_stale_sops_yaml_nor_the_environment_adds_a_reader(
    befriended: Homelab, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = f"creation_rules: [{{key_groups: [{{age: [{STRANGER}]}}]}}]\n"
    (befriended.folder / ".sops.yaml").write_text(rules, encoding="utf-8")
    monkeypatch.setenv("SOPS_AGE_RECIPIENTS", STRANGER)
    befriended.drop("friend")
    rekey(befriended)
    assert STRANGER not in (befriended.folder / MAIN).read_text(encoding="utf-8")
    assert befriended.codes() == []


def test_if_one_file_can_not_be_changed_none_is(befriended: Homelab) -> None:
    """The host can decrypt two of the files, and not what is for pods: it is no control plane."""
    befriended.drop("friend")
    before = befriended.files()
    for key in ("homelab", None):
        run = befriended.run("secrets", "rekey", key=key)
        assert run.returncode == 1
        assert "Failed to get the data key" in run.stderr
        assert "SOPS_AGE_KEY_FILE" in run.stderr
        assert befriended.files() == before


def test_a_file_that_was_tampered_with_is_left_alone(befriended: Homelab) -> None:
    file = befriended.folder / MAIN
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("mine:", "yours:"), encoding="utf-8")
    befriended.drop("friend")
    before = befriended.files()
    assert befriended.run("secrets", "rekey", key="admin").returncode == 1
    assert befriended.files() == before


def test_a_file_that_is_not_encrypted_is_left_alone(befriended: Homelab) -> None:
    (befriended.folder / PODS).write_text("app: {password: hunter2}\n", encoding="utf-8")
    befriended.drop("friend")
    before = befriended.files()
    for command in (["rekey"], ["unset", "app/password"]):
        run = befriended.run("secrets", *command, key="admin")
        assert (run.returncode, "is not encrypted by sops" in run.stderr) == (1, True), run.stderr
        assert "hunter2" not in run.stdout + run.stderr
    check = befriended.run("secrets", "check")
    assert "SEC102" in check.stdout
    assert "hunter2" not in check.stdout + check.stderr
    assert befriended.files() == before


def test_what_it_says_replaces_everything_that_was_known(befriended: Homelab) -> None:
    """Keep to the printed commands, in their order, until there is nothing left that the friend knows."""
    known = {file: befriended.decrypt(file, "friend") for file in FILES}
    befriended.drop("friend")
    said = rekey(befriended)
    commands = [shlex.split(found) for found in re.findall("^- .*: `(.*)`$", said, re.MULTILINE)]
    assert [" ".join(command[:3]) for command in commands] == [
        *[f"sops unset {GUESTS}"] * 3,
        "hybridlab secrets rotate",
        "sops edit secrets/secrets.yaml",
        *["hybridlab secrets set"] * 2,
    ]

    for command in commands[:3]:
        befriended.sops(*command[1:], key="admin")
    made = befriended.run("secrets", "init", key="admin")
    for line in made.stdout.splitlines():
        name, _, recipient = line.partition(": ")
        befriended.change(befriended.recipient(name), recipient)
    assert "the join token: `hybridlab secrets rotate`" in rekey(befriended)
    befriended.run(*commands[3][1:], "--yes", key="admin")
    for command in commands[5:]:
        befriended.run(*command[1:], key="admin", given="another value")

    assert befriended.codes() == []
    now = {file: befriended.decrypt(file, "admin") for file in FILES}
    for file in FILES:
        assert now[file].keys() == known[file].keys()
        for key, value in known[file].items():
            assert now[file][key] != value or key == "mine"  # `sops edit` asks


def test_a_removed_guest_is_told_with_its_key(befriended: Homelab) -> None:
    befriended.drop("k8s-worker-2")
    text = befriended.spec.read_text(encoding="utf-8")
    (guest,) = re.findall(r"\n  k8s-worker-2:.*?(?=\n\S|\n  \S|\n\n)", text, re.DOTALL)
    befriended.change(guest, "")
    assert befriended.codes() == ["SEC107", "SEC104"]
    check = befriended.run("secrets", "check").stdout
    (command,) = re.findall("`(sops unset .*)` takes it out", check)
    befriended.sops(*shlex.split(command)[1:], key="admin")
    said = rekey(befriended)
    assert f"{GUESTS} has the readers that it should" in said
    assert "the join token: `hybridlab secrets rotate`" in said
    assert befriended.codes() == []


UNUSED = APP.replace("env: {PASSWORD: {secret: app/password}}", "env: {}")
NOTHING = APP.replace("volumes: {/key.pem: {secret: app/key}}", "").replace(
    "env: {PASSWORD: {secret: app/password}}", "env: {}"
)


def test_a_value_that_is_used_is_not_taken_out(befriended: Homelab) -> None:
    before = befriended.files()
    for key in ("app/password", "app"):
        run = befriended.run("secrets", "unset", key, key="admin")
        assert run.returncode == 1
        assert re.search(r"app/\w+ is used by .*'app'.*: \S*cluster\.yaml:\d+:\d+$", run.stderr, re.M)
    assert befriended.files() == before


def test_a_value_that_nobody_uses_is_taken_out_alone(befriended: Homelab) -> None:
    befriended.change(APP, UNUSED)
    check = befriended.run("secrets", "check").stdout
    assert "no workload uses app/password in secrets/workloads.yaml" in check
    (command,) = re.findall("`hybridlab (secrets unset .*)` takes it out", check)
    refused = befriended.run(*command.split())
    assert (refused.returncode, "SOPS_AGE_KEY_FILE" in refused.stderr) == (1, True)
    run = befriended.run(*command.split(), key="admin")
    assert run.returncode == 0, run.stderr
    assert befriended.decrypt(PODS, "friend") == {"app": {"key": "one more"}}
    assert befriended.codes() == []


def test_keys_that_are_empty_then_go_with_a_value(befriended: Homelab) -> None:
    befriended.sops("set", PODS, '["old"]["deep"]["er"]', '"x"', key="admin")
    assert befriended.codes() == ["SEC106"]
    assert befriended.run("secrets", "unset", "old/deep/er", key="admin").returncode == 0
    assert set(befriended.decrypt(PODS, "admin")) == {"app"}


def test_the_file_goes_with_its_last_value_and_comes_again(befriended: Homelab) -> None:
    befriended.change(APP, NOTHING)
    assert befriended.codes() == ["SEC108"]
    run = befriended.run("secrets", "unset", "app")  # for which nobody's private key is needed
    assert (run.returncode, "the file is removed" in run.stderr) == (0, True), run.stderr
    assert set(befriended.files()) == {"cluster.yaml", MAIN, GUESTS}
    assert befriended.codes() == []
    befriended.change(NOTHING, APP)
    assert befriended.run("secrets", "set", "app/key", given="again").returncode == 0
    assert befriended.decrypt(PODS, "friend") == {"app": {"key": "again"}}


@pytest.mark.parametrize("key", ["app/passwort", "sops", "sops/age", "", "app/", "app/password/x", "/"])
def test_what_is_not_there_can_not_be_taken_out(befriended: Homelab, key: str) -> None:
    before = befriended.files()
    run = befriended.run("secrets", "unset", "--", key, key="admin")
    assert run.returncode == 1
    assert "it has app/password, app/key" in run.stderr
    assert befriended.files() == before


def test_no_program_is_shown_a_secret(befriended: Homelab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program that runs is a shim, which notes its arguments and environment for all to see."""
    log, shims = befriended.keys / "log", befriended.keys / "bin"
    shims.mkdir()
    real = need_program("sops")
    shim = shims / "sops"
    shim.write_text(f'#!/bin/sh\nprintf "%s\\n" "sops $*" >>{log}\nenv >>{log}\nexec {real} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}{os.environ['PATH']}")
    secrets = {"one value", "one more", "AGE-SECRET-KEY-"}
    secrets.add(befriended.decrypt(MAIN, "admin")["k8s"]["join-token"])
    befriended.drop("friend")
    befriended.change(APP, UNUSED)
    said = rekey(befriended) + befriended.run("secrets", "unset", "app/password", key="admin").stderr
    seen = log.read_text(encoding="utf-8")
    commands = re.findall(r"^sops .*?(updatekeys|rotate|unset)", seen, re.MULTILINE)
    assert set(commands) == {"updatekeys", "rotate", "unset"}
    for secret in secrets:
        assert secret not in seen + said

"""The program as a person runs it: exit codes, what goes where, and that nothing of value gets lost.

Runs that need a terminal, a signal, another process or other imports are real processes; the rest calls the
same program in this one.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from hybridlab.cli.program import program
from hybridlab.output.index import INDEX_PATH
from hybridlab.output.lock import locked
from hybridlab.output.staging import STAGING_PATH
from nix_programs import nix_reads
from programs import need_program

ROOT = Path(__file__).parents[2]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUcE0v3cGzpl0ZKeTzyTMVUHPVUhiLqBeHTMFOG1gcS"
SPEC = f"""\
apiVersion: hybridlab/v1
name: lab
nixos: {{release: "26.05", stateVersion: "26.05"}}
admin: {{user: admin, sshKeys: ["{KEY}"]}}
networks:
  dns: [1.1.1.1]
  vlans:
    apps: {{id: 20, cidr: 10.0.20.0/24, gateway: 10.0.20.1}}
hosts:
  metal:
    uplink: enp1s0
    addresses: {{apps: 10.0.20.5}}
    cpus: 16
    memory: 64GiB
    kubernetes: {{role: worker, labels: {{disk: fast}}}}
guests:
  master:
    host: metal
    vlan: apps
    address: 10.0.20.10
    vcpus: 2
    memory: 4GiB
    kubernetes: {{role: control-plane}}
kubernetes: {{vlan: apps}}
workloads:
  ollama:
    type: ollama
    nodeSelector: {{disk: fast}}
    env: {{NOTE: plain}}
secrets:
  recipients:
    admin: age1ujkd8ens47pwg5qwek8w54kvyw9k5xc75tmc3wmgrt5nvmy4cyps79ghvk
    metal: age14e3xxnxd0ck5kwrrgl9nutyg043uugh49pk54rtmfax72nu25djsntyf2s
    master: age1rhujfzxvq2s2tu2lf8fp6nms4qvz8dp0pz4k2gjq9652794urp7sxnr954
"""
# Without a cluster, and so without secrets, which a deployment wants to be there.
MACHINES = re.sub(r"(?ms)^kubernetes:.*", "", re.sub(r"\n    kubernetes: .*", "", SPEC))
MASTER = "modules/generated/master/network.nix"
OLLAMA = "k8s/ollama/deployment.yaml"


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds a sound spec, in which the test runs."""
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "cluster.yaml").write_text(SPEC)
    monkeypatch.chdir(folder)
    for name in ("HYBRIDLAB_SPEC", "HYBRIDLAB_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, list(arguments), prog_name="hybridlab")


def environment(**changes: str) -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **changes}


def start(*arguments: str, session: bool = False, **changes: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hybridlab", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**changes),
        start_new_session=session,
    )


def edit_spec(old: str, new: str) -> None:
    assert old in SPEC
    Path("cluster.yaml").write_text(SPEC.replace(old, new))


def tree() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


# The sound spec


def test_sound_spec_passes() -> None:
    result = run("check")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no problems in cluster.yaml\n")


def test_example_of_the_repository_passes() -> None:
    assert run("--spec", str(ROOT / "cluster.yaml"), "check").exit_code == 0


def test_check_in_json_is_an_empty_list() -> None:
    assert json.loads(run("check", "--format", "json").stdout) == []


@pytest.mark.parametrize("topic", ["nodes", "addresses", "flows", "openings"])
def test_show_is_a_table_or_json(topic: str) -> None:
    table, data = run("show", topic), run("show", topic, "--format", "json")

    assert (table.exit_code, table.stderr, data.exit_code, data.stderr) == (0, "", 0, "")
    assert len(table.stdout.splitlines()) == 1 + len(json.loads(data.stdout))
    assert "master" in table.stdout


def test_schema_is_that_of_the_spec() -> None:
    result = run("schema")

    assert (result.exit_code, result.stderr) == (0, "")
    schema = json.loads(result.stdout)
    assert set(yaml.safe_load(SPEC)) <= set(schema["properties"])
    assert result.stdout == (ROOT / "schema/cluster.schema.json").read_text(), "run `just docs`"


def test_show_shows_all_topics() -> None:
    assert re.findall(r"^(\w+):$", run("show").stdout, re.M) == ["nodes", "addresses", "flows", "openings"]
    assert list(json.loads(run("show", "--format", "json").stdout)) == [
        "nodes",
        "addresses",
        "flows",
        "openings",
    ]


# Where the spec is


def test_spec_is_found_upward_and_named_so_that_an_editor_finds_it(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_spec("vcpus: 2", "vcpu: 2")
    (lab / "a/b").mkdir(parents=True)
    monkeypatch.chdir(lab / "a/b")

    assert "../../cluster.yaml:21:5: error[" in run("check").stdout


def test_spec_by_option_and_by_environment(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("check").exit_code == 2
    assert run("--spec", "lab/cluster.yaml", "check").exit_code == 0
    monkeypatch.setenv("HYBRIDLAB_SPEC", str(lab / "cluster.yaml"))
    assert run("check").exit_code == 0


def test_files_lie_beside_the_spec_or_where_out_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert run("--spec", "lab/cluster.yaml", "generate", "--out", "new/deep").exit_code == 0
    assert (tmp_path / "new/deep" / MASTER).is_file()
    assert not (tmp_path / "lab/k8s").exists()
    assert run("--spec", "lab/cluster.yaml", "generate").exit_code == 0
    assert (tmp_path / "lab" / MASTER).is_file()
    assert run("--spec", "lab/cluster.yaml", "generate", "--out", "lab/cluster.yaml").exit_code == 2


# Bad input

WIDE = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 8)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        pytest.param("    vcpus: 2", "    vcpu: 2", 21, "did you mean 'vcpus'?", id="unknown key"),
        pytest.param("    address: 10.0.20.10\n", "", 17, "address", id="missing key"),
        pytest.param("cpus: 16", "cpus: many", 13, "many", id="wrong type"),
        pytest.param("cpus: 16", "cpus: 16\n    cpus: 8", 14, "twice", id="duplicate key"),
        pytest.param("    cpus: 16", "\tcpus: 16", 13, "\\t", id="tab"),
        pytest.param("dns: [1.1.1.1]", "dns: [1.1.1.1", 7, "not YAML", id="broken YAML"),
        pytest.param("name: lab", "---\nname: lab", 2, "second document", id="second document"),
        pytest.param("hybridlab/v1", "hybridlab/v9", 1, "hybridlab/v1", id="unknown apiVersion"),
        pytest.param("10.0.20.10", "10.0.99.10", 20, "10.0.99.10", id="address outside its network"),
        pytest.param("10.0.20.10", "10.0.20.5", 20, "10.0.20.5", id="address used twice"),
        pytest.param("host: metal", "host: mettal", 18, "did you mean 'metal'?", id="name that dangles"),
        pytest.param('release: "26.05"', "release: 26.05", 3, 'in quotes: "26.05"', id="release as a number"),
        pytest.param("vcpus: 2", "vcpus: 2\n    mac: 11:22:33:44:55:56", 22, "base 60", id="MAC as a number"),
        pytest.param("name: lab", "name: No", 2, "No", id="truth value"),
        pytest.param("name: lab", "name: ../../etc", 2, "DNS label", id="path as a name"),
        pytest.param("name: lab", "name: a\u202eb", 2, "U+202E", id="bidirectional mark"),
        pytest.param("name: lab", "name: a\x1b[31mb", 2, "U+001B", id="terminal escape"),
        pytest.param("NOTE: plain", 'NOTE: "a\\u001b[31m"', 29, "U+001B", id="escaped terminal escape"),
        pytest.param("NOTE: plain", 'NOTE: "a\\u202e"', 29, "U+202E", id="escaped bidirectional mark"),
        pytest.param("name: lab", "name: " + "[" * 100 + "]" * 100, 2, "nested", id="a hundred deep"),
        pytest.param("name: lab", "name: !!python/object:os.system x", 2, "tag", id="tag"),
        pytest.param("  apps: {", "  Apps_1: {", 8, "DNS label", id="name with other characters"),
    ],
)
def test_mistake_is_shown_at_its_line(old: str, new: str, line: int, said: str) -> None:
    edit_spec(old, new)

    result = run("check")

    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert said in result.output
    assert f"cluster.yaml:{line}:" in result.stdout
    assert re.search(rf"^ {line} \| .*\n +\| +\^+$", result.stdout, re.M)
    assert re.search(r"^\d+ errors?.* in cluster\.yaml$", result.stderr, re.M)
    assert all(char.isprintable() or char == "\n" for char in result.output)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"# nothing\n", "empty", id="only a comment"),
        pytest.param(b"name: \xff\xfe\n", "not UTF-8", id="not UTF-8"),
        pytest.param(SPEC.encode("utf-16"), "not UTF-8", id="UTF-16"),
        pytest.param(b"\x00" * 100, "U+0000", id="zeros"),
        pytest.param(b"- a\n- b\n", "mapping", id="list"),
        pytest.param(b"just text\n", "mapping", id="text"),
        pytest.param(WIDE.encode(), "alias", id="alias bomb"),
        pytest.param(b"a: &a {b: *a}\n", "alias", id="alias of itself"),
        pytest.param(b"a: *nowhere\n", "alias", id="alias of nothing"),
        pytest.param(b"? [a]\n: b\n", "key", id="list as a key"),
        pytest.param(b"a: " + b"[" * 100_000, "nested", id="endless nesting"),
        pytest.param(b"a: " + b"9" * 10_000 + b"\n", "", id="huge number"),
    ],
)
@pytest.mark.parametrize("command", [["check"], ["generate"], ["generate", "--check"], ["show"]])
def test_unreadable_content(content: bytes, said: str, command: list[str]) -> None:
    Path("cluster.yaml").write_bytes(content)

    result = run(*command)

    assert result.exit_code == 1
    assert "Traceback" not in result.output and "bug" not in result.output
    assert said in result.output
    assert re.match(r"cluster\.yaml:\d+:\d+: error\[\w+\] ", result.output)
    assert (result.stdout == "") == (command != ["check"])
    assert [*tree()] == ["cluster.yaml"]


def test_what_is_no_file_is_named_and_no_pipe_waited_for(lab: Path) -> None:
    os.mkfifo("pipe")
    for path in ("missing.yaml", str(lab), "cluster.yaml/below", "pipe", "/dev/null"):
        for command in ("check", "generate"):
            result = run("--spec", path, command)
            assert (result.exit_code, result.stdout, f"Error: {path} " in result.stderr) == (2, "", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything: run the tests as another user")
def test_file_without_permission() -> None:
    Path("cluster.yaml").chmod(0)
    result = run("check")
    assert (result.exit_code, "permission denied" in result.stdout) == (1, True)


def test_name_of_the_spec_steers_no_terminal(lab: Path) -> None:
    evil = lab / "clus\x1b[31mter.yaml"
    evil.write_text("name: [")
    for command in ("check", "generate"):
        result = run("--spec", str(evil), command)
        assert (result.exit_code, "\x1b" in result.output, "\\x1b" in result.output) == (1, False, True)


def test_all_problems_at_once_in_json() -> None:
    Path("cluster.yaml").write_text(SPEC.replace("vcpus: 2", "vcpu: 2").replace("cpus: 16", "cpus: many"))

    found = json.loads(run("check", "--format", "json").stdout)

    assert {(finding["line"], tuple(finding["path"])) for finding in found} >= {
        (13, ("hosts", "metal", "cpus")),
        (21, ("guests", "master", "vcpu")),
    }
    assert {finding["severity"] for finding in found} == {"error"}


def test_warnings_are_shown_and_stop_nothing() -> None:
    Path("cluster.yaml").write_text(
        SPEC.replace("    memory: 64GiB", "    memory: 64GiB\n    gpu: {model: radeon-780m}").replace(
            "NOTE: plain", 'ROC_ENABLE_PRE_VEGA: "1"'
        )
    )

    check, generate = run("check"), run("generate")

    assert (check.exit_code, generate.exit_code) == (0, 0)
    assert "warning[" in check.stdout
    assert check.stderr.splitlines() == [
        "1 warning in cluster.yaml",
        "1 can be mended by `hybridlab check --fix`; --diff shows how",
        "`hybridlab explain GPU011` says more",
    ]
    assert "warning[" in generate.stderr and "warning[" not in generate.stdout
    assert Path(OLLAMA).is_file()


# Formats, and which rules are asked


def two_mistakes() -> None:
    """Let the guest have the host's address, and take more memory than that has."""
    Path("cluster.yaml").write_text(
        SPEC.replace("address: 10.0.20.10", "address: 10.0.20.5").replace("memory: 4GiB", "memory: 99GiB")
    )


def test_every_format_has_every_finding() -> None:
    two_mistakes()
    for form, said in {
        "text": "cluster.yaml:20:14: error[NET001] ",
        "concise": "cluster.yaml:20:14: error[NET001] ",
        "json": '"code": "NET001"',
        "github": "::error file=cluster.yaml,line=20,col=14,endColumn=23,title=NET001 duplicate-address::",
        "sarif": '"ruleId": "NET001"',
    }.items():
        result = run("check", "--format", form)
        assert (result.exit_code, said in result.stdout, "CAP001" in result.stdout) == (1, True, True), form
        assert result.stderr.startswith("2 errors in cluster.yaml\n")
        told = "`hybridlab explain CAP001 NET001` says more\n" in result.stderr
        assert told == (form in ("text", "concise"))


def test_formats_of_what_can_not_be_read() -> None:
    Path("cluster.yaml").write_text("name: [")
    for form in ("concise", "json", "github", "sarif"):
        result = run("check", "--format", form)
        assert (result.exit_code, "SPEC003" in result.stdout) == (1, True), form


def test_secrets_are_checked_in_every_format() -> None:
    assert "title=SEC101 no-sops-file::" in run("secrets", "check", "--format", "github").stdout


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        (["--select", "NET"], ["NET001"]),
        (["--select", "NET00,cap001"], ["CAP001", "NET001"]),
        (["--select", "NET", "--select", "CAP", "--ignore", "NET001"], ["CAP001"]),
        (["--ignore", "NET,CAP"], []),
    ],
)
def test_rules_that_are_selected(arguments: list[str], codes: list[str]) -> None:
    two_mistakes()
    result = run("check", "--format", "concise", *arguments)
    assert re.findall(r"error\[(\w+)\]", result.stdout) == codes
    assert result.exit_code == (1 if codes else 0)
    assert re.search(r"^\d+ of \d+ rules were asked$", result.stderr, re.M)


def test_what_keeps_a_spec_from_being_read_can_not_be_left_out() -> None:
    edit_spec("vcpus: 2", "vcpu: 2")
    assert "SPEC101" in run("check", "--select", "NET001").stdout
    refused = run("check", "--ignore", "SPEC101")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "'SPEC101' is of no rule" in refused.stderr


def test_code_is_explained() -> None:
    two = run("explain", "net001", "SPEC101")
    assert (two.exit_code, two.stderr) == (0, "")
    assert re.findall(r"^[A-Z]+\d+ .*$", two.stdout, re.M) == [
        "NET001 duplicate-address: error",
        "SPEC101 unknown-key: error",
    ]
    assert run("explain", "duplicate-address").stdout == run("explain", "NET001").stdout
    (found,) = json.loads(run("explain", "NET001", "--format", "json").stdout)
    assert (found["name"], found["remedy"]) == ("duplicate-address", None)


def test_every_code_is_listed() -> None:
    table, data = run("explain", "--list"), run("explain", "--list", "--format", "json")
    listed = json.loads(data.stdout)
    assert len(table.stdout.splitlines()) == 1 + len(listed)
    assert {"NET001", "SPEC101", "SEC101", "CUT001"} <= {one["code"] for one in listed}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name codes like NET001, or --list"),
        (["--list", "NET001"], "name codes like NET001, or --list"),
        (["NET0001"], "did you mean 'NET001'?"),
        (["duplicate-adress"], "did you mean 'duplicate-address'?"),
        (["\x1b[31m"], "--list"),
    ],
)
def test_wrong_usage_of_explain(arguments: list[str], said: str) -> None:
    result = run("explain", *arguments)
    assert (result.exit_code, result.stdout, said in result.stderr) == (2, "", True)
    assert "\x1b" not in result.stderr


# Generate


def test_generating_twice_is_generating_once() -> None:
    first = run("generate")
    written = tree()
    second = run("generate")

    assert (first.exit_code, second.exit_code) == (0, 0)
    listed = {line.split(None, 1)[1] for line in first.stdout.splitlines()}
    assert listed == {*written} - {"cluster.yaml"}
    assert {line.split()[0] for line in first.stdout.splitlines()} == {"created"}
    assert (second.stdout, tree()) == ("", written)
    assert "up to date" in second.stderr
    assert run("generate", "--check").exit_code == 0


def test_errors_keep_everything_as_it_was() -> None:
    run("generate")
    edit_spec("10.0.20.10", "10.0.20.5")
    before = tree()
    for command in (["generate"], ["generate", "--check"], ["generate", "--diff"], ["generate", "--force"]):
        result = run(*command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "10.0.20.5" in result.stderr
    assert tree() == before


def test_change_of_the_spec_is_shown_and_carried_out() -> None:
    run("generate")
    edit_spec("NOTE: plain", "NOTE: changed")

    check, diff = run("generate", "--check"), run("generate", "--diff")
    assert (check.exit_code, diff.exit_code) == (3, 0)
    assert f"stale       {OLLAMA}\n" in check.stdout
    assert "-          value: plain\n+          value: changed\n" in diff.stdout
    assert run("generate", "--check", "--diff").stdout == check.stdout + diff.stdout
    assert b"changed" not in Path(OLLAMA).read_bytes()

    assert f"updated     {OLLAMA}\n" in run("generate").stdout
    assert b"changed" in Path(OLLAMA).read_bytes()


def test_files_of_what_is_gone_are_removed_and_others_stay() -> None:
    run("generate")
    Path("modules/mine.nix").write_text("{ }")
    Path("k8s/ollama/mine.yaml").write_text("mine")
    workloads = SPEC[SPEC.index("workloads:") : SPEC.index("secrets:")]
    edit_spec(workloads, "")

    check = run("generate", "--check")
    assert (check.exit_code, f"left over   {OLLAMA}\n" in check.stdout) == (3, True)
    assert f"removed     {OLLAMA}\n" in run("generate").stdout
    assert not Path(OLLAMA).exists()
    assert Path("k8s/ollama/mine.yaml").read_text() == "mine"
    assert Path("modules/mine.nix").read_text() == "{ }"


def test_missing_file_is_noticed_and_made_again() -> None:
    run("generate")
    for path in (MASTER, str(INDEX_PATH)):
        content = Path(path).read_bytes()
        Path(path).unlink()
        check = run("generate", "--check")
        assert (check.exit_code, f"missing     {path}\n" in check.stdout) == (3, True)
        assert run("generate").exit_code == 0
        assert Path(path).read_bytes() == content


def test_edit_by_hand_is_kept_shown_and_given_up_by_force_only() -> None:
    run("generate")
    before = tree()
    Path(MASTER).write_text(before[MASTER].decode() + "# \x1b[31mmine\n")
    edited = tree()

    check = run("generate", "--check")
    assert (check.exit_code, f"edited      {MASTER} (" in check.stdout) == (3, True)
    for command in (["generate"], ["generate", "--diff"]):
        result = run(*command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "+# \\x1b[31mmine\n" in result.stderr
        assert "--force" in result.stderr
    assert tree() == edited

    dry = run("generate", "--diff", "--force")
    assert (dry.exit_code, "-# \\x1b[31mmine\n" in dry.stdout, tree()) == (0, True, edited)
    assert run("generate", "--force").exit_code == 0
    assert tree() == before


def test_file_of_someone_else_is_never_overwritten(lab: Path) -> None:
    Path(".sops.yaml").write_text("mine\n")
    for command in (["generate"], ["generate", "--force"]):
        result = run(*command)
        assert (result.exit_code, ".sops.yaml was not written by hybridlab" in result.stderr) == (1, True)
    check = run("generate", "--check")
    assert (check.exit_code, "not ours    .sops.yaml" in check.stdout) == (3, True)
    assert sorted(tree()) == [".sops.yaml", "cluster.yaml"]


def test_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    Path("k8s").symlink_to(tmp_path / "elsewhere")

    result = run("generate", "--force")

    assert (result.exit_code, "k8s is a symbolic link" in result.stderr) == (1, True)
    assert not [*(tmp_path / "elsewhere").iterdir()]
    assert (run("generate", "--check").exit_code, sorted(tree())) == (3, ["cluster.yaml"])


def test_damaged_index_is_an_error() -> None:
    run("generate")
    Path(INDEX_PATH).write_text("{")
    result = run("generate")
    assert (result.exit_code, "is damaged" in result.stderr, "Traceback" in result.output) == (1, True, False)


def test_interrupted_run_is_noticed_and_repaired() -> None:
    run("generate")
    Path(STAGING_PATH).mkdir()

    check = run("generate", "--check")
    assert (check.exit_code, f"interrupted {STAGING_PATH}" in check.stdout) == (3, True)
    repair = run("generate")
    assert (repair.exit_code, "interrupted" in repair.stderr) == (0, True)
    assert not Path(STAGING_PATH).exists()


# Real processes


def test_second_run_waits_and_says_so(lab: Path) -> None:
    with locked(lab):
        waiting = start("generate")
        assert waiting.stderr is not None
        assert "waiting" in waiting.stderr.readline()
        assert sorted(tree()) == ["cluster.yaml"]
    out, _ = waiting.communicate(timeout=60)

    assert (waiting.returncode, MASTER in out) == (0, True)


def test_runs_that_race_both_end_well() -> None:
    runs = [start("generate") for _ in range(3)]
    for each in runs:
        _, said = each.communicate(timeout=60)
        assert each.returncode == 0, said
    assert run("generate", "--check").exit_code == 0


def test_interrupt_from_the_keyboard(lab: Path) -> None:
    with locked(lab):
        waiting = start("generate")
        assert waiting.stderr is not None
        waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        out, said = waiting.communicate(timeout=60)
    assert (waiting.returncode, out, said.strip()) == (130, "", "")
    assert run("generate").exit_code == 0


def test_reader_who_has_enough() -> None:
    showing = start("show")
    assert showing.stdout is not None and showing.stderr is not None
    showing.stdout.close()
    said = showing.stderr.read()
    assert (showing.wait(timeout=60), said) == (141, "")
    showing.stderr.close()


@pytest.mark.parametrize("changes", [{"PYTHONUNBUFFERED": "1"}, {"PYTHONUNBUFFERED": ""}])
def test_full_disk_behind_the_output(changes: dict[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        showing = subprocess.run(
            [sys.executable, "-m", "hybridlab", "show"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=environment(**changes),
        )
    assert (showing.returncode, showing.stderr) == (1, "error: no space left on device\n")


def test_output_that_can_not_show_every_character() -> None:
    edit_spec("name: lab", "name: 狐")
    out, _ = start("check", PYTHONIOENCODING="latin-1").communicate(timeout=60)
    assert "\\u72d0" in out


@pytest.mark.parametrize(
    ("arguments", "changes", "terminal", "colored"),
    [
        ([], {}, True, True),
        ([], {}, False, False),
        ([], {"NO_COLOR": "1"}, True, False),
        ([], {"NO_COLOR": ""}, True, True),
        ([], {"TERM": "dumb"}, True, False),
        (["--color", "never"], {}, True, False),
        (["--color", "always"], {}, False, True),
        (["--color", "always"], {"NO_COLOR": "1"}, False, True),
    ],
)
def test_color(arguments: list[str], changes: dict[str, str], terminal: bool, colored: bool) -> None:
    edit_spec("vcpus: 2", "vcpu: 2")
    ours, theirs = os.openpty() if terminal else os.pipe()
    checking = subprocess.Popen(
        [sys.executable, "-m", "hybridlab", *arguments, "check"],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=environment(**changes),
    )
    read: list[bytes] = []

    def collect() -> None:
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # how Linux says that nobody is at the other end of a terminal any more
                return
            if not piece:
                return
            read.append(piece)

    os.close(theirs)
    reader = threading.Thread(target=collect)
    reader.start()
    assert checking.wait(timeout=60) == 1
    reader.join(timeout=60)
    os.close(ours)
    output = b"".join(read)
    assert b"did you mean" in output
    assert (b"\x1b[" in output) == colored


HEAVY = ("attr", "attrs", "cattrs", "ruamel", "hybridlab.diagnostic", "hybridlab.spec", "hybridlab.model")
LATER = ("hybridlab.emit", "hybridlab.output", "hybridlab.nixlang", "hybridlab.manifest")
COMPLETE = {"_HYBRIDLAB_COMPLETE": "bash_complete", "COMP_CWORD": "2"}


@pytest.mark.parametrize(
    ("arguments", "changes", "unneeded"),
    [
        (["--version"], {}, (*HEAVY, *LATER, "subprocess")),
        (["--help"], {}, (*HEAVY, *LATER, "subprocess")),
        (["check", "--help"], {}, (*HEAVY, *LATER)),
        (["generate", "--help"], {}, (*HEAVY, *LATER)),
        (["deploy", "--help"], {}, (*HEAVY, *LATER)),
        (["completion", "zsh"], {}, (*HEAVY, *LATER)),
        ([], {**COMPLETE, "COMP_WORDS": "hybridlab g", "COMP_CWORD": "1"}, (*HEAVY, *LATER)),
        ([], {**COMPLETE, "COMP_WORDS": "hybridlab show "}, (*HEAVY, *LATER)),
        ([], {**COMPLETE, "COMP_WORDS": "hybridlab generate --"}, (*HEAVY, *LATER)),
        (["check"], {}, (*LATER, "hybridlab.live", "subprocess")),
        (["explain", "--help"], {}, (*HEAVY, *LATER)),
        (["explain", "NET001"], {}, (*LATER, "hybridlab.live", "subprocess")),
        (["show"], {}, (*LATER, "hybridlab.live", "hybridlab.rules", "subprocess")),
        (["generate", "--check"], {}, ("hybridlab.live", "subprocess")),
    ],
)
def test_run_imports_what_it_needs_only(
    arguments: list[str], changes: dict[str, str], unneeded: tuple[str, ...]
) -> None:
    listing = (
        "import sys\n"
        "from hybridlab.cli import main\n"
        "try: main()\n"
        "finally: print('imported', *sys.modules, file=sys.stderr)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", listing, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(**changes),
    )
    imported = set(ran.stderr.splitlines()[-1].split())
    assert "click" in imported
    assert imported.isdisjoint(unneeded)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        (
            "hybridlab ",
            [
                *("check", "explain", "generate", "show", "deploy", "rollback", "apply", "verify"),
                *(
                    "diagnose",
                    "status",
                    "ssh",
                    "logs",
                    "kubeconfig",
                    "secrets",
                    "ping",
                    "schema",
                    "completion",
                ),
            ],
        ),
        ("hybridlab s", ["show", "status", "ssh", "secrets", "schema"]),
        ("hybridlab secrets ", ["check", "init", "rekey", "rotate", "set", "unset"]),
        ("hybridlab show ", ["nodes", "addresses", "flows", "openings"]),
        ("hybridlab explain net00", [f"NET00{number}" for number in range(1, 10)]),
        ("hybridlab explain duplicate-a", ["duplicate-address"]),
        ("hybridlab check --format s", ["sarif"]),
        ("hybridlab deploy m", ["master", "metal"]),
        ("hybridlab ssh m", ["master", "metal"]),
        ("hybridlab --spec nowhere.yaml deploy m", []),
        ("hybridlab generate --d", ["--diff"]),
    ],
)
def test_shell_completion(line: str, offered: list[str]) -> None:
    completing = start(
        _HYBRIDLAB_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(line.split(" ")) - 1)
    )
    out, said = completing.communicate(timeout=60)
    assert [entry.split(",")[1] for entry in out.split()] == offered
    assert said == ""


# Hostile text

HOSTILE = [
    "say \"hi\" 'there' \\ back",
    "${builtins.abort \"out\"} $${x} ''${y} ''",
    "first\nsecond\n\nlast\n",
    "  blanks \t and tab  ",
    "yes",
    "0o17",
    "1e3",
    "12:30",
    "=",
    "~",
    "- a: {b: [c]} # no comment",
    "狐 🦊 é",
    "--- ... %YAML",
    "</script><!-- */",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_environment_of_a_pod_comes_out_as_it_went_in(text: str) -> None:
    edit_spec("NOTE: plain", f"NOTE: {json.dumps(text, ensure_ascii=False)}")

    assert run("generate").exit_code == 0

    deployment = yaml.safe_load(Path(OLLAMA).read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {"name": "NOTE", "value": text} in container["env"]


@pytest.mark.nix
@pytest.mark.parametrize("text", [text for text in HOSTILE if "\n" not in text])
def test_comment_of_a_key_comes_out_as_it_went_in(text: str) -> None:
    key = f"{KEY} {text}"
    edit_spec(f'"{KEY}"', json.dumps(key, ensure_ascii=False))

    assert run("generate").exit_code == 0

    users = Path("modules/generated/metal/users.nix").read_text()
    assert nix_reads(f"({users}).users.users.root.openssh.authorizedKeys.keys", [key])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(KEY, f"{KEY} a\\nssh-rsa b", id="line break in a key"),
        pytest.param("type: ollama", 'type: ollama\n    image: "a:b\'${x}"', id="code as an image"),
        pytest.param("uplink: enp1s0", 'uplink: "a; reboot"', id="command as an interface"),
        pytest.param("type: ollama", "type: ollama\n    models: /var/../etc", id="way out of a folder"),
        pytest.param("secrets:\n", "secrets:\n  file: ../../etc/passwd\n", id="way out of the repository"),
        pytest.param("user: admin", 'user: "a\\"; x = \\""', id="code as a user"),
        pytest.param("disk: fast}}", 'disk: "${x}"}}', id="code as a label"),
        pytest.param("  master:\n", "  ../../x:\n", id="path as a machine"),
    ],
)
def test_text_that_means_something_elsewhere_is_refused(old: str, new: str) -> None:
    edit_spec(old, new)
    result = run("generate")
    assert (result.exit_code, sorted(tree())) == (1, ["cluster.yaml"])
    assert re.match(r"cluster\.yaml:\d+:\d+: error\[", result.stderr)


# Machines


def test_unknown_machine_is_wrong_usage() -> None:
    run("generate")
    for command in ("deploy", "ping", "verify", "diagnose", "ssh", "logs"):
        result = run(command, "mastr")
        assert (result.exit_code, "did you mean 'master'?" in result.stderr) == (2, True)


def test_only_a_node_of_kubernetes_is_diagnosed() -> None:
    Path("cluster.yaml").write_text(MACHINES)

    result = run("diagnose", "metal")

    assert (result.exit_code, "'metal' is no node" in result.stderr) == (2, True), result.stderr


def stand_in(folder: Path, name: str, script: str) -> str:
    """Put a program into `folder`, and return a PATH on which it comes first."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_deploy_refuses_what_is_not_generated(tmp_path: Path) -> None:
    result = run("deploy", "--yes")
    assert (result.exit_code, result.stdout, f"missing     {MASTER}" in result.stderr) == (3, "", True)
    edit_spec("10.0.20.10", "10.0.20.5")
    assert run("deploy", "--yes").exit_code == 1


def test_deploy_says_what_it_would_do() -> None:
    """The deployments themselves are in tests/live: they need machines."""
    Path("cluster.yaml").write_text(MACHINES)
    run("generate")
    dry = run("deploy", "--dry-run")
    assert (dry.exit_code, dry.stdout) == (0, "1. host 'metal' with its guests master\n"), dry.stderr
    assert run("deploy", "master", "--dry-run").stdout == dry.stdout


def test_deploy_wants_every_secret() -> None:
    run("generate")
    result = run("deploy", "--dry-run")
    assert (result.exit_code, "SEC101" in result.stderr) == (1, True)


def test_deploy_wants_files_that_git_tracks() -> None:
    Path("cluster.yaml").write_text(MACHINES)
    run("generate")
    Path("flake.nix").write_text("{ }")
    Path("flake.lock").write_text("{ }")
    git = need_program("git")
    subprocess.run([git, "init", "--quiet"], check=True)
    subprocess.run([git, "add", "modules/generated/master", "flake.nix"], check=True)
    result = run("deploy", "--dry-run")
    assert result.exit_code == 1
    assert "git does not track modules/generated/index.json" in result.stderr
    assert "git does not track flake.lock" in result.stderr
    assert "flake.nix" not in result.stderr
    subprocess.run([git, "add", "--all"], check=True)
    assert run("deploy", "--dry-run").exit_code == 0


def test_deploy_without_its_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("cluster.yaml").write_text(MACHINES)
    run("generate")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no flake.nix" in run("deploy", "--yes").stderr
    Path("flake.nix").write_text("{ }")
    result = run("deploy", "--yes")
    assert (result.exit_code, "nix is not installed" in result.stderr) == (1, True)


@pytest.mark.parametrize("place", ["metal", "metal=host", "nobody=10.0.0.1"])
def test_deploy_refuses_a_place_that_is_none(place: str) -> None:
    run("generate")
    assert run("deploy", "--dry-run", "--at", place).exit_code == 2


def test_rollback_to_a_generation_is_for_one_host() -> None:
    Path("cluster.yaml").write_text(
        SPEC.replace(
            "guests:",
            "  zinc: {uplink: e0, addresses: {apps: 10.0.20.6}, cpus: 1, memory: 8GiB}\nguests:",
        )
    )
    assert run("rollback", "--to", "3").exit_code == 2


def test_verify_lists_what_it_would_look_at() -> None:
    table, data, page = (run("verify", "--list", "--format", form) for form in ("table", "json", "markdown"))
    assert (table.exit_code, data.exit_code, page.exit_code) == (0, 0, 0)
    listed = json.loads(data.stdout)
    assert {"code": "ssh", "machine": "master", "subject": ""}.items() <= listed[0].items()
    assert len(table.stdout.splitlines()) == 1 + len(listed)
    assert page.stdout.count("\n- [ ] ") == len(listed)
    one = json.loads(run("verify", "master", "--phase", "machines", "--list", "--format", "json").stdout)
    assert {(entry["phase"], entry["machine"]) for entry in one} == {("machines", "master")}
    without = json.loads(run("verify", "--skip", "ssh", "--list", "--format", "json").stdout)
    assert {entry["code"] for entry in listed} - {entry["code"] for entry in without} == {"ssh"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--wait", "10"], "'10' is no number with a unit, as in 90s, 10m or 1h"),
        (["--skip", "sssh"], "no check of this cluster has the code 'sssh'"),
        (["--list", "--format", "junit"], "--list has no results"),
        (["--format", "markdown"], "markdown is for --list"),
        (["--phase", "disks"], "'disks' is not one of"),
    ],
)
def test_wrong_usage_of_verify(arguments: list[str], said: str) -> None:
    result = run("verify", *arguments)
    assert (result.exit_code, result.stdout, said in result.stderr) == (2, "", True), result.stderr


def test_verify_asks_over_ssh_and_says_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = "echo 'ssh: connect to host port 22: Connection refused' >&2; exit 255"
    monkeypatch.setenv("PATH", stand_in(tmp_path / "bin", "ssh", refused))
    result = run("verify", "metal", "--phase", "machines")
    assert (result.exit_code, "1 failed, " in result.stderr) == (1, True)
    assert "failed: root can log in [ssh metal]\n  expected  root can log in\n" in result.stdout
    assert "because   metal can not be reached\n" in result.stdout


def test_ping_shows_every_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'case "$*" in *20.5) exit 0;; *) exit 1;; esac'
    monkeypatch.setenv("PATH", stand_in(tmp_path / "bin", "ping", script))

    both, one = run("ping"), run("ping", "metal")

    assert (both.exit_code, one.exit_code) == (1, 0)
    assert [line.split(None, 3) for line in both.stdout.splitlines()[1:]] == [
        ["master", "apps", "10.0.20.10", "does not answer"],
        ["metal", "apps", "10.0.20.5", "answers"],
    ]
    monkeypatch.setenv("PATH", str(tmp_path))
    none = run("ping")
    assert (none.exit_code, none.stdout, "can not look" in none.stderr) == (1, "", True)

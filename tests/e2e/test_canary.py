"""A secret stays where it is: nothing that the program or join-token.sh shows to others has it.

A value is planted where a person and a machine keep secrets, everything is run, and the value is looked for;
then it is planted in each place where it is looked for, to see that it would be found.
"""

import base64
import os
import pwd
import shutil
import sys
from pathlib import Path

import pytest

from canary import Canary, Run, plant_at_home, watched
from hybridlab.cli.program import COMMANDS
from hybridlab.cli.topics import TOPICS

ROOT = Path(__file__).parents[2]

# Each command at least once, in an order in which each succeeds. Those that talk to machines only explain
# themselves; what they would run is the matter of their own tests.
RUNS = [
    "check",
    "check --format json",
    "generate",
    "generate --check --diff",
    "generate --out elsewhere",
    "show",
    "show --format json",
    *(f"show {topic} --format {form}" for topic in TOPICS for form in ("table", "json")),
    "schema",
    *(f"completion {shell}" for shell in ("bash", "zsh", "fish")),
    *(f"{command} --help" for command in COMMANDS),
]


class Lab:
    """A copy of the example in a folder, with secrets around it, and the program."""

    def __init__(self, folder: Path) -> None:
        self.canary = Canary()
        self.root = folder / "root"
        self.home = folder / "home"
        self.repository = folder / "lab"
        self.env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "pylib"), "LC_ALL": "C.UTF-8"}
        self.env |= plant_at_home(self.home, self.canary)
        decrypted = self.root / "run/secrets/k8s/join-token"
        decrypted.parent.mkdir(parents=True)
        decrypted.write_text(f"{self.canary.value}\n")
        self.decrypted = decrypted
        self.repository.mkdir()
        shutil.copy(ROOT / "cluster.yaml", self.repository)
        shutil.copytree(ROOT / "secrets", self.repository / "secrets")

    def run(self, arguments: str, **env: str) -> Run:
        command = [sys.executable, "-m", "hybridlab", *arguments.split()]
        return watched(command, self.env | env, self.repository)

    def deliver(self, source: Path, target: Path, path: str = "") -> Run:
        owner = pwd.getpwuid(os.getuid()).pw_name
        script = str(ROOT / "modules/join-token.sh")
        env = self.env | {"PATH": f"{path}:{self.env['PATH']}"}
        return watched(["bash", script, str(source), str(target), owner], env, self.root)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_no_command_shows_a_secret(lab: Lab) -> None:
    # Decrypted copies that somebody left lying about beside the spec.
    left = [".env", "secrets/secrets.dec.yaml", "token"]
    for name in left:
        (lab.repository / name).write_text(f"k8s: {{join-token: {lab.canary.value}}}\n")

    for arguments in RUNS:
        run = lab.run(arguments)
        assert run.code == 0, (arguments, run.stderr)
        command = f"hybridlab {arguments}".replace(" ", "\0").encode()
        assert any(command in seen for seen in run.arguments), f"{arguments} was looked at"
        assert run.places(lab.canary) == [], arguments
    assert (lab.repository / "modules/generated/index.json").exists()
    assert lab.canary.in_files(lab.repository) == left
    # Nor did any run copy it elsewhere: it is in the files where it was planted, and in no others.
    assert len(lab.canary.in_files(lab.home)) == 4
    assert lab.canary.in_files(lab.root) == ["run/secrets/k8s/join-token"]


def test_every_command_and_topic_is_run() -> None:
    words = {word for arguments in RUNS for word in arguments.split()}
    assert set(COMMANDS) | set(TOPICS) <= words


def test_join_token_script_shows_the_token_to_its_target_alone(lab: Lab, tmp_path: Path) -> None:
    """The programs it runs are slowed down, so that none ends before it was looked at."""
    names = ("dirname", "mkdir", "mktemp", "chown", "chmod", "mv")
    target = lab.root / "var/lib/cfssl/apitoken.secret"

    run = lab.deliver(lab.decrypted, target, path=slowed(tmp_path / "slow", names))

    assert run.code == 0, run.stderr
    for name in names:
        assert any(f"/{name}\0".encode() in seen for seen in run.arguments), f"{name} was looked at"
    assert run.places(lab.canary) == []
    assert lab.canary.in_files(lab.root) == ["run/secrets/k8s/join-token", "var/lib/cfssl/apitoken.secret"]


@pytest.mark.parametrize("spoilt", ["{}0", "{}\n{}", "z{}", "key: {}"])
def test_refusal_of_a_token_does_not_quote_it(lab: Lab, spoilt: str) -> None:
    lab.decrypted.write_text(spoilt.replace("{}", lab.canary.value))
    run = lab.deliver(lab.decrypted, lab.root / "apitoken.secret")
    assert run.code == 1
    assert run.places(lab.canary) == []
    assert lab.canary.in_files(lab.root) == ["run/secrets/k8s/join-token"]


# -- would it be found?


def test_it_is_found_in_a_generated_file_and_in_a_diff(lab: Lab) -> None:
    """In a variable of a workload, where a password does not belong."""
    spec = lab.repository / "cluster.yaml"
    kind = "    type: ollama\n"
    spec.write_text(spec.read_text().replace(kind, f"{kind}    env: {{PASS: {lab.canary.value}x}}\n"))
    assert lab.run("generate --diff").places(lab.canary) == ["stdout"]
    assert lab.run("generate").code == 0
    found = lab.canary.in_files(lab.repository)
    assert set(found) > {"cluster.yaml"}
    assert all(path == "cluster.yaml" or path.startswith("k8s/ollama/") for path in found)


def test_it_is_found_in_output_arguments_and_environment(lab: Lab) -> None:
    value = lab.canary.value
    script = "import sys, time; sys.{}.write('<' + open(sys.argv[1]).read() + '>'); time.sleep(0.2)"

    def run(stream: str, *more: str, **env: str) -> list[str]:
        command = [sys.executable, "-c", script.format(stream), str(lab.decrypted), *more]
        return watched(command, lab.env | env, lab.root).places(lab.canary)

    assert run("stdout") == ["stdout"]
    assert run("stderr") == ["stderr"]
    assert run("stdout", f"--token={value}") == ["stdout", "arguments"]
    assert run("stdout", TOKEN=value) == ["stdout", "environment"]
    assert lab.run(f"show {value}").places(lab.canary) == ["stderr", "arguments"]


def test_it_is_found_in_the_arguments_of_a_short_program_of_a_script(lab: Lab, tmp_path: Path) -> None:
    leaky = tmp_path / "leaky.sh"
    leaky.write_text('chmod 0600 "$1"\nchmod 0600 "$(cat "$1")" 2>/dev/null\n')
    env = lab.env | {"PATH": f"{slowed(tmp_path / 'slow', ('chmod',))}:{lab.env['PATH']}"}
    run = watched(["sh", str(leaky), str(lab.decrypted)], env, lab.root)
    assert run.places(lab.canary) == ["arguments"]


def test_it_is_found_in_every_guise(tmp_path: Path) -> None:
    canary = Canary()
    guises = [canary.value, canary.value.upper(), canary.value.encode().hex()]
    guises += [
        base64.b64encode(f"{'x' * shift}{canary.value}{'y' * more}".encode()).decode()
        for shift in range(4)
        for more in range(4)
    ]
    for number, guise in enumerate(guises):
        (tmp_path / str(number)).write_text(f"before {guise} after")
    (tmp_path / f"name-{canary.value}").touch()
    (tmp_path / "link").symlink_to(canary.value)
    (tmp_path / "innocent").write_text(Canary().value)

    assert set(canary.in_files(tmp_path)) == {path.name for path in tmp_path.iterdir()} - {"innocent"}


def slowed(folder: Path, names: tuple[str, ...]) -> str:
    """Put a program that waits before each named one in a folder, and return it for the PATH."""
    folder.mkdir()
    for name in names:
        program = folder / name
        program.write_text(f'#!/bin/sh\n/bin/sleep 0.1\nexec {shutil.which(name)} "$@"\n')
        program.chmod(0o755)
    return str(folder)

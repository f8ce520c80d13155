"""Flakes to try: a Nix of their own that evaluates them, and git repositories for it to read.

Nothing of the machine's Nix is used but its programs: store, state, settings and home lie in a folder of the
test run. `NIX_STORE_DIR` makes that possible without a chroot, so it works for any user and in a container.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

REPOSITORY = Path(__file__).parents[2]
SYSTEM = f"{os.uname().machine}-linux"

# The eval cache of Nix 2.8 cannot store text that refers to more than one derivation.
_SETTINGS = """
experimental-features = nix-command flakes
eval-cache = false
flake-registry =
substituters =
build-users-group =
sandbox = false
warn-dirty = false
"""


@frozen
class Nix:
    """Runs Nix, with its store below `folder`, on flakes whose inputs are overridden with folders."""

    folder: Path
    inputs: Mapping[str, Path]

    def below(self, name: str, flake: Path) -> "Nix":
        """The same for a flake that has the flake at hand as its input `name`."""
        nested = {f"{name}/{input_}": path for input_, path in self.inputs.items()}
        return Nix(self.folder, {name: flake} | nested)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `nix` that takes a flake."""
        overrides = [
            word for name, path in self.inputs.items() for word in ("--override-input", name, f"path:{path}")
        ]
        return self._run("nix", *arguments, "--no-write-lock-file", *overrides)

    def eval(self, installable: str, *arguments: str) -> Any:
        """Return a value of a flake as JSON has it."""
        run = self.run("eval", "--json", installable, *arguments)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    def build_checks(self, flake: Path, *names: str) -> subprocess.CompletedProcess[str]:
        """Build checks for the system of this machine; what they print is on standard error."""
        checks = [f"{flake}#checks.{SYSTEM}.{name}" for name in names]
        return self.run("build", "--no-link", "--print-build-logs", *checks)

    def expression(self, text: str) -> subprocess.CompletedProcess[str]:
        """Evaluate an expression, strictly."""
        return self._run("nix-instantiate", "--eval", "--strict", "--json", "--expr", text)

    def environment(self) -> dict[str, str]:
        """Return the environment in which any program's Nix is this one."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        own = {
            "HOME": str(home),
            "NIX_CONF_DIR": str(home),
            "NIX_CONFIG": _SETTINGS,
            "NIX_LOG_DIR": str(self.folder / "log"),
            "NIX_STATE_DIR": str(self.folder / "state"),
            "NIX_STORE_DIR": str(self.folder / "store"),
        }
        rest = {key: value for key, value in os.environ.items() if not key.startswith(("NIX_", "XDG_"))}
        return rest | own

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment()
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=600
        )


def copy_repository(folder: Path) -> None:
    """Make a git repository of what this one would commit now.

    Of the tests only a few come along, for the check `python` to run: the others run around this one.
    """
    tests = ("tests/conftest.py", "tests/unit/nixlang/test_names.py")
    for name in _git(REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        source, target = REPOSITORY / name, folder / name
        if source.is_file() and (not name.startswith("tests/") or name in tests):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    stage(folder)


def replace(file: Path, old: str, new: str) -> None:
    """Put `new` in the place of the first `old` of a file, which must have one."""
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def stage(folder: Path) -> None:
    """Make a folder a git repository and stage all that is in it: to a flake nothing else is there."""
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def generate(folder: Path) -> None:
    """Run the program on the spec in a folder."""
    run = subprocess.run(
        [sys.executable, "-m", "hybridlab", "--spec", str(folder / "cluster.yaml"), "generate"],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "pylib")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def make_second_homelab(folder: Path) -> None:
    """Make somebody else's homelab in a folder, generated and with its secrets; staging it is left to do."""
    shutil.copytree(Path(__file__).with_name("second-homelab"), folder)
    generate(folder)
    # Made with `sops`, which is a matter between the user and the keys. This is as much as sops shows without
    # a key, which is all that anybody looks at here.
    folder.joinpath("secrets").mkdir()
    key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    guest = f"{{age-key: 'ENC[x]', recipient_unencrypted: {key}}}"
    texts = {
        "secrets": "k8s: {join-token: 'ENC[x]'}",
        "attic-guests": f"plane: {guest}",
        "cellar-guests": f"hands: {guest}",
    }
    for name, text in texts.items():
        own = f"sops: {{mac: 'ENC[x]', age: [{{recipient: {key}, enc: x}}]}}"
        folder.joinpath(f"secrets/{name}.yaml").write_text(f"{text}\n{own}\n", encoding="utf-8")


def put_secrets(folder: Path) -> None:
    """Make the files that users make with sops: sops-nix wants them to be there."""
    for module in folder.glob("modules/generated/*/secrets.nix"):
        for name in re.findall(r"= \.\./\.\./\.\./([^;\s]+);", module.read_text(encoding="utf-8")):
            folder.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            folder.joinpath(name).write_text("k8s: {join-token: ENC[]}\n", encoding="utf-8")

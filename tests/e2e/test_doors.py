"""The doors of this repository: `./just` on a machine with Python alone, the recipes, and the scripts' style.

The launcher runs for real, pip and venv included; only its lock is a small one, of a wheel that is made here.
"""

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from nix_programs import need

ROOT = Path(__file__).parents[2]
IN_REPOSITORY = {"HYBRIDLAB_ENV": sys.prefix}

on_nixos = pytest.mark.skipif(Path("/etc/NIXOS").exists(), reason="on NixOS ./just is `nix develop`")
with_just = pytest.mark.skipif(
    not Path(sys.prefix, "bin/just").exists(), reason="no just in this environment: run `./just test`"
)


def wheel_of_just(folder: Path, says: str) -> str:
    """Make a wheel whose program `just` prints `says` and its arguments; return the requirement."""
    script = f"#!/bin/sh\nprintf '%s\\n' '{says}' \"$@\"\n"
    texts = {
        "stand_in_just-1.data/scripts/just": script,
        "stand_in_just-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: stand-in-just\nVersion: 1\n",
        "stand_in_just-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, text in texts.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += f"{name},sha256={digest},{len(text)}\n"
    wheel = folder / "stand_in_just-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**texts, "stand_in_just-1.dist-info/RECORD": record}.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, text)
    return f"stand-in-just==1 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with our launcher and a lock that pip can satisfy from the folder beside it."""
    folder = tmp_path / "check out"  # blanks in its path are the user's right
    (folder / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "just", folder)
    lock(folder, "one")
    return folder


def lock(checkout: Path, says: str) -> None:
    wheels = checkout.parent / "wheels"
    wheels.mkdir(exist_ok=True)
    (checkout / "requirements/dev.txt").write_text(wheel_of_just(wheels, says))


def settings(checkout: Path, **changes: str) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "HYBRIDLAB_"))}
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"{checkout.parent}/wheels"}
    return {**kept, **pip, **changes}


def start(checkout: Path, *arguments: str, **changes: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(checkout / "just"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=settings(checkout, **changes),
        start_new_session=True,
    )


def run(checkout: Path, *arguments: str, **changes: str) -> tuple[int, list[str], str]:
    """Return the exit code, the lines of the output, and what was said on standard error."""
    process = start(checkout, *arguments, **changes)
    out, err = process.communicate(timeout=120)
    return process.returncode, out.splitlines(), err


def environments(checkout: Path) -> list[Path]:
    return sorted((checkout / ".cache").glob("env-*"))


@on_nixos
def test_first_run_makes_the_environment_and_the_next_takes_it(checkout: Path) -> None:
    justfile = ["--justfile", f"{checkout}/justfile"]

    code, out, err = run(checkout, "show", "two words", "")
    assert (code, out) == (0, ["one", *justfile, "show", "two words", ""]), err
    assert "making" in err

    assert run(checkout) == (0, ["one", *justfile], "")
    assert len(environments(checkout)) == 1


@on_nixos
def test_new_lock_gets_a_new_environment(checkout: Path) -> None:
    run(checkout)
    (old,) = environments(checkout)
    weeks_ago = time.time() - 30 * 24 * 3600
    os.utime(old / "ready", (weeks_ago, weeks_ago))
    lock(checkout, "two")

    code, out, _ = run(checkout)
    assert (code, out[0]) == (0, "two")
    (new,) = environments(checkout)
    assert new != old, "what nobody used for two weeks is removed"


@on_nixos
def test_package_that_is_not_the_locked_one_is_refused_and_counts_for_nothing(checkout: Path) -> None:
    locked = (checkout / "requirements/dev.txt").read_text()
    lock(checkout, "swapped")
    (checkout / "requirements/dev.txt").write_text(locked)

    code, out, err = run(checkout)
    assert (code, out) == (1, [])
    assert "DO NOT MATCH THE HASHES" in err

    lock(checkout, "one")
    assert run(checkout)[:2] == (0, ["one", "--justfile", f"{checkout}/justfile"])


@on_nixos
@pytest.mark.parametrize("seconds", [0.3, 1, 2])
def test_interrupted_environment_is_made_anew(checkout: Path, seconds: float) -> None:
    first = start(checkout)
    time.sleep(seconds)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()

    code, out, err = run(checkout)
    assert (code, out[0]) == (0, "one"), err
    assert [(path / "ready").exists() for path in environments(checkout)] == [True]


@on_nixos
def test_two_first_runs_at_once_both_succeed(checkout: Path) -> None:
    both = [start(checkout), start(checkout)]
    ends = [(process.communicate(timeout=120), process.returncode) for process in both]
    assert [(out.split()[0], code) for (out, _), code in ends] == [("one", 0), ("one", 0)], ends
    assert len(environments(checkout)) == 1


def programs(folder: Path, **scripts: str) -> str:
    """Return a PATH with the launcher's few tools and `scripts`, and neither Python nor Nix."""
    folder.mkdir()
    for name in ("sh", "dirname", "mkdir", "find", "rm", "touch", "sed"):
        (folder / name).symlink_to(str(shutil.which(name)))
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return str(folder)


@on_nixos
@pytest.mark.parametrize("scripts", [{}, {"python3": "exit 1"}])
def test_without_python_and_nix_it_says_what_to_install(
    checkout: Path, tmp_path: Path, scripts: dict[str, str]
) -> None:
    code, out, err = run(checkout, PATH=programs(tmp_path / "bin", **scripts))
    assert (code, out) == (1, [])
    assert "apt install python3 python3-venv" in err


@on_nixos
def test_without_python_nix_is_the_environment(checkout: Path, tmp_path: Path) -> None:
    path = programs(tmp_path / "bin", nix='printf "%s\\n" "$@"')
    code, out, _ = run(checkout, "check", PATH=path)
    just = ["just", "--justfile", f"{checkout}/justfile", "check"]
    assert (code, out[out.index("develop") :]) == (0, ["develop", str(checkout), "--command", *just])


@on_nixos
def test_folder_of_the_user_s_is_taken_as_environment(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "own/bin").mkdir(parents=True)
    programs(tmp_path / "own/more", just="echo mine")
    (tmp_path / "own/more/just").rename(tmp_path / "own/bin/just")

    assert run(checkout, HYBRIDLAB_ENV=str(tmp_path / "own")) == (0, ["mine"], "")
    assert environments(checkout) == []


@with_just
@on_nixos
def test_every_recipe_of_the_issue_exists_and_is_explained() -> None:
    code, out, err = run(ROOT, "--dump", "--dump-format", "json", **IN_REPOSITORY)
    assert code == 0, err
    recipes = json.loads("\n".join(out))["recipes"]
    public = {name: recipe["doc"] for name, recipe in recipes.items() if not recipe["private"]}

    assert {"demo", "check", "generate", "test", "deploy", "vm-ping", "fmt", "bench"} <= set(public)
    assert [name for name, doc in public.items() if not doc] == []


@with_just
@on_nixos
def test_arguments_reach_the_program_as_they_are_and_its_exit_code_comes_back() -> None:
    code, out, _ = run(ROOT, "show", "nodes", "--format", "json", **IN_REPOSITORY)
    assert (code, {node["name"] for node in json.loads("\n".join(out))}) == (
        0,
        {"homelab", "k8s-master", "k8s-worker-1", "k8s-worker-2"},
    )
    code, _, err = run(ROOT, "show", "$(touch /tmp/never); 'quoted", **IN_REPOSITORY)
    assert code == 2
    assert "$(touch /tmp/never); 'quoted" in err
    assert not Path("/tmp/never").exists()


def test_scripts_pass_shellcheck() -> None:
    need("shellcheck", "install shellcheck (Debian)")
    scripts = [ROOT / "just", ROOT / ".ci/run", ROOT / "tests/programs/build", *ROOT.glob("modules/*.sh")]
    checked = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_ci_runs_what_the_readme_offers() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    called = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith("./just")]
    assert sorted(called) == ["./just demo", "./just test"]
    assert all(f"\n{line} " in readme for line in called)

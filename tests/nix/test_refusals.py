"""What the flake refuses: each check fails for its own reason, and no machine stands on altered files."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nix.flakes import Nix, replace, stage

pytestmark = pytest.mark.nix

Spoil = Callable[[Callable[[Path], object]], Path]

BOOT = "modules/generated/homelab/boot.nix"
INDEX = "modules/generated/index.json"


def put(folder: Path, name: str, text: str) -> None:
    """Write a generated file as hybridlab would, with its hash in the index."""
    folder.joinpath(name).write_text(text, encoding="utf-8")
    index = json.loads(folder.joinpath(INDEX).read_text(encoding="utf-8"))
    index["files"][name] = hashlib.sha256(text.encode()).hexdigest()
    folder.joinpath(INDEX).write_text(json.dumps(index), encoding="utf-8")


def change_spec(folder: Path) -> None:
    replace(folder / "cluster.yaml", "memory: 4GiB", "memory: 6GiB")


def break_rule(folder: Path) -> None:
    """Give one guest the address of another."""
    replace(folder / "cluster.yaml", "address: 10.0.20.12", "address: 10.0.20.11")


def edit_by_hand(folder: Path) -> None:
    with folder.joinpath(BOOT).open("a", encoding="utf-8") as file:
        file.write("# mine\n")


def remove(folder: Path) -> None:
    folder.joinpath(BOOT).unlink()


def leave_over(folder: Path) -> None:
    put(folder, "modules/generated/homelab/old.nix", "{ }\n")


def spoil_manifest(folder: Path) -> None:
    name = "k8s/ollama/service.yaml"
    text = folder.joinpath(name).read_text(encoding="utf-8")
    assert "nodePort: 31434" in text
    put(folder, name, text.replace("nodePort: 31434", "nodePort: many"))


def misspell_field(folder: Path) -> None:
    name = "k8s/ollama/service.yaml"
    put(folder, name, folder.joinpath(name).read_text(encoding="utf-8").replace("nodePort:", "nodeport:"))


def misspell_option(folder: Path) -> None:
    replace(folder / "hardware/homelab.nix", "boot = {", "boot = { kernelParameters = [ ];")


def fail_test(folder: Path) -> None:
    folder.joinpath("tests/unit/test_that_fails.py").write_text("def test_it():\n    assert not 'it'\n")


@pytest.mark.parametrize(
    ("check", "change", "reasons"),
    [
        pytest.param("generated", change_spec, ["stale", "microvm.nix", "6144"], id="stale"),
        pytest.param("generated", edit_by_hand, ["edited", BOOT, "# mine"], id="edited"),
        pytest.param("generated", remove, ["missing", BOOT], id="missing"),
        pytest.param("generated", leave_over, ["left over", "homelab/old.nix"], id="left-over"),
        pytest.param("rules", break_rule, ["10.0.20.11", "k8s-worker-2"], id="rule"),
        pytest.param("manifests", spoil_manifest, ["ollama/service.yaml", "'many'"], id="manifest-value"),
        pytest.param("manifests", misspell_field, ["ollama/service.yaml", "nodeport"], id="manifest-field"),
        pytest.param(
            "machine-homelab", misspell_option, ["boot.kernelParameters", "does not exist"], id="option"
        ),
        pytest.param("python", fail_test, ["test_that_fails", "1 failed"], id="python"),
    ],
)
def test_a_check_fails_and_says_why(
    nix: Nix, spoil: Spoil, check: str, change: Callable[[Path], None], reasons: list[str]
) -> None:
    run = nix.build_checks(spoil(change), check)
    assert run.returncode != 0
    assert [reason for reason in reasons if reason not in run.stderr] == [], run.stderr


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(change_spec, "homelab-generated.drv' failed", id="stale"),
        pytest.param(edit_by_hand, f"{BOOT} is not what hybridlab wrote", id="edited"),
        # Nothing is generated from a spec with an error, so two checks fail, and Nix tells of the first.
        pytest.param(break_rule, r"homelab-(rules|generated)\.drv' failed", id="rule"),
    ],
)
def test_nix_flake_check_fails(nix: Nix, spoil: Spoil, change: Callable[[Path], None], reason: str) -> None:
    run = nix.run("flake", "check", str(spoil(change)))
    assert run.returncode != 0
    assert re.search(reason, run.stderr), run.stderr


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(edit_by_hand, f"{BOOT} is not what hybridlab wrote", id="edited"),
        pytest.param(remove, f"{BOOT} is missing", id="missing"),
        pytest.param(lambda folder: folder.joinpath(INDEX).unlink(), f"{INDEX} is missing", id="no-index"),
        pytest.param(
            lambda folder: replace(folder / INDEX, '"format": 1', '"format": 2'),
            "knows format 1",
            id="format",
        ),
        pytest.param(
            lambda folder: folder.joinpath("modules/generated/constants.nix").unlink(),
            "constants.nix is missing: run `hybridlab generate`",
            id="no-constants",
        ),
        pytest.param(
            lambda folder: replace(folder / "flake.nix", "modules.homelab", "modules.homelap"),
            "modules.homelap is for no machine of the cluster homelab",
            id="stranger",
        ),
    ],
)
def test_no_machine_stands_on_it(nix: Nix, spoil: Spoil, change: Callable[[Path], None], reason: str) -> None:
    flake = spoil(change)
    run = nix.run("eval", f"{flake}#nixosConfigurations.homelab.config.networking.hostName")
    assert run.returncode != 0
    assert reason in run.stderr


def test_all_altered_files_are_named(nix: Nix, spoil: Spoil) -> None:
    def change(folder: Path) -> None:
        remove(folder)
        folder.joinpath(".sops.yaml").write_text("creation_rules: []\n", encoding="utf-8")

    run = nix.run("eval", f"{spoil(change)}#nixosConfigurations.homelab.config.networking.hostName")
    assert f"{BOOT} is missing" in run.stderr
    assert ".sops.yaml is not what hybridlab wrote" in run.stderr


def test_one_machine_that_fails_leaves_the_others_alone(nix: Nix, spoil: Spoil) -> None:
    run = nix.build_checks(spoil(misspell_option), "machine-k8s-worker-1")
    assert run.returncode == 0, run.stderr


def test_another_release_is_a_warning(nix: Nix, spoil: Spoil) -> None:
    def change(folder: Path) -> None:
        name = "modules/generated/constants.nix"
        text = folder.joinpath(name).read_text(encoding="utf-8")
        put(folder, name, text.replace('release = "26.05"', 'release = "25.11"'))

    run = nix.run("eval", f"{spoil(change)}#nixosConfigurations.homelab.config.networking.hostName")
    assert run.returncode == 0, run.stderr
    assert "homelab was generated for NixOS 25.11, but nixpkgs is 26.05" in run.stderr


def test_a_file_that_is_not_staged_is_missing(nix: Nix, repository: Path, tmp_path: Path) -> None:
    """What a git flake does not see is the commonest slip after `generate`, so the message names it."""
    flake = tmp_path / "hybridlab"
    for file in repository.rglob("*"):
        name = file.relative_to(repository)
        if file.is_file() and name.parts[0] != ".git" and str(name) != BOOT:
            flake.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            flake.joinpath(name).write_bytes(file.read_bytes())
    stage(flake)
    flake.joinpath(BOOT).write_bytes(repository.joinpath(BOOT).read_bytes())

    run = nix.run("eval", f"{flake}#nixosConfigurations.homelab.config.networking.hostName")
    assert f"{BOOT} is missing" in run.stderr
    assert "git add" in run.stderr

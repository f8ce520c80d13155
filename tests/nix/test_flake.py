"""The outputs of this repository's flake: what is there, that it evaluates, and that its checks pass."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nix.flakes import REPOSITORY, SYSTEM, Nix, replace
from nix_programs import assert_nixfmt_keeps

pytestmark = pytest.mark.nix

# One expression for all machines: a guest's own derivation, and the one that its host runs.
_GUESTS = """
configurations: builtins.mapAttrs (
  _: host: builtins.mapAttrs (
    guest: vm: [
      configurations.${guest}.config.system.build.toplevel.drvPath
      vm.evaluatedConfig.config.system.build.toplevel.drvPath
    ]
  ) (host.config.microvm.vms or { })
) configurations
"""
Spoil = Callable[[Callable[[Path], object]], Path]

_MACHINES = "builtins.mapAttrs (_: machine: machine.config.system.build.toplevel.drvPath)"


@pytest.fixture(scope="module")
def machines(repository: Path) -> set[str]:
    """The machines that have generated files."""
    generated = repository / "modules" / "generated"
    return {folder.name for folder in generated.iterdir() if folder.is_dir()}


def test_every_output_is_there(nix: Nix, repository: Path, machines: set[str]) -> None:
    run = nix.run("flake", "show", "--json", str(repository))
    assert run.returncode == 0, run.stderr
    outputs = json.loads(run.stdout)

    hand_written = {path.stem for path in repository.joinpath("modules").glob("*.nix")}
    of_machines = {f"machine-{name}" for name in machines}
    assert set(outputs["nixosConfigurations"]) == machines
    assert set(outputs["nixosModules"]) == hand_written | of_machines
    assert set(outputs["packages"][SYSTEM]) == set(outputs["apps"][SYSTEM]) == {"default", "hybridlab"}
    checks = {"generated", "manifests", "python", "rules", "secrets"} | of_machines
    assert set(outputs["checks"][SYSTEM]) == checks
    assert set(outputs["devShells"][SYSTEM]) == {"default"}
    assert outputs["formatter"][SYSTEM]["type"] == "derivation"
    assert nix.eval(f"{repository}#lib", "--apply", "builtins.attrNames") == ["mkCluster"]


def test_the_lock_file_is_for_these_inputs(nix: Nix, repository: Path) -> None:
    """Without network Nix can only say this much: it would change nothing in the lock file."""
    locked = Nix(nix.folder, {}).run("flake", "metadata", "--json", "--no-update-lock-file", str(repository))
    assert locked.returncode == 0, locked.stderr
    lock_file = json.loads(repository.joinpath("flake.lock").read_text(encoding="utf-8"))
    assert json.loads(locked.stdout)["locks"] == lock_file


def test_every_machine_evaluates(any_nix: Nix, repository: Path, machines: set[str]) -> None:
    derivations = any_nix.eval(f"{repository}#nixosConfigurations", "--apply", _MACHINES)
    assert set(derivations) == machines
    assert len(set(derivations.values())) == len(machines)


def test_a_guest_alone_is_what_its_host_runs(any_nix: Nix, repository: Path) -> None:
    hosts = any_nix.eval(f"{repository}#nixosConfigurations", "--apply", _GUESTS)
    pairs = [pair for guests in hosts.values() for pair in guests.values()]
    assert pairs
    assert all(alone == by_host for alone, by_host in pairs)


def test_a_host_changes_with_its_guest(nix: Nix, repository: Path, spoil: Spoil) -> None:
    """Deploying the host deploys its guests, so it must not look unchanged when one of them is not."""
    guest = next(repository.glob("modules/generated/*/microvm.nix")).parent.name
    flake = spoil(
        lambda folder: replace(
            folder / "flake.nix",
            "modules.homelab =",
            f"modules.{guest}.documentation.enable = true; modules.homelab =",
        )
    )
    before = nix.eval(f"{repository}#nixosConfigurations", "--apply", _MACHINES)
    after = nix.eval(f"{flake}#nixosConfigurations", "--apply", _MACHINES)
    assert {name for name in before if before[name] != after[name]} == {guest, "homelab"}


def test_all_checks_pass(nix: Nix, repository: Path) -> None:
    run = nix.run("flake", "check", "--print-build-logs", str(repository))
    assert run.returncode == 0, run.stderr


@pytest.mark.nixfmt
def test_what_is_written_by_hand_is_formatted() -> None:
    files = [
        path
        for folder in ("nix", "modules", "hardware", "pylib", "tests/nix")
        for path in (REPOSITORY / folder).rglob("*.nix")
        if "generated" not in path.parts
    ]
    texts = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "flake.nix", *files)]
    assert len(texts) > 20
    assert_nixfmt_keeps(texts)

"""Somebody else's homelab: a folder with a flake of ten lines, a spec and a hardware module, and no more."""

from pathlib import Path

import pytest

from nix.flakes import SYSTEM, Nix, make_second_homelab, stage

pytestmark = pytest.mark.nix

_MACHINES = "builtins.mapAttrs (_: machine: machine.config.system.build.toplevel.drvPath)"


@pytest.fixture(scope="module")
def homelab(tmp_path_factory: pytest.TempPathFactory, stand_ins: Path) -> Path:
    """The second homelab, generated and staged."""
    folder = tmp_path_factory.mktemp("second") / "homelab"
    make_second_homelab(folder)
    stage(folder)
    return folder


def test_the_flake_has_ten_lines(homelab: Path) -> None:
    lines = homelab.joinpath("flake.nix").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip() and not line.lstrip().startswith("#")]) <= 10


def test_every_machine_evaluates(any_nix: Nix, repository: Path, homelab: Path) -> None:
    nix = any_nix.below("hybridlab", repository)
    derivations = nix.eval(f"{homelab}#nixosConfigurations", "--apply", _MACHINES)
    assert set(derivations) == {"attic", "cellar", "plane", "hands", "nas"}


def test_its_hosts_run_their_own_guests(nix: Nix, repository: Path, homelab: Path) -> None:
    machines = nix.below("hybridlab", repository)
    guests = {
        host: machines.eval(
            f"{homelab}#nixosConfigurations.{host}.config.microvm.vms", "--apply", "builtins.attrNames"
        )
        for host in ("attic", "cellar")
    }
    assert guests == {"attic": ["plane"], "cellar": ["hands", "nas"]}


def test_all_checks_pass(nix: Nix, repository: Path, homelab: Path) -> None:
    run = nix.below("hybridlab", repository).run("flake", "check", "--print-build-logs", str(homelab))
    assert run.returncode == 0, run.stderr


def test_it_has_no_check_of_our_python(nix: Nix, repository: Path, homelab: Path) -> None:
    names = nix.below("hybridlab", repository).eval(
        f"{homelab}#checks.{SYSTEM}", "--apply", "builtins.attrNames"
    )
    assert "python" not in names
    assert {"generated", "rules", "machine-attic", "machine-plane"} <= set(names)

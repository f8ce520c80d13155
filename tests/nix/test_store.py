"""The Nix store, which everybody on a machine can read, gets nothing of what is secret around a flake."""

import shutil
from pathlib import Path

import pytest

from canary import Canary, plant_at_home
from nix.flakes import Nix, replace, stage

pytestmark = pytest.mark.nix


@pytest.fixture
def own(nix: Nix, tmp_path: Path) -> Nix:
    """Nix with a store that nobody else writes to."""
    (tmp_path / "nix").mkdir()
    return Nix(tmp_path / "nix", nix.inputs)


@pytest.fixture
def flake(repository: Path, tmp_path: Path) -> Path:
    return shutil.copytree(repository, tmp_path / "hybridlab")


@pytest.fixture
def canary(own: Nix, flake: Path, monkeypatch: pytest.MonkeyPatch) -> Canary:
    """A secret in the home of who evaluates, in the key file that sops takes, and in an unstaged file."""
    canary = Canary()
    for name, value in plant_at_home(own.folder / "home", canary).items():
        monkeypatch.setenv(name, value)
    (flake / "secrets" / "secrets.dec.yaml").write_text(f"k8s: {{join-token: {canary.value}}}\n")
    return canary


def check(nix: Nix, flake: Path) -> Path:
    """Evaluate all machines and build all checks; return the store."""
    run = nix.run("flake", "check", str(flake))
    assert run.returncode == 0, run.stderr
    store = nix.folder / "store"
    assert any(path.name.endswith("-source") for path in store.iterdir())
    assert any("nixos-system" in path.name for path in store.iterdir())
    return store


def test_nothing_secret_gets_into_the_store(own: Nix, flake: Path, canary: Canary) -> None:
    assert canary.in_files(check(own, flake)) == []


def test_it_is_found_in_the_source_of_a_flake_that_has_it(own: Nix, flake: Path, canary: Canary) -> None:
    """What is staged is copied: why a decrypted file must not be."""
    stage(flake)
    found = canary.in_files(check(own, flake))
    assert any(path.endswith("/secrets/secrets.dec.yaml") for path in found)


def test_it_is_found_in_a_derivation(own: Nix, flake: Path, canary: Canary) -> None:
    """As when a module sets an option to a secret, instead of to where it lies."""
    setting = "environment.variables.TOKEN = builtins.readFile ../secrets/secrets.dec.yaml;"
    replace(flake / "hardware/homelab.nix", "  boot = {", f"  {setting}\n  boot = {{")
    stage(flake)
    found = canary.in_files(check(own, flake))
    assert any("nixos-system-homelab" in path and path.endswith(".drv") for path in found)

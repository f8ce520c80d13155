"""What the tests of the flake share: Nix with the flake's inputs, and this repository to read or to spoil."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nix.flakes import Nix, copy_repository, stage

# The flake's inputs, and where a real one may be named.
_INPUTS = {"nixpkgs": "HYBRIDLAB_NIXPKGS", "microvm": "HYBRIDLAB_MICROVM", "sops-nix": "HYBRIDLAB_SOPS_NIX"}
_PACKAGES = {"nix": "nix-bin", "git": "git"}


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-ins for the inputs, told where the programs of this machine are."""
    for program, package in _PACKAGES.items():
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not here: install {package} (Debian)")
    folder = tmp_path_factory.mktemp("inputs") / "stand-in"
    shutil.copytree(Path(__file__).with_name("stand-in"), folder)
    host = {"python": sys.executable, "path": os.defpath}
    text = " ".join(f"{name} = {json.dumps(value)};" for name, value in host.items())
    folder.joinpath("nixpkgs", "host.nix").write_text(f"{{ {text} }}\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def nix(tmp_path_factory: pytest.TempPathFactory, stand_ins: Path) -> Nix:
    """Nix with the stand-ins."""
    return Nix(tmp_path_factory.mktemp("nix"), {name: stand_ins / name for name in _INPUTS})


@pytest.fixture(scope="session", params=["stand-ins", "nixpkgs"])
def any_nix(request: pytest.FixtureRequest, nix: Nix) -> Nix:
    """Nix with the stand-ins; and with real inputs, where they are."""
    if request.param == "stand-ins":
        return nix
    real = {
        name: Path(os.environ[variable]) for name, variable in _INPUTS.items() if os.environ.get(variable)
    }
    if "nixpkgs" not in real:
        command = ["nix-instantiate", "--find-file", "nixpkgs"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.returncode != 0:
            pytest.skip("no nixpkgs is here: name a checkout of nixos-26.05 in HYBRIDLAB_NIXPKGS")
        real["nixpkgs"] = Path(found.stdout.strip())
    return Nix(nix.folder, {**nix.inputs, **real})


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory, stand_ins: Path) -> Path:
    """This repository as it would be committed now; not to be changed."""
    folder = tmp_path_factory.mktemp("repository") / "hybridlab"
    copy_repository(folder)
    return folder


@pytest.fixture
def spoil(repository: Path, tmp_path: Path) -> Callable[[Callable[[Path], object]], Path]:
    """Copy the repository, let a function at it, and return the copy."""

    def spoiled(change: Callable[[Path], object]) -> Path:
        folder = tmp_path / "hybridlab"
        shutil.copytree(repository, folder)
        change(folder)
        stage(folder)
        return folder

    return spoiled

"""docs/modules.md is what the hand-written modules declare, and its examples evaluate."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nix.flakes import REPOSITORY, Nix

PAGE = REPOSITORY / "docs/modules.md"
MODULES = sorted(path.stem for path in REPOSITORY.glob("modules/*.nix") if path.name != "default.nix")


@pytest.fixture(scope="module")
def options(nix: Nix) -> list[Mapping[str, Any]]:
    return read_options(nix, nix.inputs["nixpkgs"] / "lib.nix")


def test_page_is_current(options: list[Mapping[str, Any]]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(options), "run `just docs`"


def test_real_library_says_the_same(nix: Nix, options: list[Mapping[str, Any]]) -> None:
    named = os.environ.get("HYBRIDLAB_NIXPKGS_LIB") or os.environ.get("HYBRIDLAB_NIXPKGS")
    if not named:
        pytest.skip("no library is here: name a checkout in HYBRIDLAB_NIXPKGS or HYBRIDLAB_NIXPKGS_LIB")
    assert read_options(nix, Path(named) / "lib") == options


def test_page_has_every_module(options: list[Mapping[str, Any]]) -> None:
    assert sorted(module["name"] for module in options) == MODULES
    headings = re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == MODULES


def test_every_module_says_at_its_head_what_it_is_for() -> None:
    for name in MODULES:
        head = (REPOSITORY / f"modules/{name}.nix").read_text().split("\n{")[0]
        assert head.startswith("# ") and head.endswith("."), name


def test_every_option_is_explained(options: list[Mapping[str, Any]]) -> None:
    for module in options:
        assert module["options"], module["name"]
        for option in module["options"]:
            name = ".".join(option["path"])
            assert option["description"].strip().endswith("."), name
            assert option["type"], name
            assert {"default", "defaultText", "example"} & set(option), f"{name}: neither default nor example"


@pytest.mark.parametrize("name", MODULES)
def test_module_alone_takes_the_least_example(nix: Nix, name: str, tmp_path: Path) -> None:
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {name}\n")[1]
    (tmp_path / "alone.nix").write_text(section.split("```nix\n")[1].split("```")[0])
    run = nix.expression(f"""
        let
          lib = import {nix.inputs["nixpkgs"]}/lib.nix;
          system = lib.nixosSystem {{
            specialArgs.inputs.hybridlab.nixosModules = import {REPOSITORY}/modules;
            modules = [
              {tmp_path}/alone.nix
              {{ nixpkgs.hostPlatform = "x86_64-linux"; networking.hostName = "alone"; }}
            ];
          }};
        in
        map (one: one.enable) (lib.attrValues system.config.hybridlab)
    """)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [True]


def test_option_without_a_description_would_be_found(nix: Nix, tmp_path: Path) -> None:
    """Evaluate a copy with a bare option, and one whose default waits for a configuration."""
    for name in ("nix/options.nix", "modules/default.nix"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((REPOSITORY / name).read_text())
    (tmp_path / "modules/default.nix").write_text("{ bare = ./bare.nix; }")
    bare = tmp_path / "modules/bare.nix"
    library = nix.inputs["nixpkgs"] / "lib.nix"

    bare.write_text("{ lib, ... }: { options.bare = lib.mkOption { type = lib.types.str; }; }")
    assert read_options(nix, library, tmp_path) == [
        {
            "name": "bare",
            "file": "modules/bare.nix",
            "options": [{"path": ["bare"], "type": "string", "description": ""}],
        }
    ]

    bare.write_text(
        "{ lib, config, ... }: { options.bare = lib.mkOption { type = lib.types.str; default = config.x; }; }"
    )
    run = nix.expression(f"import {tmp_path}/nix/options.nix {{ lib = import {library}; }}")
    assert run.returncode != 0
    assert "give it a defaultText" in run.stderr


def read_options(nix: Nix, library: Path, root: Path = REPOSITORY) -> list[Mapping[str, Any]]:
    run = nix.expression(f"import {root}/nix/options.nix {{ lib = import {library}; }}")
    assert run.returncode == 0, run.stderr
    answer: list[Mapping[str, Any]] = json.loads(run.stdout)
    return answer


def page(options: list[Mapping[str, Any]]) -> str:
    """Print the page as the recipe `docs` does."""
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "nix/options_page.py")],
        input=json.dumps(options),
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "pylib")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

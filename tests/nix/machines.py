"""Options of every machine of a cluster, evaluated from its generated files and our modules."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybridlab import apply, emit_all, parse_spec, plan, resolve
from nix.flakes import Nix
from nix_programs import need

EXPRESSION = Path(__file__).with_name("machines.nix")


def machines(root: Path, scratch: Path) -> Mapping[str, Any]:
    """Return, by machine, what networkd, nftables and sysctl are given; `scratch` is for Nix to write to."""
    need("nix-instantiate", "install nix-bin (Debian)")
    run = Nix(scratch, {}).expression(f"import {EXPRESSION} {{ root = {root}; }}")
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def machines_of(spec: str, folder: Path) -> Mapping[str, Any]:
    """Return the same of a spec's text; its files go into `folder`, in place of what is there."""
    root = folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    root.joinpath("cluster.yaml").write_text(spec, encoding="utf-8")
    apply(plan(emit_all(resolve(parse_spec(spec))), root))
    return machines(root, folder)

"""Programs that Debian lacks or has too old: on the PATH, or in the cache that tests/programs/build fills."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

BUILD = Path(__file__).parent / "programs" / "build"
_INSTALL = {"age": "install age (Debian)", "age-keygen": "install age (Debian)"}


def need_program(name: str) -> str:
    """Return the path of a program; skip the test without it, or fail where HYBRIDLAB_REQUIRE has its name.

    `sops` and `cfssl` are of the versions in tests/programs/go.mod, unless the PATH has its own.
    """
    found = shutil.which(name) or shutil.which(name, path=str(built_programs()))
    if found is None:
        required = name in os.environ.get("HYBRIDLAB_REQUIRE", "").split()
        remedy = _INSTALL.get(name, "run tests/programs/build once (needs Go, takes minutes)")
        (pytest.fail if required else pytest.skip)(f"{name} is not here: {remedy}")
    return found


def built_programs() -> Path:
    """Return where tests/programs/build puts the programs; it says this path, too."""
    key = hashlib.sha256(BUILD.with_name("go.sum").read_bytes()).hexdigest()[:16]
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "hybridlab", f"programs-{key}")

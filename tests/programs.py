"""Programs that Debian lacks or has too old: on the PATH, or in a cache that tests/programs/build fills."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

BUILD = Path(__file__).parent / "programs" / "build"
_INSTALL = {
    "age": "install age (Debian)",
    "age-keygen": "install age (Debian)",
    "etcd": "install etcd-server (Debian)",
    "nsenter": "install util-linux (Debian)",
    "openssl": "install openssl (Debian)",
    "setpriv": "install util-linux (Debian)",
    "ssh": "install openssh-client (Debian)",
    "sshd": "install openssh-server (Debian)",
    "unshare": "install util-linux (Debian)",
}
_KUBERNETES = (
    "device-registration",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kubemark",
)


def need_program(name: str) -> str:
    """Return the path of a program; skip the test without it, or fail where HYBRIDLAB_REQUIRE has its name.

    `sops` and `cfssl` are of the versions in tests/programs/go.mod, unless the PATH has its own; Kubernetes
    is of kubernetes/go.mod there, unless the folder in KUBEBUILDER_ASSETS or the PATH has its own.
    """
    folders = [os.environ.get("KUBEBUILDER_ASSETS"), os.environ.get("PATH")]
    folders.append(str(built_programs("kubernetes" if name in _KUBERNETES else "")))
    found = shutil.which(name, path=os.pathsep.join(filter(None, folders)))
    if found is None:
        required = name in os.environ.get("HYBRIDLAB_REQUIRE", "").split()
        build = "run `./just kubernetes`" if name in _KUBERNETES else "run tests/programs/build"
        remedy = _INSTALL.get(name, f"{build} once (needs Go, takes minutes)")
        (pytest.fail if required else pytest.skip)(f"{name} is not here: {remedy}")
    return found


def built_programs(which: str = "") -> Path:
    """Return where tests/programs/build puts the programs; it says this path, too."""
    folder = BUILD.parent / which
    files = [folder / "go.sum", *sorted(folder.glob("*/*.go"))]
    key = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "hybridlab", f"{which or 'programs'}-{key}")

"""What the tests of Kubernetes share: an API server alone, and one with controllers and a scheduler."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubernetes.control_plane import Api, Programs, api_server, controllers
from programs import need_program


def _need(*names: str) -> None:
    for name in names:
        need_program(name)


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API server that nobody but the test talks to: nothing changes by itself."""
    _need("setpriv", "openssl", "etcd", "kube-apiserver", "kubectl")
    with api_server(tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Programs]]:
    """An API server with controllers and a scheduler, and where to start hollow nodes."""
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kubemark")
    _need("setpriv", "openssl", "etcd", *names)
    folder: Path = tmp_path_factory.mktemp("control-plane")
    with api_server(folder) as api, controllers(api, folder) as programs:
        yield api, programs

"""What the tests of Kubernetes share: an API server alone, and one with controllers and a scheduler."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubernetes.control_plane import Api, Programs, api_server, controllers


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API server that nobody but the test talks to: nothing changes by itself."""
    with api_server(tmp_path_factory.mktemp("api")) as running:
        yield running


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Programs]]:
    """An API server with controllers and a scheduler, and where to start hollow nodes."""
    folder: Path = tmp_path_factory.mktemp("control-plane")
    with api_server(folder) as api, controllers(api, folder) as programs:
        yield api, programs

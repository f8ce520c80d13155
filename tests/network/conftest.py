"""What the tests of the network share: the example's model, and the options of its machines."""

from collections.abc import Mapping
from typing import Any

import pytest

from hybridlab import Cluster, load_spec, resolve
from nix.flakes import REPOSITORY
from nix.machines import machines


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return resolve(load_spec(REPOSITORY / "cluster.yaml"))


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The network options of the example's machines, by machine."""
    return machines(REPOSITORY, tmp_path_factory.mktemp("nix"))

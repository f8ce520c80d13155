"""What the tests of live machines share: stand-ins for the example's machines, and for another cluster's."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hybridlab import Cluster, load_spec, resolve
from live.standin.lab import Lab, lab
from nix.flakes import REPOSITORY


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return resolve(load_spec(REPOSITORY / "cluster.yaml"))


@pytest.fixture
def example(cluster: Cluster, tmp_path: Path) -> Iterator[Lab]:
    """The stand-ins of the example's machines, healthy, for one test alone."""
    with lab(cluster, tmp_path / "lab") as running:
        yield running


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[Callable[[Cluster], Lab]]:
    """Return what makes the stand-ins of a cluster, for one test alone."""
    with ExitStack() as stack:
        made = iter(range(100))
        yield lambda cluster: stack.enter_context(lab(cluster, tmp_path / f"lab-{next(made)}"))

"""Values in manifests of the user's own against a real API server, which refuses and takes what rules say."""

import pytest

from kubernetes.control_plane import Api
from kubernetes.test_own_rules import refusal, server
from manifest_values import REFUSED, TAKEN

__all__ = ["server"]  # the fixture


@pytest.mark.parametrize("case", REFUSED)
def test_the_server_refuses_it(server: Api, case: str) -> None:
    assert refusal(server, REFUSED[case][0]) is not None


@pytest.mark.parametrize("manifest", TAKEN)
def test_the_server_takes_it(server: Api, manifest: str) -> None:
    assert refusal(server, manifest) is None

"""The table of Kubernetes' own APIs is what a real API server says of itself."""

import urllib.request
from typing import Any

import pytest

from hybridlab.tables.apis import RETIRED, SERVED, is_namespaced, serves
from kubernetes.control_plane import Api, RefusedError

MINOR = "1.36"
REMOVED = sorted({one.api_version for one in RETIRED.values() if one.is_removed(MINOR)})


def path_to(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def resources(api: Api) -> list[tuple[str, Any]]:
    """Return what the server serves without subresources, each with its apiVersion."""
    groups = api.request("GET", "/apis")["groups"]
    versions = ["v1"] + [version["groupVersion"] for group in groups for version in group["versions"]]
    return [
        (version, resource)
        for version in versions
        for resource in api.request("GET", path_to(version))["resources"]
        if "/" not in resource["name"]
    ]


def warnings(api: Api, path: str) -> list[str]:
    request = urllib.request.Request(api.url + path, headers={"Authorization": f"Bearer {api.token}"})
    with urllib.request.urlopen(request, context=api.context, timeout=60) as answer:
        return answer.headers.get_all("Warning") or []


def test_the_server_serves_what_the_table_says_and_nothing_else(api: Api) -> None:
    table = {
        (version, kind): kind in kinds.namespaced
        for version, kinds in SERVED.items()
        for kind in kinds
        if serves(version, kind, MINOR)
    }
    assert {(version, one["kind"]): one["namespaced"] for version, one in resources(api)} == table
    assert all(is_namespaced(version, kind) is namespaced for (version, kind), namespaced in table.items())


@pytest.mark.parametrize("api_version", REMOVED)
def test_the_server_has_no_version_that_was_removed(api: Api, api_version: str) -> None:
    with pytest.raises(RefusedError) as refused:
        api.request("GET", path_to(api_version))
    assert refused.value.status == 404


def test_the_server_warns_of_what_is_deprecated_and_of_nothing_else(api: Api) -> None:
    warned = {}
    for version, one in resources(api):
        if "list" in one["verbs"]:
            for text in warnings(api, f"{path_to(version)}/{one['name']}?limit=1"):
                warned[version, one["kind"]] = text
    deprecated = {
        key: one for key, one in RETIRED.items() if one.is_deprecated(MINOR) and serves(*key, MINOR)
    }
    assert warned.keys() == deprecated.keys()
    for key, one in deprecated.items():
        assert f'"{one.api_version} {one.kind} is deprecated in v{one.deprecated}+' in warned[key]
        assert one.replacement is None or f"use {one.replacement}" in warned[key]

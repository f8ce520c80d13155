"""A real API server takes every object of the good clusters, of manifests and of those that we generate."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from attrs import field, frozen

from corpus.corpus import FOLDER, SPEC, base_names, good_names
from corpus.test_good import FALSE_ALARMS
from hybridlab import Cluster, emit_all, load_spec, resolve
from hybridlab.tables.apis import BUILT_IN_GROUPS
from kubernetes.control_plane import Api, RefusedError, api_server, until

_CRD = "CustomResourceDefinition"
FOLDERS = [f"bases/{name}" for name in base_names()]
FOLDERS += [
    f"good/{name}" for name in good_names() if not FALSE_ALARMS.get(name, ("",))[0].startswith("SPEC")
]


@frozen
class Server:
    """An API server, and what it calls the kinds that it serves: their plural, and whether in a namespace."""

    api: Api
    _kinds: dict[str, dict[str, tuple[str, bool]]] = field(factory=dict)

    def put(self, one: Mapping[str, Any], *, dry_run: bool = False) -> None:
        """Apply an object. Raises: RefusedError."""
        version, metadata = one["apiVersion"], one["metadata"]
        group = f"/apis/{version}" if "/" in version else f"/api/{version}"
        plural, namespaced = self._served(group)[one["kind"]]
        place = f"/namespaces/{metadata['namespace']}" if namespaced else ""
        query = "?fieldManager=corpus&fieldValidation=Strict&force=true" + "&dryRun=All" * dry_run
        path = f"{group}{place}/{plural}/{quote(metadata['name'], safe='')}{query}"
        self.api.request("PATCH", path, one, "application/apply-patch+yaml")

    def define(self, crd: Mapping[str, Any]) -> None:
        """Apply a definition, and wait until its kind is served."""
        self.put(crd)
        spec = crd["spec"]
        group = f"/apis/{spec['group']}/{spec['versions'][0]['name']}"
        until(lambda: self._has(group, spec["names"]["kind"]), f"{group} is served")

    def _has(self, group: str, kind: str) -> bool:
        self._kinds.pop(group, None)
        try:
            return kind in self._served(group)
        except RefusedError:
            return False

    def _served(self, group: str) -> dict[str, tuple[str, bool]]:
        if group not in self._kinds:
            resources = self.api.request("GET", group)["resources"]
            self._kinds[group] = {
                one["kind"]: (one["name"], one["namespaced"]) for one in resources if "/" not in one["name"]
            }
        return self._kinds[group]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with api_server(tmp_path_factory.mktemp("corpus")) as api:
        yield Server(api)


@pytest.mark.parametrize("folder", FOLDERS)
def test_takes_every_object(server: Server, folder: str) -> None:
    cluster = resolve(load_spec(FOLDER / folder / SPEC))
    every = list(_objects(cluster))
    for namespace in sorted({one["metadata"].get("namespace") or "default" for one in every}):
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        # No controller makes it here, and pods ask for it.
        account = {"name": "default", "namespace": namespace}
        server.put({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    defined = set()
    for one in every:
        if one["kind"] == _CRD:
            server.define(one)
            defined.add(one["spec"]["group"])
    refused = []
    for one in every:
        group = one["apiVersion"].rpartition("/")[0]
        if group not in {*BUILT_IN_GROUPS, *defined}:
            continue  # what is installed beside hybridlab defines it
        try:
            server.put(one, dry_run=True)
        except RefusedError as error:
            refused.append(f"{one['kind']} {one['metadata']['name']}: {error.message}")
    assert refused == []


def _objects(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """Yield what stands in the files that `kubectl apply -k` takes, lists taken apart."""
    for file in emit_all(cluster):
        if file.path.parts[0] == "k8s" and file.path.name != "kustomization.yaml":
            for document in yaml.safe_load_all(file.text):
                yield from _taken_apart(document)


def _taken_apart(document: Any) -> Iterator[dict[str, Any]]:
    if document is None:
        return
    if "items" in document and document["kind"].endswith("List"):
        for item in document["items"]:
            yield from _taken_apart(item)
    else:
        yield document

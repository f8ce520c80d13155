"""A real API server that takes the objects of one cluster after another, and forgets each."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Self
from urllib.parse import quote

from attrs import field, frozen

from corpus.report.complaints import Complaint
from kubernetes.control_plane import Api, RefusedError

_CRD = "CustomResourceDefinition"
_FIRST = ("Namespace", _CRD)
# What the server learns of a moment later, and goes by for all other objects.
_SEEN_LATE = frozenset(
    {
        "APIService",
        "LimitRange",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_GONE = 404


@frozen
class Server:
    """An API server without controllers, spoken to like `kubectl apply --server-side --validate=strict`."""

    api: Api
    _kinds: dict[str, dict[str, tuple[str, bool]]] = field(factory=dict, repr=False)

    @classmethod
    def on(cls, api: Api) -> Self:
        server = cls(api)
        for namespace in api.request("GET", "/api/v1/namespaces")["items"]:
            server._add_account(namespace["metadata"]["name"])
        return server

    def refusals(self, objects: Iterable[Mapping[str, Any]]) -> tuple[Complaint, ...]:
        """Apply the objects of a cluster for real, return what is refused, and remove all again."""
        # As kubectl does: namespaces and kinds before what is in them and of them.
        every = sorted(objects, key=lambda one: one["kind"] not in _FIRST)
        applied: list[Mapping[str, Any]] = []
        try:
            return tuple(self._apply(every, applied))
        finally:
            self._remove(applied)

    def _apply(
        self, objects: Iterable[Mapping[str, Any]], applied: list[Mapping[str, Any]]
    ) -> Iterator[Complaint]:
        for one in objects:
            try:
                self._put(one)
            except RefusedError as error:
                yield Complaint(f"{one['kind']} {one['metadata']['name']}", error.message, error.message)
                continue
            applied.append(one)
            if one["kind"] == "Namespace":
                self._add_account(one["metadata"]["name"])
            if one["kind"] == _CRD:
                self._wait_for(one)

    def _add_account(self, namespace: str) -> None:
        """Make what pods ask for, as a controller would."""
        account = {"name": "default", "namespace": namespace}
        self._put({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})

    def _put(self, one: Mapping[str, Any]) -> None:
        query = "?fieldManager=corpus&fieldValidation=Strict&force=true"
        self.api.request("PATCH", self._path(one) + query, one, _APPLY)

    def _path(self, one: Mapping[str, Any]) -> str:
        version, kind, metadata = one["apiVersion"], one["kind"], one["metadata"]
        group = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if kind not in self._served(group):
            raise RefusedError(_GONE, f'no matches for kind "{kind}" in version "{version}"')
        plural, namespaced = self._served(group)[kind]
        place = f"/namespaces/{metadata.get('namespace', 'default')}" if namespaced else ""
        return f"{group}{place}/{plural}/{quote(metadata['name'], safe='')}"

    def _served(self, group: str) -> Mapping[str, tuple[str, bool]]:
        if group not in self._kinds:
            try:
                resources = self.api.request("GET", group)["resources"]
            except RefusedError:
                return {}
            self._kinds[group] = {
                one["kind"]: (one["name"], one["namespaced"]) for one in resources if "/" not in one["name"]
            }
        return self._kinds[group]

    def _wait_for(self, crd: Mapping[str, Any]) -> None:
        """Wait until a kind is served, a while: of one whose name another kind has, it never is."""
        spec = crd["spec"]
        groups = [f"/apis/{spec['group']}/{one['name']}" for one in spec["versions"] if one.get("served")]
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for group in groups:
                self._kinds.pop(group, None)
            if all(spec["names"]["kind"] in self._served(group) for group in groups):
                return
            time.sleep(0.05)

    def _remove(self, applied: list[Mapping[str, Any]]) -> None:
        for one in reversed(applied):
            path = self._path(one)
            try:
                self.api.request("DELETE", path, {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})
            except RefusedError:
                # Its own namespaces stay; what was applied to them goes.
                self._put({key: one[key] for key in ("apiVersion", "kind")} | {"metadata": _identity(one)})
                continue
            if one["kind"] == _CRD:
                self._wait_until_gone(path)
                for version in one["spec"]["versions"]:
                    self._kinds.pop(f"/apis/{one['spec']['group']}/{version['name']}", None)
            else:
                self._let_go(one, path)
        if any(one["kind"] in _SEEN_LATE for one in applied):
            time.sleep(1)

    def _let_go(self, one: Mapping[str, Any], path: str) -> None:
        """Do what controllers would before they let an object go: nothing."""
        with suppress(RefusedError):  # most are gone
            if one["kind"] == "Namespace":
                self.api.request("PUT", f"{path}/finalize", {**one, "spec": {"finalizers": []}})
            else:
                self.api.request("PATCH", path, {"metadata": {"finalizers": None}}, _MERGE)

    def _wait_until_gone(self, path: str) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                self.api.request("GET", path)
            except RefusedError as error:
                if error.status == _GONE:
                    return
            time.sleep(0.05)
        raise TimeoutError(f"{path} is still there")


def _identity(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one["metadata"].items() if key in ("name", "namespace")}

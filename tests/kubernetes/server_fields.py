"""The table of Kubernetes' fields, as a running API server tells it by OpenAPI; in tests only."""

import re
from collections.abc import Iterator
from typing import Any

from hybridlab.tables.fields import ANY, Table
from kubernetes.control_plane import Api

_NAME = re.compile(r".*\.(?=[a-z0-9]+\.v[0-9])")
_WORDS = {
    ("string", None): "text",
    ("string", "byte"): "text",
    ("string", "date-time"): "text",
    ("integer", "int32"): "int32",
    ("integer", "int64"): "int64",
    ("number", "double"): "number",
    ("boolean", None): "truth",
    (None, "int-or-string"): "whole or text",
}


def read(api: Api) -> Table:
    """Return the fields of every kind that the server serves, and of what is in them."""
    groups = [path for path in api.request("GET", "/openapi/v3")["paths"] if path.startswith("api")]
    schemas: dict[str, Any] = {}
    for group in groups:
        schemas |= api.request("GET", f"/openapi/v3/{group}")["components"]["schemas"]
    kinds = {
        f"{'/'.join(filter(None, (one['group'], one['version'])))} {one['kind']}": name
        for name, schema in schemas.items()
        for one in schema.get("x-kubernetes-group-version-kind", ())
        if {"metadata", "kind"} <= schema.get("properties", {}).keys()
        and not one["kind"].endswith(("List", "Options"))
        and one["kind"] not in ("Status", "WatchEvent")
    }
    found: dict[str, dict[str, str]] = {}
    waiting = list(kinds.values())
    while waiting:
        name = waiting.pop()
        if _short(name) in found:
            continue
        properties = schemas[name]["properties"]
        is_object = name in kinds.values()
        found[_short(name)] = {
            # What a server alone writes is not looked at, nor is it where users copied it.
            field: ANY
            if field == "managedFields" or (is_object and field == "status")
            else _type(schemas, what)
            for field, what in sorted(properties.items())
        }
        for field, what in properties.items():
            if found[_short(name)][field] != ANY:
                waiting += _named(schemas, what)
    return Table(
        kinds={kind: _short(name) for kind, name in sorted(kinds.items())}, types=dict(sorted(found.items()))
    )


def _short(name: str) -> str:
    return _NAME.sub("", name)


def _target(schema: dict[str, Any]) -> str | None:
    [only] = schema.get("allOf", [schema])
    reference = only.get("$ref")
    return None if reference is None else reference.rpartition("/")[2]


def _type(schemas: dict[str, Any], schema: dict[str, Any]) -> str:
    if (name := _target(schema)) is not None:
        return _short(name) if schemas[name].get("properties") else _type(schemas, schemas[name])
    if "items" in schema:
        return f"[{_type(schemas, schema['items'])}]"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"{{{_type(schemas, schema['additionalProperties'])}}}"
    if schema.get("oneOf") == [{"type": "string"}, {"type": "number"}]:
        return "amount"
    return _WORDS.get((schema.get("type"), schema.get("format")), ANY)


def _named(schemas: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the types that have fields in a schema."""
    name = _target(schema)
    if name is not None and schemas[name].get("properties"):
        yield name
    for inside in ("items", "additionalProperties"):
        if isinstance(schema.get(inside), dict):
            yield from _named(schemas, schema[inside])

"""JSON schemas for kubeconform, each whole in one file, made from those of kubernetes-validate."""

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any


def write_schemas(minor: str, folder: Path) -> None:
    """Write the strict schema of every kind of a Kubernetes minor, by the names that kubeconform asks for.

    Its own it would fetch from the network; both are made of the OpenAPI that Kubernetes is released with.
    """
    source = resources.files("kubernetes_validate").joinpath(
        f"kubernetes-json-schema/v{minor}.0-local-strict"
    )
    every = json.loads(source.joinpath("_definitions.json").read_text(encoding="utf-8"))["$defs"]
    for file in source.iterdir():
        schema = json.loads(file.read_text(encoding="utf-8")) if file.name.endswith(".json") else {}
        if "apiVersion" not in schema.get("properties", ()):
            continue  # part of an object
        needed: dict[str, Any] = {}
        _gather(schema, every, needed)
        whole = _moved({**schema, "definitions": needed})
        folder.joinpath(file.name).write_text(json.dumps(whole), encoding="utf-8")


def _gather(schema: Any, every: Mapping[str, Any], needed: dict[str, Any]) -> None:
    for name in _names(schema):
        if name not in needed:
            needed[name] = every[name]
            _gather(every[name], every, needed)


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield _name(reference)
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _name(reference: str) -> str:
    return reference.rpartition("/$defs/")[2]


def _moved(value: Any) -> Any:
    """Return a schema that finds what it refers to in itself."""
    if isinstance(value, dict):
        return {key: _pointer(inner) if key == "$ref" else _moved(inner) for key, inner in value.items()}
    return [_moved(inner) for inner in value] if isinstance(value, list) else value


def _pointer(reference: Any) -> Any:
    # A field of CustomResourceDefinitions has this name, too.
    return f"#/definitions/{_name(reference)}" if isinstance(reference, str) else _moved(reference)

"""Nothing fires on the good clusters, and together they use every key of the spec."""

import typing
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pytest

from corpus.corpus import FOLDER, SPEC, good_names, read_files, report
from hybridlab import check, emit_all, load_spec, resolve
from hybridlab.spec.cluster import ClusterSpec
from hybridlab.spec.converter import keys_of
from hybridlab.spec.define import yaml_name
from hybridlab.spec.document import parse_document, to_data

# What hybridlab says though it is wrong: by the folder, the code and why the cluster is right.
FALSE_ALARMS: dict[str, tuple[str, str]] = {}


@pytest.mark.parametrize("name", good_names())
def test_nothing_fires(name: str) -> None:
    found = [f"{one.span}: {one.code} {one.message}" for one in report(read_files(FOLDER / "good" / name))]
    if name in FALSE_ALARMS:
        code, _ = FALSE_ALARMS[name]
        assert found and all(f": {code} " in one for one in found)
    else:
        assert found == []


@pytest.mark.parametrize("name", [name for name in good_names() if name not in FALSE_ALARMS])
def test_is_read_from_its_folder_and_generated(name: str) -> None:
    cluster = resolve(load_spec(FOLDER / "good" / name / SPEC))
    assert check(cluster).diagnostics == ()
    machines = {machine.name for machine in cluster.machines}
    generated = {part for file in emit_all(cluster) for part in file.path.parts}
    assert machines <= generated


def test_there_are_sixty() -> None:
    assert len(good_names()) >= 60
    assert set(FALSE_ALARMS) <= set(good_names())


def test_every_key_is_used() -> None:
    every = {(cls, key) for cls in _classes(ClusterSpec) for key in keys_of(cls)}
    used = {written for name in good_names() if name not in FALSE_ALARMS for written in _written(name)}
    missing = sorted(f"{key} of {cls.__name__}" for cls, key in every - used)
    assert missing == []
    assert used == every


def _classes(annotation: Any) -> Iterator[type]:
    """Yield a class of the spec, and those of the values below it."""
    if isinstance(annotation, type) and attrs.has(annotation):
        yield annotation
        for field in attrs.fields(annotation):
            if "doc" in field.metadata:
                yield from _classes(field.type)
    for argument in typing.get_args(annotation):
        yield from _classes(argument)


def _written(name: str) -> Iterator[tuple[type, str]]:
    path = FOLDER / "good" / name / SPEC
    data = to_data(parse_document(path.read_bytes().decode(), name=name).root)
    yield from _keys(load_spec(path), data)


def _keys(value: object, data: Any) -> Iterator[tuple[type, str]]:
    """Yield the keys that `data` has, with the class of the spec that `value` has of each."""
    if attrs.has(type(value)) and isinstance(data, dict):
        for field in attrs.fields(type(value)):
            if "doc" in field.metadata and (key := yaml_name(field.name)) in data:
                yield type(value), key
                yield from _keys(getattr(value, field.name), data[key])
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _keys(item, data[key])
    elif isinstance(value, tuple):
        for item, written in zip(value, data, strict=True):
            yield from _keys(item, written)

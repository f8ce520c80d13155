"""YAML that kustomize does not read is refused at its place, and all that it reads is taken."""

import pytest

from hybridlab import SpecError, parse_spec
from kustomize_cases import NO_TEXT, OBJECT, REFUSED, TAKEN, TEXT, key_of
from own_manifests import OWN
from patched import patched


def read(text: str) -> list[tuple[str, str, str]]:
    """Return code, place in the file and place in the spec of each problem."""
    try:
        parse_spec(patched(OWN), folders={"own": {"app.yaml": text.encode()}})
    except SpecError as error:
        below = "workloads.own.folder.app.yaml."
        return [(one.code, str(one.span), str(one.path).removeprefix(below)) for one in error.report]
    return []


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    text, place, path = REFUSED[case]
    [(code, where, below)] = read(text)
    assert (code, where) == ("SPEC008", f"own/app.yaml:{place}")
    if case != "a directive of the second document":
        assert below == path


@pytest.mark.parametrize("text", TAKEN)
def test_taken(text: str) -> None:
    assert read(text) == []


@pytest.mark.parametrize("key", NO_TEXT)
def test_a_key_that_is_no_text(key: str) -> None:
    assert read(key_of(key)) == [("SPEC008", "own/app.yaml:5:3", f"0.data.{key}")]


@pytest.mark.parametrize("key", TEXT)
def test_a_key_that_is_text(key: str) -> None:
    assert read(key_of(key)) == []


def test_an_alias_of_what_is_merged_twice_is_told_once() -> None:
    text = OBJECT + "a: &a {<<: {x: y}, <<: {z: y}}\nb: [*a, *a, *a]\n"
    assert len(read(text)) == 1

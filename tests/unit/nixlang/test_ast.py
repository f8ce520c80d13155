"""Nodes that can not be: what Nix would refuse, merge or misread is refused when it is constructed."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from hybridlab.nixlang import NixValueError
from hybridlab.nixlang.ast import (
    AttrSet,
    Binding,
    Call,
    Entry,
    Function,
    Inherit,
    Lambda,
    Let,
    NixFloat,
    NixInt,
    NixList,
    NixPath,
    NixString,
    Ref,
)

Make: TypeAlias = Callable[..., object]

one = NixInt(1)


def bind(*path: str) -> Binding:
    return Binding(path, one)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ((bind("a"), bind("a")), "attribute 'a' is defined twice"),
        ((bind("a", "b"), bind("a", "b")), "attribute 'a.b' is defined twice"),
        ((bind("a"), bind("a", "b")), "attribute 'a.b' is defined, and so is 'a'"),
        ((bind("a", "b", "c.d"), bind("a")), "attribute 'a' is defined, and so is one below it"),
        ((bind("a", "b"), bind("a", "b", "c.d")), "attribute 'a.b.\"c.d\"' is defined, and so is 'a.b'"),
        ((Inherit(("x", "a")), bind("a")), "attribute 'a' is defined twice"),
        ((Inherit(("a",)), Inherit(("a",), Ref(("lib",)))), "attribute 'a' is defined twice"),
    ],
)
@pytest.mark.parametrize("node", [AttrSet, lambda entries: Let(entries, one)], ids=["set", "let"])
def test_attributes_that_clash(node: Make, entries: tuple[Entry, ...], message: str) -> None:
    with pytest.raises(NixValueError) as caught:
        node(entries)
    assert str(caught.value) == message


def test_attributes_that_share_a_prefix() -> None:
    AttrSet((bind("a", "b"), bind("a", "c"), bind("a.b"), bind("b", "a"), bind("ab")))


@pytest.mark.parametrize("value", [2**63, -(2**63), 10**30])
def test_integers_without_a_literal(value: int) -> None:
    with pytest.raises(NixValueError, match=str(value)):
        NixInt(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 5e-324, -2.2e-308])
def test_floats_without_a_literal(value: float) -> None:
    with pytest.raises(NixValueError, match="has no Nix literal"):
        NixFloat(value)


@pytest.mark.parametrize(
    "path", ["boot.nix", "/etc/x", "./", "./a b", "./a/", "./${x}", "~/x", "./a\n", "./é", ""]
)
def test_paths_that_are_no_relative_literal(path: str) -> None:
    with pytest.raises(NixValueError, match="a Nix path literal starts with"):
        NixPath(path)


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: NixString("\0"), id="text with NUL"),
        pytest.param(lambda: bind("a\0"), id="name with NUL"),
        pytest.param(lambda: Ref(("a", "\ud800")), id="selection of a lone surrogate"),
        pytest.param(lambda: Ref(()), id="reference to nothing"),
        pytest.param(lambda: Ref(("a b",)), id="reference to no name"),
        pytest.param(lambda: Ref(("rec",)), id="reference to a keyword"),
        pytest.param(bind, id="binding of nothing"),
        pytest.param(lambda: Inherit(()), id="inherit of nothing"),
        pytest.param(lambda: Inherit(("a b",)), id="inherit of no name"),
        pytest.param(lambda: Let((), one), id="let of nothing"),
        pytest.param(lambda: Lambda("in", NixList()), id="keyword as parameter"),
        pytest.param(lambda: Function(("lib", "lib"), AttrSet()), id="parameter twice"),
        pytest.param(lambda: Function(("a}: evil",), AttrSet()), id="code as parameter"),
        pytest.param(lambda: Call(Ref(("f",)), ()), id="call of nothing"),
        pytest.param(lambda: Call(Ref(("f",)), (one, one, one)), id="call of three"),
        pytest.param(lambda: Call(Ref(("f",)), (NixList(), one)), id="first argument is a list"),
        pytest.param(lambda: Call(Ref(("f",)), (NixInt(-1), one)), id="first argument is negative"),
    ],
)
def test_nodes_that_can_not_be(build: Make) -> None:
    with pytest.raises(NixValueError):
        build()


def test_nix_has_no_negative_zero() -> None:
    assert str(NixFloat(-0.0).value) == "0.0"

"""From Python data to Nix: every kind of value, folding into paths, comments, groups, and what is refused."""

import enum
import ipaddress
from collections import OrderedDict
from typing import Any

import pytest

from hybridlab.nixlang import (
    Commented,
    NixPath,
    NixValueError,
    call,
    dumps,
    groups,
    nix,
    nix_options,
    path,
    print_expr,
    ref,
)
from hybridlab.nixlang.ast import AttrSet, Binding, NixInt, NixString


def lines(*lines: str) -> str:
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", '"x"'),
        (1, "1"),
        (-1, "-1"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (1.0, "1.0"),
        (1e-05, "1.0e-05"),
        (1e16, "1.0e+16"),
        (-0.0, "0.0"),
        ([], "[ ]"),
        ((), "[ ]"),
        ({}, "{ }"),
        (["x"], '[ "x"' + " ]"),
        ({"a": 1}, "{\n  a = 1;\n}"),
        (OrderedDict(b=1, a=2), "{\n  b = 1;\n  a = 2;\n}"),
        (ref("lib.mkForce"), "lib.mkForce"),
        (ref("config.sops.secrets", "k8s/a.b"), 'config.sops.secrets."k8s/a.b"'),
        (call("lib.mkForce", True), "lib.mkForce true"),
        (call("lib.mkIf", ref("cfg.enable"), {}), "lib.mkIf cfg.enable { }"),
        ([NixPath("./boot.nix")], "[ ./boot.nix ]"),
    ],
)
def test_values(value: object, text: str) -> None:
    assert dumps(value) == text + "\n"


def test_subclasses_of_plain_types_are_what_they_hold() -> None:
    class Mode(str, enum.Enum):  # noqa: UP042 -- StrEnum would print what it holds anyway
        HOST = "host"

    class Size(enum.IntEnum):
        BIG = 7

    assert nix({Mode.HOST: Size.BIG}) == AttrSet((Binding(("host",), NixInt(7), blank_before=True),))
    assert nix(Mode.HOST) == NixString("host")


def test_names_stay_whole() -> None:
    assert dumps({"a.b": {"or": 1}}) == '{\n  "a.b" = {\n    "or" = 1;\n  };\n}\n'


FOLDING: list[Any] = [
    pytest.param({"a": {"b": {"c": 1}}}, ["  a.b.c = 1;"], id="chain of one"),
    pytest.param({"a": {"b": 1, "c": 2}}, ["  a = {", "    b = 1;", "    c = 2;", "  };"], id="two children"),
    pytest.param(
        {"a": {"b": {"c": 1, "d": {"e": 2}}}},
        ["  a.b = {", "    c = 1;", "    d.e = 2;", "  };"],
        id="chain, then two",
    ),
    pytest.param({"a": {"b": {}}}, ["  a.b = { };"], id="chain to an empty set"),
    pytest.param({"a": {"b.c": 1}}, ['  a."b.c" = 1;'], id="names are not split"),
    pytest.param({path("a.b", "c.d"): {"e": 1}}, ['  a.b."c.d".e = 1;'], id="path as key"),
    pytest.param({path("a.b"): 1, path("a.c"): 2}, ["  a.b = 1;", "  a.c = 2;"], id="paths stay apart"),
    pytest.param(
        {"a": [{"b": {"c": 1}}]}, ["  a = [", "    {", "      b.c = 1;", "    }", "  ];"], id="in a list"
    ),
    pytest.param({"a": Commented({"b": 1}, "why")}, ["  # why", "  a.b = 1;"], id="comment on the way"),
    pytest.param(
        {"a": Commented({"b": Commented(1, "inner", "end")}, "outer\nlines", "of")},
        ["  # outer", "  # lines", "  # inner", "  a.b = 1; # of end"],
        id="comments gather",
    ),
    pytest.param(
        {"a": [1, Commented(2, "why", "end")]},
        ["  a = [", "    1", "    # why", "    2 # end", "  ];"],
        id="comment in a list",
    ),
    pytest.param(
        {"a": groups({"b": 1}, {}, {"c": 2, "d": 3})},
        ["  a = {", "    b = 1;", "", "    c = 2;", "    d = 3;", "  };"],
        id="groups",
    ),
    pytest.param({"a": groups({"b": 1})}, ["  a = {", "    b = 1;", "  };"], id="one group is not folded"),
]


@pytest.mark.parametrize(("options", "body"), FOLDING)
def test_options(options: Any, body: list[str]) -> None:
    assert print_expr(nix_options(options)) == lines("{", *body, "}")


def test_groups_of_options() -> None:
    text = print_expr(nix_options({}, {"a": 1}, {"b": {"c": 2}}))
    assert text == lines("{", "  a = 1;", "", "  b.c = 2;", "}")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {"b": [1, float("nan")]}}, "a: b: [1]: nan has no Nix literal"),
        (
            {"net": {"ip": ipaddress.ip_address("10.0.0.1")}},
            "net: ip: IPv4Address('10.0.0.1') has no Nix literal",
        ),
        ({"a": {1, 2}}, "a: {1, 2} has no Nix literal"),
        ({"a": b"x"}, "a: b'x' has no Nix literal"),
        ({"a": 2**63}, f"a: {2**63} is no Nix integer: those go from -{2**63 - 1} to {2**63 - 1}"),
        ({"a": "x\0"}, r"a: a Nix string can not hold the character U+0000 of 'x\x00'"),
        ({1: "x"}, "an attribute's name must be text, not 1"),
        ({("a", "b"): "x"}, "an attribute's name must be text, not ('a', 'b')"),
        (Commented(1, "why"), "Commented(value=1, comment='why', trailing=None) has no Nix literal"),
    ],
)
def test_what_has_no_literal_is_named_with_its_place(value: object, message: str) -> None:
    with pytest.raises(NixValueError) as caught:
        nix(value)
    assert str(caught.value) == message


@pytest.mark.parametrize("key", [(), ("a", 1), None])
def test_keys_that_are_no_path(key: Any) -> None:
    with pytest.raises(NixValueError, match="an attribute's name must be text"):
        nix_options({key: 1})


def test_options_that_clash() -> None:
    with pytest.raises(NixValueError) as caught:
        nix_options({"a": 1}, {"b": {"x": {path("c"): 1, path("c.d"): 2}}})
    assert str(caught.value) == "b.x: attribute 'c.d' is defined, and so is 'c'"


def test_deep_data() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = {"a": [deep, 2]}
    assert dumps(deep).count("[") == 200

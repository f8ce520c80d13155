"""The layout of every construct, node by node; where nixfmt is at hand, it confirms each expected text."""

from typing import Any

import pytest

from hybridlab.nixlang import File, Function, call, dumps, nix, nix_options, print_expr, print_file, ref
from hybridlab.nixlang.ast import (
    AttrSet,
    Binding,
    Expr,
    Inherit,
    Lambda,
    Let,
    ListItem,
    NixInt,
    NixList,
    NixPath,
    Ref,
    Update,
)
from nix_programs import assert_nix_parses, assert_nixfmt_keeps, nix_reads

a, b = Ref(("a",)), Ref(("b",))
one, two = NixInt(1), NixInt(2)
nothing = AttrSet()
pair = NixList((one, two))
single = AttrSet((Binding(("x",), one),))
script = "echo ${x}\ndone\n"
wide = "w" * 100


def binding(value: Any, *names: str) -> AttrSet:
    return AttrSet((Binding(names or ("v",), value if isinstance(value, Let) else nix(value)),))


def item(value: Any) -> NixList:
    return NixList((nix(value),))


def named(length: int) -> Ref:
    """A variable whose name has `length` letters."""
    return Ref(("n" * length,))


CONSTRUCTS: dict[str, tuple[Expr, str]] = {
    "empty set": (nothing, "{ }"),
    "empty list": (NixList(), "[ ]"),
    "set of one": (single, "{\n  x = 1;\n}"),
    "list of one": (item(1), "[ 1 ]"),
    "list of two": (pair, "[\n  1\n  2\n]"),
    "list of a list": (item([[]]), "[ [ [ ] ] ]"),
    "list of a list of two": (item([1, 2]), "[\n  [\n    1\n    2\n  ]\n]"),
    "list of a set": (item({"x": 1}), "[\n  {\n    x = 1;\n  }\n]"),
    "list of an empty set": (item({}), "[ { } ]"),
    "list of a negative number": (item(-1), "[ (-1) ]"),
    "list of a negative float": (item(-0.5), "[ (-0.5) ]"),
    "list of a call": (item(call("f", 1)), "[ (f 1) ]"),
    "list of an open call": (item(call("f", {"x": 1})), "[\n  (f {\n    x = 1;\n  })\n]"),
    "list of an open lambda": (item(Lambda("n", single)), "[\n  (n: {\n    x = 1;\n  })\n]"),
    "list of an update": (
        item(Update(a, single)),
        "[\n  (\n    a\n    // {\n      x = 1;\n    }\n  )\n]",
    ),
    "list of a script": (item(script), "[\n  ''\n    echo ''${x}\n    done\n  ''\n]"),
    "list with trimmings": (
        NixList(
            (
                ListItem(one, "first", blank_before=True),
                ListItem(two, None, "two"),
                ListItem(one, "a\nb", "c", blank_before=True),
            )
        ),
        "[\n  # first\n  1\n  2 # two\n\n  # a\n  # b\n  1 # c\n]",
    ),
    "list of one with a comment": (NixList((ListItem(one, "why"),)), "[\n  # why\n  1\n]"),
    "list of one with a comment after it": (NixList((ListItem(one, None, "why"),)), "[\n  1 # why\n]"),
    "set with trimmings": (
        AttrSet(
            (
                Binding(("x",), one, "first", None, blank_before=True),
                Binding(("y",), pair, None, "pair"),
                Inherit(("z",), None, "above", "after", blank_before=True),
            )
        ),
        "{\n  # first\n  x = 1;\n  y = [\n    1\n    2\n  ]; # pair\n\n  # above\n  inherit z; # after\n}",
    ),
    "dotted path": (binding(1, "a", "b.c", "or"), '{\n  a."b.c"."or" = 1;\n}'),
    "nested set": (binding({"x": 1}), "{\n  v = {\n    x = 1;\n  };\n}"),
    "script": (binding(script), "{\n  v = ''\n    echo ''${x}\n    done\n  '';\n}"),
    "script with an empty line": (binding("a\n\nb\n"), "{\n  v = ''\n    a\n\n    b\n  '';\n}"),
    "negative number": (binding(-1), "{\n  v = -1;\n}"),
    "path": (binding(NixPath("./boot.nix")), "{\n  v = ./boot.nix;\n}"),
    "quoted selection": (binding(ref("a", "b/c")), '{\n  v = a."b/c";\n}'),
    "inherit": (AttrSet((Inherit(("a", "b", "c")),)), "{\n  inherit a b c;\n}"),
    "inherit from": (AttrSet((Inherit(("a",), ref("lib.types")),)), "{\n  inherit (lib.types) a;\n}"),
    "inherit of four": (
        AttrSet((Inherit(tuple("abcd")),)),
        "{\n  inherit\n    a\n    b\n    c\n    d\n    ;\n}",
    ),
    "inherit of four from": (
        AttrSet((Inherit(tuple("abcd"), a),)),
        "{\n  inherit (a)\n    a\n    b\n    c\n    d\n    ;\n}",
    ),
    "set that only inherits": (binding(AttrSet((Inherit(("a",)),))), "{\n  v = {\n    inherit a;\n  };\n}"),
    "call": (binding(call("lib.mkForce", True)), "{\n  v = lib.mkForce true;\n}"),
    "call of two": (binding(call("f", a, -1)), "{\n  v = f a (-1);\n}"),
    "call with a set": (
        binding(call("lib.mkIf", ref("cfg.enable"), {"x": 1})),
        "{\n  v = lib.mkIf cfg.enable {\n    x = 1;\n  };\n}",
    ),
    "call with an empty set": (binding(call("f", {})), "{\n  v = f { };\n}"),
    "call with a list of one": (binding(call("f", [1])), "{\n  v = f [ 1 ];\n}"),
    "call with a list of two": (binding(call("f", [1, 2])), "{\n  v = f [\n    1\n    2\n  ];\n}"),
    "call with a script": (
        binding(call("f", "name", script)),
        "{\n  v = f \"name\" ''\n    echo ''${x}\n    done\n  '';\n}",
    ),
    "call with a script first": (
        binding(call("f", script, 1)),
        '{\n  v = f "echo \\${x}\\ndone\\n" 1;\n}',
    ),
    "call with a lambda": (binding(call("f", Lambda("n", single))), "{\n  v = f (n: {\n    x = 1;\n  });\n}"),
    "call with a call of a bare name": (
        binding(call("f", call("g", {"x": 1}))),
        "{\n  v = f (g {\n    x = 1;\n  });\n}",
    ),
    "call with a call of a dotted name": (
        binding(call("f", call("g.h", {"x": 1}))),
        "{\n  v = f (\n    g.h {\n      x = 1;\n    }\n  );\n}",
    ),
    "call with a call of two": (
        binding(call("f", call("g", a, [1, 2]))),
        "{\n  v = f (\n    g a [\n      1\n      2\n    ]\n  );\n}",
    ),
    "call with an update": (
        binding(call("f", Update(a, single))),
        "{\n  v = f (\n    a\n    // {\n      x = 1;\n    }\n  );\n}",
    ),
    "long call of plain words": (binding(call("f", a, wide)), f'{{\n  v = f a "{wide}";\n}}'),
    "long call of a quoted selection": (
        binding(call("f", ref("a", wide + "/"))),
        f'{{\n  v =\n    f\n      a."{wide}/";\n}}',
    ),
    "long first argument": (
        binding(call("f", wide, [1, 2])),
        f'{{\n  v =\n    f\n      "{wide}"\n      [\n        1\n        2\n      ];\n}}',
    ),
    "long function": (
        binding(call("n" * 60, "w" * 35, [1, 2])),
        f'{{\n  v =\n    {"n" * 60} "{"w" * 35}"\n      [\n        1\n        2\n      ];\n}}',
    ),
    "long call in a list": (
        item(call("f", wide, [1, 2])),
        f'[\n  (f\n    "{wide}"\n    [\n      1\n      2\n    ]\n  )\n]',
    ),
    "long call in a call": (
        binding(call("f", call("g", wide))),
        f'{{\n  v = f (\n    g "{wide}"\n  );\n}}',
    ),
    "lambda": (binding(Lambda("n", single)), "{\n  v = n: {\n    x = 1;\n  };\n}"),
    "lambda of a call": (
        binding(Lambda("n", call("f", {"x": 1}))),
        "{\n  v =\n    n:\n    f {\n      x = 1;\n    };\n}",
    ),
    "lambda on one line": (binding(Lambda("n", call("f", ref("n")))), "{\n  v = n: f n;\n}"),
    "update": (binding(Update(a, single)), "{\n  v = a // {\n    x = 1;\n  };\n}"),
    "update with nothing": (binding(Update(a, nothing)), "{\n  v = a // { };\n}"),
    "update of a long name": (
        binding(Update(named(98), single)),
        f"{{\n  v =\n    {'n' * 98}\n    // {{\n      x = 1;\n    }};\n}}",
    ),
    "let": (Let((Binding(("a",), one),), a), "let\n  a = 1;\nin\na"),
    "let around a set that only inherits": (
        Let((Binding(("a",), one),), AttrSet((Inherit(("a",)),))),
        "let\n  a = 1;\nin\n{\n  inherit a;\n}",
    ),
    "let as value": (
        binding(Let((Binding(("a",), one),), single)),
        "{\n  v =\n    let\n      a = 1;\n    in\n    {\n      x = 1;\n    };\n}",
    ),
    "long string": (binding(wide), f'{{\n  v = "{wide}";\n}}'),
    "long string after a quoted name": (binding(wide, "a.b"), f'{{\n  "a.b" =\n    "{wide}";\n}}'),
    "long string after five names": (binding(wide, *"abcde"), f'{{\n  a.b.c.d.e =\n    "{wide}";\n}}'),
    "long reference": (binding(ref("a", "n" * 97)), f"{{\n  v =\n    a.{'n' * 97};\n}}"),
    "header of none": (Function((), single), "{ ... }:\n{\n  x = 1;\n}"),
    "header of two": (Function(("a", "b"), single), "{ a, b, ... }:\n{\n  x = 1;\n}"),
    "header of three": (
        Function(("a", "b", "c"), single),
        "{\n  a,\n  b,\n  c,\n  ...\n}:\n{\n  x = 1;\n}",
    ),
    "header and nothing": (Function((), nothing), "{ ... }: { }"),
    "header of three and nothing": (
        Function(("a", "b", "c"), nothing),
        "{\n  a,\n  b,\n  c,\n  ...\n}:\n{ }",
    ),
    "header and let": (
        Function(("a",), Let((Binding(("x",), one),), single)),
        "{ a, ... }:\nlet\n  x = 1;\nin\n{\n  x = 1;\n}",
    ),
}


@pytest.mark.parametrize(("node", "text"), CONSTRUCTS.values(), ids=CONSTRUCTS.keys())
def test_construct(node: Expr, text: str) -> None:
    assert print_expr(node) == text


# A name of as many letters as make the line 0 wide, and the two texts: where it fits, and where it does not.
LIMITS: dict[str, tuple[Any, int, str, str]] = {
    "list of one": (
        lambda name: Binding(("v",), NixList((name,))),
        len("v = [  ];"),
        "v = [ {} ];",
        "v = [\n  {}\n];",
    ),
    "list of one with a comment after it": (
        lambda name: Binding(("v",), NixList((name,)), trailing="why"),
        len("v = [  ]; "),
        "v = [ {} ]; # why",
        "v = [\n  {}\n]; # why",
    ),
    "call": (
        lambda name: Binding(("v",), call("f", name, [1])),
        len("v = f  [ 1 ];"),
        "v = f {} [ 1 ];",
        "v = f {} [\n  1\n];",
    ),
    "head of a call": (
        lambda name: Binding(("v",), call("f", name, {"x": 1})),
        len("v = f  {"),
        "v = f {} {{\n  x = 1;\n}};",
        "v =\n  f {}\n    {{\n      x = 1;\n    }};",
    ),
    "reference": (
        lambda name: Binding(("v",), Ref(("a", *name.parts))),
        len("v = a.;"),
        "v = a.{};",
        "v =\n  a.{};",
    ),
    "reference with a comment after it": (
        lambda name: Binding(("v",), Ref(("a", *name.parts)), trailing="why"),
        len("v = a.; "),
        "v = a.{}; # why",
        "v =\n  a.{}; # why",
    ),
    "inherit": (
        lambda name: Inherit(("a", *name.parts)),
        len("inherit a ;"),
        "inherit a {};",
        "inherit\n  a\n  {}\n  ;",
    ),
    "inherit from": (
        lambda name: Inherit(name.parts, a),
        len("inherit (a) ;"),
        "inherit (a) {};",
        "inherit (a)\n  {}\n  ;",
    ),
    "update": (
        lambda name: Binding(("v",), Update(name, single)),
        len("v =  // {"),
        "v = {} // {{\n  x = 1;\n}};",
        "v =\n  {}\n  // {{\n    x = 1;\n  }};",
    ),
}


def entry_of_width(case: str, width: int, depth: int) -> tuple[AttrSet, str]:
    """Return an entry in `depth` + 1 sets, whose line is `width` wide if it is one, and the expected text."""
    entry, rest, fitting, overflowing = LIMITS[case]
    name = "n" * (width - rest)
    node = AttrSet((entry(Ref((name,))),))
    text = (fitting if width <= 100 else overflowing).format(name)
    for _ in range(depth):
        node = AttrSet((Binding(("s",), node),))
        text = "s = {\n" + indented(text) + "\n};"
    return node, "{\n" + indented(text) + "\n}"


def indented(text: str) -> str:
    return "\n".join("  " + line for line in text.split("\n"))


@pytest.mark.parametrize("depth", [0, 4])
@pytest.mark.parametrize("width", [99, 100, 101])
@pytest.mark.parametrize("case", LIMITS)
def test_entries_at_the_limit(case: str, width: int, depth: int) -> None:
    node, text = entry_of_width(case, width, depth)
    assert print_expr(node) == text


@pytest.mark.parametrize("width", [99, 100, 101])
def test_headers_at_the_limit(width: int) -> None:
    name = "n" * (width - len("{ a, , ... }:"))
    flat, open_ = (
        f"{{ a, {name}, ... }}:\n{{\n  x = 1;\n}}",
        f"{{\n  a,\n  {name},\n  ...\n}}:\n{{\n  x = 1;\n}}",
    )
    assert print_expr(Function(("a", name), single)) == (flat if width <= 100 else open_)


def test_a_file() -> None:
    file = File(
        Function(
            ("lib",), nix_options({"boot": {"kernelModules": ["kvm-amd"]}}, {"time": {"timeZone": "UTC"}})
        ),
        header=("Generated by hybridlab.", "Do not edit:\nedit cluster.yaml."),
    )
    assert print_file(file) == (
        "# Generated by hybridlab.\n# Do not edit:\n# edit cluster.yaml.\n\n"
        '{ lib, ... }:\n{\n  boot.kernelModules = [ "kvm-amd" ];\n\n  time.timeZone = "UTC";\n}\n'
    )
    assert print_file(File(nothing)) == "{ }\n"


def test_indented_expressions() -> None:
    assert print_expr(binding([1, 2]), indent=4) == "{\n      v = [\n        1\n        2\n      ];\n    }"


def texts() -> list[str]:
    """Every text that this module expects, each as a file."""
    constructs = [text for _, text in CONSTRUCTS.values()]
    limits = [
        entry_of_width(case, width, depth)[1]
        for case in LIMITS
        for width in (99, 100, 101)
        for depth in (0, 4)
    ]
    return [text + "\n" for text in constructs + limits]


@pytest.mark.nix
def test_nix_parses_every_expected_text() -> None:
    assert_nix_parses(["with { };\n" + text for text in texts()])


@pytest.mark.nixfmt
def test_nixfmt_keeps_every_expected_text() -> None:
    headers = [print_expr(Function(("a", "n" * (width - 13)), single)) + "\n" for width in (99, 100, 101)]
    assert_nixfmt_keeps(texts() + headers)


def nested(depth: int, wrap: Any) -> Any:
    value = 1
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda value: {"a": value}, id="sets"),
        pytest.param(lambda value: [value], id="lists"),
        pytest.param(lambda value: {"a": [value, value and 0]}, id="sets and lists"),
        pytest.param(lambda value: call("f", value), id="calls"),
        pytest.param(lambda value: call("f", a, value), id="calls of two"),
        pytest.param(lambda value: call("f", Lambda("n", item(value))), id="lambdas"),
    ],
)
def test_deep_nesting(wrap: Any) -> None:
    assert dumps(nested(200, wrap)).count("1") == 1


def test_nodes_of_any_depth() -> None:
    node: Any = one
    for _ in range(5000):
        node = AttrSet((Binding(("x",), node),))
    assert print_expr(node).count("{") == 5000


@pytest.mark.nix
def test_nix_reads_a_large_set() -> None:
    large = {f"name-{number}": number for number in range(100_000)}
    text = dumps(large)
    assert text.count("\n") == 100_002
    assert nix_reads(text, large)


@pytest.mark.nix
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("1.0", 1),
        ("0.1", 0.1000000000000001),
        ("9223372036854775806", 2**63 - 1),
        ("{ a = 1; }", {"a": 1, "b": 2}),
        ('"a"', "a\u200b"),
        ("null", False),
    ],
)
def test_the_comparison_with_nix_can_fail(text: str, value: object) -> None:
    assert not nix_reads(text, value)

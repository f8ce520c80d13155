"""Laws of the Nix printer: Nix reads back what was meant, and nixfmt has nothing to change."""

import operator
import sys
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridlab.nixlang import Commented, dumps, nix_options, print_expr, print_file
from hybridlab.nixlang.ast import (
    AttrSet,
    Binding,
    Call,
    Entry,
    File,
    Function,
    Inherit,
    Lambda,
    Let,
    ListItem,
    NixBool,
    NixFloat,
    NixInt,
    NixList,
    NixNull,
    NixPath,
    NixString,
    Ref,
    Simple,
    Update,
    Value,
)
from hybridlab.nixlang.strings import NixValueError
from nix_programs import assert_nix_parses, assert_nixfmt_keeps, nix_reads, nix_reads_all

Draw: TypeAlias = st.DrawFn

# One example costs a run of a program, so each is a batch.
few = settings(max_examples=25, deadline=None)

# Any text that Nix can hold: all of Unicode but NUL and surrogates.
anything = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=20)

# Pieces that mean something to Nix's lexer, to nixfmt or to a terminal, so that combinations of them come up.
PIECES = (
    *(
        "$",
        "{",
        "}",
        "${",
        "'",
        "''",
        '"',
        "\\",
        "#",
        "/*",
        "*/",
        ";",
        "=",
        "a",
        "x y",
        " ",
        "  ",
        "é",
        "\U0001f600",
    ),
    *("\t", "\r", "\n", "\n\n", "\x0b", "\x7f", "\x85", "\xa0", "\u2028", "\u202e", "\u3000", "\ufeff"),
)
specials = st.lists(st.sampled_from(PIECES), max_size=10).map("".join)

# Scripts: whole lines, most of them fit for the '' form, with what must be escaped or refused in it.
scripts = st.lists(
    st.sampled_from(
        ["", "a", "  b", "${x}", "''c", "'${d}", "$${e}", "'", "''", "'''", "$", "f'", "g\\n", '"h"']
    )
    | st.sampled_from(["i ", "\tj", "\xa0k", "''$l", "''\\m", "$'", "word " * 25 + "end"]),
    min_size=1,
    max_size=6,
).map(lambda lines: "\n".join(lines) + "\n")

texts = anything | specials | scripts

# Attribute names: plain ones, keywords, and what must be quoted.
ODD_NAMES = ("or", "rec", "then", "with", "inherit", "true", "null", "__curPos", "", "a.b", "${x}", "1", "-")
names = (
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_'-]{0,12}", fullmatch=True) | st.sampled_from(ODD_NAMES) | specials
)

# Integers and doubles to the ends of what Nix can read; Nix tells 1 from 1.0.
integers = st.integers(-(2**63) + 1, 2**63 - 1) | st.sampled_from([2**63 - 1, 1 - 2**63])
floats = st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda value: value == 0 or abs(value) >= sys.float_info.min
)
scalars = st.none() | st.booleans() | integers | floats | texts

# JSON-like data, as an emitter hands it in.
data: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
data_sets = st.dictionaries(names, data, max_size=4)

# Bare names, up to the length that makes lines overflow when a few of them meet.
identifiers = st.builds(operator.mul, st.sampled_from("abcxyz"), st.sampled_from([1, 2, 3, 8, 20, 28]))
comments = st.none() | st.just("why\n\nnot") | specials


@st.composite
def references(draw: Draw) -> Ref:
    """Variables with up to two selections, seldom quoted ones."""
    return Ref((draw(identifiers), *draw(st.lists(st.one_of(identifiers, identifiers, names), max_size=2))))


@st.composite
def words(draw: Draw) -> Simple:
    """What can stand as an argument without parentheses.

    Paths are left out: nixfmt 1.0.0 and 1.4.0 disagree on a path in a long argument of an argument.
    """
    constants = st.sampled_from([NixBool(True), NixNull(), NixInt(0), NixInt(2**63 - 1), NixFloat(1e22)])
    long = st.integers(60, 110).map(lambda length: "w" * length)
    return draw(st.one_of(constants, references(), st.builds(NixString, texts | long)))


@st.composite
def leaves(draw: Draw) -> Value:
    """Values that hold no others."""
    rest = [
        NixInt(-1),
        NixInt(1 - 2**63),
        NixFloat(-1e-05),
        NixPath("./boot.nix"),
        NixPath("../a/b_c-d+e.nix"),
    ]
    return draw(st.one_of(words(), words(), st.sampled_from(rest)))


@st.composite
def values(draw: Draw, depth: int) -> Value:
    """Values with nodes of every kind in them, down to `depth`."""
    if depth == 0:
        return draw(leaves())
    return draw(st.one_of(leaves(), lists(depth), sets(depth), calls(depth), lambdas(depth), updates(depth)))


@st.composite
def lists(draw: Draw, depth: int) -> NixList:
    """Lists of up to three items, with comments and blank lines."""
    item = values(depth - 1)
    commented = st.builds(ListItem, item, comments, comments, st.booleans())
    return NixList(draw(st.lists(item | commented, max_size=3)))


@st.composite
def calls(draw: Draw, depth: int) -> Call:
    """Calls with one argument or two."""
    last = draw(values(depth - 1).filter(lambda value: not isinstance(value, NixPath)))
    return Call(draw(references()), draw(st.sampled_from([(last,), (draw(words()), last)])))


@st.composite
def lambdas(draw: Draw, depth: int) -> Lambda:
    """Functions of a plain parameter."""
    return Lambda(draw(identifiers), draw(st.one_of(sets(depth), lists(depth), calls(depth))))


@st.composite
def updates(draw: Draw, depth: int) -> Update:
    """Named sets, overridden."""
    return Update(draw(references()), draw(sets(depth)))


@st.composite
def entries(draw: Draw, depth: int, least: int) -> tuple[Entry, ...]:
    """Bindings and inherits with all their trimmings, of which no two clash."""
    value = values(depth - 1)
    bound = st.one_of(value, value, value, lets(depth - 1)) if depth > 1 else value
    trimmings = (comments, comments, st.booleans())
    path = (
        st.lists(identifiers | names, min_size=1, max_size=5)
        .map(tuple)
        .filter(lambda path: len(".".join(path)) < 75)
    )
    binding = st.builds(Binding, path, bound, *trimmings)
    inherited = st.lists(identifiers, min_size=1, max_size=5, unique=True).map(tuple)
    inherit = st.builds(Inherit, inherited, st.none() | references(), *trimmings)
    some = st.lists(st.one_of(binding, binding, binding, inherit), min_size=least, max_size=4)
    return draw(some.map(tuple).filter(are_distinct))


def are_distinct(entries: tuple[Entry, ...]) -> bool:
    try:
        AttrSet(entries)
    except NixValueError:
        return False
    return True


@st.composite
def sets(draw: Draw, depth: int) -> AttrSet:
    """Attribute sets of up to four entries."""
    return AttrSet(draw(entries(depth, 0)))


@st.composite
def lets(draw: Draw, depth: int) -> Let:
    """Local names around a value."""
    return Let(draw(entries(depth, 1)), draw(values(depth - 1)))


@st.composite
def files(draw: Draw) -> File:
    """Files of every kind that we write: module functions, sets and lets, with comments at their head."""
    depth = 3
    body = draw(st.one_of(sets(depth), sets(depth), lets(depth), calls(depth), updates(depth), lists(depth)))
    parameters = tuple(draw(st.lists(identifiers, max_size=4, unique=True)))
    whole = Function(parameters, body)
    if isinstance(body, AttrSet | Let | NixList):
        whole = draw(st.sampled_from([whole, body]))
    return File(whole, header=tuple(draw(st.lists(specials, max_size=2))))


@pytest.mark.nix
@few
@given(st.lists(data, min_size=1, max_size=20))
def test_nix_reads_back_what_was_written(values: list[Any]) -> None:
    assert nix_reads_all([(dumps(value), value) for value in values]) == [True] * len(values)


@pytest.mark.nix
@few
@given(st.lists(data_sets, min_size=1, max_size=20))
def test_folding_options_into_paths_keeps_their_value(values: list[dict[str, Any]]) -> None:
    pairs = [(print_expr(nix_options(value)), value) for value in values]
    assert nix_reads_all(pairs) == [True] * len(values)


@pytest.mark.nix
@few
@given(st.lists(st.tuples(anything | specials, anything | specials), min_size=1, max_size=20))
def test_no_comment_changes_a_value(remarks: list[tuple[str, str]]) -> None:
    commented = {
        str(index): Commented([Commented(index, *pair)], *pair) for index, pair in enumerate(remarks)
    }
    plain = {str(index): [index] for index, _ in enumerate(remarks)}
    text = print_file(File(nix_options(commented), header=tuple(above for above, _ in remarks)))
    assert nix_reads(text, plain)


@pytest.mark.nix
@few
@given(st.lists(files(), min_size=1, max_size=10))
def test_nix_parses_every_file(batch: list[File]) -> None:
    # Nix looks for the variables of a file as it parses it, but not behind a `with`.
    assert_nix_parses(["with { };\n" + print_file(file) for file in batch])


@pytest.mark.nixfmt
@few
@given(st.lists(files(), min_size=1, max_size=10))
def test_nixfmt_leaves_every_file_alone(batch: list[File]) -> None:
    assert_nixfmt_keeps([print_file(file) for file in batch])


@given(files())
def test_files_are_clean_text(file: File) -> None:
    text = print_file(file)
    lines = text.removesuffix("\n").split("\n")
    assert not {"\t", "\r"} & set(text)
    assert [line for line in lines if line != line.rstrip()] == []
    assert lines[-1] != ""

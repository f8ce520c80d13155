"""Edits of a YAML text in place: what is meant changes, and not a character beside it."""

import pytest

from hybridlab.diagnostic import Edit, Remove, RenameKey, SetValue, SpecPath
from hybridlab.spec.document.edit import Editable, UneditableError

BLOCK = """\
# head
one:  4GiB   # why
two: 'x'
"three": "y" # quoted
list:
  # first
  - a   # about a
  - {b: 1, c: 2}
  # last
  - d
nested:
  deep:
    only: 1 # gone with it
  # stays
after: [1, 2 , 3]
text: |
  # not a comment
"""


def edited(text: str, *edits: Edit) -> str:
    return Editable(text, name="x.yaml").edited(edits)


def at(*keys: str | int) -> SpecPath:
    return SpecPath.of(*keys)


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        (SetValue(at("one"), "8GiB"), "one:  4GiB   # why", "one:  8GiB   # why"),
        (SetValue(at("one"), "26.05"), "one:  4GiB", 'one:  "26.05"'),
        (SetValue(at("one"), 7), "one:  4GiB", "one:  7"),
        (SetValue(at("one"), "no"), "one:  4GiB", 'one:  "no"'),
        (SetValue(at("one"), "a: b # ü"), "one:  4GiB", 'one:  "a: b # ü"'),
        (SetValue(at("two"), "it's"), "two: 'x'", "two: 'it''s'"),
        (SetValue(at("three"), 'a"b'), '"three": "y"', '"three": "a\\"b"'),
        (SetValue(at("after", 1), 5), "[1, 2 , 3]", "[1, 5 , 3]"),
        (RenameKey(at("three"), "drei"), '"three": "y"', '"drei": "y"'),
        (RenameKey(at("one"), "eins"), "one:  4GiB", "eins:  4GiB"),
        (RenameKey(at("list", 1, "b"), "x"), "{b: 1, c: 2}", "{x: 1, c: 2}"),
        (Remove(at("list", 0)), "  - a   # about a\n", ""),
        (Remove(at("list", 1)), "  - {b: 1, c: 2}\n", ""),
        (Remove(at("list", 2)), "  - d\n", ""),
        (Remove(at("list", 1, "b")), "{b: 1, c: 2}", "{c: 2}"),
        (Remove(at("list", 1, "c")), "{b: 1, c: 2}", "{b: 1}"),
        (Remove(at("after", 2)), "[1, 2 , 3]", "[1, 2]"),
        (Remove(at("nested")), "nested:\n  deep:\n    only: 1 # gone with it\n", ""),
        (Remove(at("nested", "deep", "only")), "deep:\n    only: 1 # gone with it\n", "deep: {}\n"),
        (Remove(at("text")), "text: |\n  # not a comment\n", ""),
        (Remove(at("one")), "one:  4GiB   # why\n", ""),
    ],
    ids=str,
)
def test_one_edit(edit: Edit, old: str, new: str) -> None:
    assert BLOCK.count(old) == 1
    windows = BLOCK.replace("\n", "\r\n")
    assert edited(BLOCK, edit) == BLOCK.replace(old, new)
    assert edited(windows, edit) == windows.replace(old.replace("\n", "\r\n"), new.replace("\n", "\r\n"))


def test_the_last_line_needs_no_end() -> None:
    assert edited("a: 1\nb: 2", Remove(at("b"))) == "a: 1\n"
    assert edited("a:\n  - 1", Remove(at("a", 0))) == "a: []"


@pytest.mark.parametrize(
    ("text", "edit", "after"),
    [
        # Of a text of several lines, a line like a comment goes with it, too.
        ("a:\n  t: |\n    # text\n# stays\nb: 1\n", Remove(at("a")), "# stays\nb: 1\n"),
        ("a:\n  t: |\n    one\n\n    # text\n", Remove(at("a", "t")), "a: {}\n"),
        ("a: |\n  one\n\nb: 1\n", Remove(at("a")), "\nb: 1\n"),
        # A dash with a line of its own goes with what it begins, and not with the item before it.
        ("-\n  a: 1\n# two\n- # it\n  a: 2\n", Remove(at(0)), "# two\n- # it\n  a: 2\n"),
        ("-\n  a: 1\n# two\n- # it\n  a: 2\n", Remove(at(1)), "-\n  a: 1\n# two\n"),
    ],
)
def test_what_is_removed_goes_with_its_lines_and_no_others(text: str, edit: Edit, after: str) -> None:
    assert edited(text, edit) == after
    assert edited(text.replace("\n", "\r\n"), edit) == after.replace("\n", "\r\n")


def test_a_key_and_what_is_below_it_change_at_once() -> None:
    edits = (RenameKey(at("a"), "z"), SetValue(at("a", "b"), 2))
    assert edited("a: {b: 1}\n", *edits) == edited("a: {b: 1}\n", *reversed(edits)) == "z: {b: 2}\n"


def test_several_edits_at_once() -> None:
    edits = (Remove(at("list", 0)), Remove(at("list", 2)), SetValue(at("one"), 1), RenameKey(at("two"), "z"))
    found = edited(BLOCK, *edits)
    assert "  # first\n  - {b: 1, c: 2}\n  # last\nnested:" in found
    assert "one:  1   # why\nz: 'x'\n" in found


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("a: &n 1\nb: *n\n", SetValue(at("a"), 2)),  # b would change, too
        ("a: &n 1\nb: *n\n", SetValue(at("b"), 2)),
        ("a: &n {x: 1}\nb: {<<: *n, y: 2}\n", Remove(at("b", "x"))),
        ("a: &n {x: 1}\nb: {<<: *n, y: 2}\n", RenameKey(at("b", "x"), "z")),
        ("a: one\n  two\n", SetValue(at("a"), "x")),
        ("a: |\n  one\n", SetValue(at("a"), "x")),
        ("a:\nb: 1\n", SetValue(at("a"), "x")),
        ("a: {b: 1}\n", SetValue(at("a"), "x")),
        ("a: 1\n", SetValue(at("b"), "x")),
        ("a: 1\n", Remove(at("a", "b"))),
        ("a: 1\nb: 2\n", RenameKey(at("a"), "b")),
        ("a: [1, # one\n  2]\n", Remove(at("a", 0))),
        ("- a: 1\n  b: 2\n", Remove(at(0, "a"))),
    ],
)
def test_what_would_change_more_is_refused(text: str, edit: Edit) -> None:
    with pytest.raises(UneditableError):
        edited(text, edit)


def test_two_edits_of_one_place_are_refused() -> None:
    with pytest.raises(UneditableError):
        edited("a: 1\n", SetValue(at("a"), 2), SetValue(at("a"), 3))


def test_what_all_uses_of_an_anchor_ask_for_is_done() -> None:
    assert edited("a: &n 1\nb: *n\n", SetValue(at("a"), 2), SetValue(at("b"), 2)) == "a: &n 2\nb: *n\n"
    renamed = edited("a: &n {x: 1}\nb: *n\n", RenameKey(at("a", "x"), "z"), RenameKey(at("b", "x"), "z"))
    assert renamed == "a: &n {z: 1}\nb: *n\n"
    twice = Remove(at("a", 0))
    assert edited("a: [1, 2]\n", twice, twice) == "a: [2]\n"

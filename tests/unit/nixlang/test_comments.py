"""Comments: one `#` line per line, and nothing in them that a reader or Nix could mistake."""

import unicodedata

import pytest

from hybridlab.nixlang import Commented, File, nix_options, print_file
from hybridlab.nixlang.comments import comment_lines, trailing_comment

HOSTILE = [
    "\r",
    "\x85",
    "\u2028",
    "\u2029",
    "\x0b",
    "\x0c",
    "\x00",
    "\x1b",
    "\u202e",
    "\u2066",
    "\u200b",
    "\ufeff",
]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("why", ("# why",)),
        ("two\nlines", ("# two", "# lines")),
        ("a\n\nb", ("# a", "#", "# b")),
        ("", ("#",)),
        ("  indented  ", ("#   indented",)),
        ("a\tb\t", ("# a b",)),
        ("windows\r\nlines\r\n", ("# windows", "# lines", "#")),
        ("no-break\xa0", ("# no-break",)),
        ("*/ '' ${x} # é \U0001f600", ("# */ '' ${x} # é \U0001f600",)),
        ("a\rb", ("# a<U+000D>b",)),
        ("a\u202eb", ("# a<U+202E>b",)),
        ("lone \ud83d", ("# lone <U+D83D>",)),
    ],
)
def test_lines(text: str, lines: tuple[str, ...]) -> None:
    assert comment_lines(text) == lines


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("why", " # why"),
        ("  why  ", " # why"),
        ("two\nlines\n", " # two lines"),
        ("a\u2028b", " # a<U+2028>b"),
        ("", ""),
        (" \n ", ""),
        (None, ""),
    ],
)
def test_trailing(text: str | None, comment: str) -> None:
    assert trailing_comment(text) == comment


@pytest.mark.parametrize("char", HOSTILE, ids=[f"U+{ord(char):04X}" for char in HOSTILE])
def test_a_comment_can_not_end_early(char: str) -> None:
    remark = f"quiet{char}; evil = true; #"
    text = print_file(File(nix_options({"a": Commented([Commented(1, remark, remark)], remark)}), (remark,)))
    code = [line.partition("#")[0].strip() for line in text.split("\n")]
    assert [line for line in code if line] == ["{", "a = [", "1", "];", "}"]
    assert all(char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Zl", "Zp"} for char in text)

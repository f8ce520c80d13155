"""Text as Nix string literals: what is escaped, and when the '' form may be taken."""

import pytest

from hybridlab.nixlang import NixValueError, dumps
from hybridlab.nixlang.strings import string_lines
from nix_programs import nix_reads_all

QUOTED = {
    "": '""',
    "plain": '"plain"',
    'say "hi"': r'"say \"hi\""',
    "back\\slash": r'"back\\slash"',
    "a\nb": r'"a\nb"',
    "tab\tcr\r": r'"tab\tcr\r"',
    "${x}": r'"\${x}"',
    "$${x}": r'"$\${x}"',
    "$ $$ {}": '"$ $$ {}"',
    "''": "\"''\"",
    "é \U0001f600 \u2028 \u202e": '"é \U0001f600 \u2028 \u202e"',
    "one line\n": r'"one line\n"',
}

INDENTED = {
    "a\nb\n": ("''", "a", "b", "''"),
    "a\n\n  b\n": ("''", "a", "", "  b", "''"),
    "\na\n": ("''", "", "a", "''"),
    "it''s\n'''\n": ("''", "it'''s", "''''", "''"),
    "${x}\n$${y}\n": ("''", "''${x}", "$''${y}", "''"),
    'back\\slash\n"quotes"\n': ("''", "back\\slash", '"quotes"', "''"),
}

NOT_INDENTED = {
    "does not end in a newline": "a\nb",
    "has a tab": "a\n\tb\n",
    "has a carriage return": "a\r\nb\n",
    "has another control character": "a\n\x0bb\n",
    "has a line separator": "a\nb\u2028c\n",
    "has trailing blanks": "a \nb\n",
    "has a line of blanks": "a\n  \nb\n",
    "has a trailing no-break space": "a\xa0\nb\n",
    "has a quote before an interpolation": "a\n'${b}\n",
    "has a margin that Nix would cut": "  a\n  b\n",
    "is nothing but newlines": "\n\n\n",
}


@pytest.mark.parametrize(("text", "literal"), QUOTED.items())
def test_quoted(text: str, literal: str) -> None:
    assert string_lines(text) == (literal,)


@pytest.mark.parametrize(("text", "lines"), INDENTED.items())
def test_indented(text: str, lines: tuple[str, ...]) -> None:
    assert string_lines(text) == lines
    assert len(string_lines(text, multiline=False)) == 1


@pytest.mark.parametrize("text", NOT_INDENTED.values(), ids=NOT_INDENTED.keys())
def test_text_that_must_be_quoted(text: str) -> None:
    assert len(string_lines(text)) == 1


@pytest.mark.parametrize(
    ("text", "named"), [("a\0b", r"U\+0000"), ("\ud83d", r"U\+D83D"), ("\udfff", r"U\+DFFF")]
)
def test_text_that_nix_can_not_hold(text: str, named: str) -> None:
    with pytest.raises(NixValueError, match=named):
        string_lines(text)


@pytest.mark.nix
def test_nix_reads_every_one_of_them_back() -> None:
    texts = [*QUOTED, *INDENTED, *NOT_INDENTED.values()]
    assert nix_reads_all([(dumps({"x": text}), {"x": text}) for text in texts]) == [True] * len(texts)

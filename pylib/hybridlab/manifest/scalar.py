r"""How one value is written in YAML so that every reader reads the same; it must not know about layout.

Readers differ. PyYAML and the Go libraries under Kubernetes follow YAML 1.1, where `no`, `1:20` and `017`
are a boolean and two integers; ruamel.yaml follows 1.2, where they are text but `0o17` and `1e3` are numbers.
Text is plain only where all of them see text, a number only as all of them see it. Sources: the YAML 1.1 type
repository (https://yaml.org/type/), the core schema of 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema),
and what the resolvers of PyYAML, ruamel.yaml and go.yaml.in/yaml accept beyond them.

What a reader of the file sees is what is there: a character without a glyph of its own is always an escape.
"""

import re
from functools import lru_cache

from hybridlab.manifest.data import Scalar

# Controls but tab and line feed; White_Space and Default_Ignorable_Code_Point of Unicode, with all marks of
# direction (str.isprintable() would follow the Python version, and the text with it); annotation marks,
# surrogates, and what YAML readers refuse raw.
_HIDDEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"
    r"\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    r"\ud800-\udfff\ufffe\uffff"
)
_ESCAPED = re.compile(rf'["\\\t\n{_HIDDEN}]')
_SHORT_ESCAPES = {'"': r"\"", "\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_INVISIBLE = re.compile(rf"[{_HIDDEN}]")

# A literal block shows its text as it is, but not blanks at the end of a line.
_NOT_LITERAL = re.compile(rf"[{_HIDDEN}]|[ \t]$", re.MULTILINE)

# Text that YAML's syntax would take for something else, or cut.
_NOT_PLAIN = re.compile(
    rf"""
      ^ $
    | [\t\n{_HIDDEN}]                           # needs an escape
    | ^ [ ?:,\[\]{{}}\#&*!|>'"%@`]              # an indicator (or a blank) in front
    | ^ - (?: [ ] | $ | -- )                    # a list item, a document separator
    | ^ \.\.\.                                  # the end of a document
    | : (?: [ ] | $ )                           # a mapping
    | [ ] (?: \# | $ )                          # a comment, a blank that is cut off
    """,
    re.VERBOSE,
)

# Text that some resolver takes for a value of another type; a little more than they do, never less.
_RESOLVED = re.compile(
    r"""
      y | n | yes | no | on | off | true | false | null | ~ | = | <<
    | [-+]? \. (?: inf | nan )
    | (?= [-+.0-9] ) [-+]? (?:
          [0_]+ [box] [0-9a-f_]*                                              # 0b1, 0o17, 0x1F
        | (?: [0-9_]+ \.? [0-9_]* | \. [0-9_]+ ) (?: e [-+]? [0-9_]* )?        # 017, 1_000, .5, 1e3
        | [0-9_]+ (?: : [0-9_]+ )+ (?: \. [0-9_]* )?                           # 1:20:30, to the base of 60
      )
    | [0-9]{4} - [0-9]{1,2} - [0-9]{1,2} (?: [t ] .* )?                        # 2026-11-24T10:00:00Z
    """,
    re.VERBOSE | re.IGNORECASE,
)


def print_scalar(value: Scalar) -> str:
    """Return `value` on one line: plain where that is safe, else between double quotes."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _print_float(value)
        case str():
            return _print_text(value)


# Manifests repeat their keys and labels.
@lru_cache(maxsize=4096)
def _print_text(text: str) -> str:
    plain = not _NOT_PLAIN.search(text) and not _RESOLVED.fullmatch(text)
    return text if plain else f'"{_ESCAPED.sub(_escape, text)}"'


def literal_block(text: str) -> tuple[str, list[str]] | None:
    """Return the header and the lines of `text` as a literal block, to be indented by 2, or None.

    None is the answer for text of one line, and for text that a block would not show as it is.
    """
    if "\n" not in text or not text.strip("\n") or _NOT_LITERAL.search(text):
        return None
    # Readers guess the indentation from the first line unless it is said, and go.yaml.in/yaml refuses to
    # guess where that line begins with a tab.
    indentation = "2" if text[0] in " \t\n" else ""
    chomping = "-" if text[-1] != "\n" else "+" if text.endswith("\n\n") else ""
    return f"|{indentation}{chomping}", text.removesuffix("\n").split("\n")


def comment_lines(text: str) -> list[str]:
    """Return `text` as comments, a line each: it can not end its line, hide anything or become YAML."""
    lines = (_INVISIBLE.sub(_escape, line.expandtabs(2)).rstrip() for line in text.splitlines())
    return [f"# {line}" if line else "#" for line in lines]


def _print_float(value: float) -> str:
    # YAML 1.1 wants a dot in every float, where Python writes 1e+16.
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    return _SHORT_ESCAPES.get(character) or (f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}")

"""Secrets where none belong, and a text without them: what is printed ends in logs and in chats."""

import re
from collections.abc import Iterator

_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----")
_END = "-----END"
# Of a key that is cut off: lines of base64, also as escapes join them.
_LINES = re.compile(
    r"(?:[\s\\]*[A-Za-z0-9+/=]{20,}[\\A-Za-z0-9+/=]*)*(?:[\s\\]*[A-Za-z0-9+/]{1,19}={1,2}(?!\S))?"
)
_AGE = re.compile(r"AGE-SECRET-KEY-(?:PQ-)?1([0-9a-z]+)", re.IGNORECASE)
# The token itself, where the name of its key in the sops file belongs.
_TOKEN = re.compile(r"""(?:secrets?|[Tt]oken)["']?[ \t]*:[ \t]*["']?[0-9a-f]{4}([0-9a-f]{28})(?![0-9a-z])""")
# How variables are called whose value is a secret, as images want them.
_CALLED = (
    "(?:PASSWORD|PASSWD|PASSPHRASE|PASS|TOKEN|SECRET"
    "|(?:API|ACCESS|AUTH|ENCRYPTION|MASTER|PRIVATE|SECRET|SIGNING)_?KEY)"
)
_VARIABLE = re.compile(f"(?:[A-Za-z0-9_]*_|PG)?{_CALLED}")
# What else is, wherever it stands: keys of other formats, and options of programs.
_ALSO_CALLED = f"(?:{_CALLED}|[Pp]ass(?:word|wd|phrase))"
# The value of one: in a mapping, in brackets, or in a container's list, where its name stands before it.
_QUOTED = r"""(?<=")(?:\\.|[^"\\\n])*|(?<=')[^'\n]*"""
_PLAIN = r"""[^\s"'{}\[\]&*!|>#,][^\n]*?(?=,[ \t]+[\w"'.-]{1,63}[ \t]*:|[\]}]|[ \t]#|\r?\n|$)"""
_NAMED = (
    r"""(?:(?:,|\r?\n)[ \t]*["']?value["']?[ \t]*)?:[ \t]+"""
    r"""(?:\{[ \t]*["']?value["']?[ \t]*:[ \t]+|\[[ \t]*)?"""
)
_VALUE = re.compile(rf"""{_ALSO_CALLED}["']?[ \t]*{_NAMED}["']?({_QUOTED}|{_PLAIN})""")
_ASSIGNED = re.compile(rf"""{_ALSO_CALLED}=["']?((?<=")[^"\n]+|(?<=')[^'\n]+|[^\s"',\[\]{{}}$]+)""")
# One that no blank keeps apart from its name, which YAML reads as one word.
_JOINED = re.compile(rf"""{_ALSO_CALLED}:([^\s"',\[\]{{}}$:/][^\s"',\[\]{{}}]*)""")
# A text of several lines, which are all indented further than its key.
_LINES_OF_TEXT = re.compile(
    rf"""^([ \t]*)(?:-[ \t]+)?["']?\w*{_ALSO_CALLED}["']?[ \t]*:[ \t]+[|>][^\n]*\n"""
    r"""((?:(?:\1[ \t]+\S[^\n]*|[ \t\r]*)(?:\n|\Z))+)""",
    re.MULTILINE,
)
# The password in an address, as in postgres://user:password@host.
_LOGIN = re.compile(r"://[^\s:/@]*:([^\s/@$]+)@")


def is_secret_by_name(variable: str) -> bool:
    """Whether a variable is called like one whose value is a secret."""
    return _VARIABLE.fullmatch(variable) is not None


def holds_private_key(text: str) -> bool:
    """Whether a private key of ssh, TLS or age is in `text`, or the beginning of one."""
    return _BEGIN.search(text) is not None or _AGE.search(text) is not None


def withheld(text: str) -> str:
    """Return `text` with asterisks for private keys and tokens: every other character keeps its place."""
    pieces, done = [], 0
    for start, end in sorted(_secrets(text)):
        if end > done:
            first = max(start, done)
            pieces += [text[done:first], re.sub(r"\S", "*", text[first:end])]
            done = end
    return "".join([*pieces, text[done:]]) if pieces else text


def _secrets(text: str) -> Iterator[tuple[int, int]]:
    """Yield where secrets begin and end, in one pass for each kind."""
    if "PRIVATE KEY-----" in text:
        position, last_end = 0, text.rfind(_END)
        while match := _BEGIN.search(text, position):
            if last_end >= match.end():
                position = text.index(_END, match.end())
            else:
                cut_off = _LINES.match(text, match.end())
                position = cut_off.end() if cut_off else match.end()
            yield match.end(), position
    called = any(word in text for word in ("PASS", "TOKEN", "SECRET", "KEY", "assw", "assphrase"))
    for pattern in (_AGE, _TOKEN, _LOGIN, *((_VALUE, _ASSIGNED, _JOINED, _LINES_OF_TEXT) if called else ())):
        for match in pattern.finditer(text):
            yield match.span(match.lastindex or 0)

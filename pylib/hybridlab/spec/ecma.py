"""A pattern of the scalars as JSON Schema writes it: in the dialect of ECMA-262, with the same meaning.

Only what both dialects have is taken. What they read differently (`\\d` is any digit of Unicode to Python),
or what one does not know, is an error of whoever wrote the pattern.
"""

import re

_TOKEN = re.compile(
    r"(?P<escape>\\(?:x..|u....|.))"
    r"|(?P<set>\[\^?(?:\\.|[^\\\]])+\])"
    r"|(?P<group>\(\?(?:[:=!]|.))"
    r"|(?P<repeat>(?:[*+?]|\{[^}]*\})[?+]?)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_REPEAT = re.compile(r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??")
# What ECMA-262 lets be escaped in its Unicode mode; in a set also '-'. White space is the same to
# both, but for a few characters that nobody sees, which no text of a spec has.
_ESCAPED = re.compile(r"\\(?:[\^$\\.*+?()\[\]{}|/nrtsS]|x[0-9a-f]{2}|u[0-9a-f]{4})")
_ESCAPE = re.compile(r"\\(?:x..|u....|.)", re.DOTALL)
_RANGE = re.compile(r"[a-z]-[a-z]")
_FLAGS = re.UNICODE | re.DOTALL


def ecma_pattern(pattern: re.Pattern[str], *, either_case: bool = False) -> str:
    """Return the pattern of a text as a whole; with `either_case` its ranges of letters have both cases.

    Raises: ValueError for what the two dialects do not share.
    """
    if pattern.flags & ~_FLAGS:
        raise ValueError(f"the flags of {pattern.pattern!r} have no place in a JSON Schema")
    text = "".join(
        _translated(token, pattern, either_case=either_case) for token in _TOKEN.finditer(pattern.pattern)
    )
    # `$` is the end of the text to ECMA-262; to Python it is also the place before a line feed at the end.
    return f"^(?:{text})$(?!\\n)" if "|" in text else f"^{text}$(?!\\n)"


def _translated(token: re.Match[str], pattern: re.Pattern[str], *, either_case: bool) -> str:
    text = token[0]
    match token.lastgroup:
        case "escape":
            return _escape(text)
        case "set":
            text = _ESCAPE.sub(lambda found: _escape(found[0], in_set=True), text)
            return _RANGE.sub(lambda found: found[0].upper() + found[0], text) if either_case else text
        case "repeat" if _REPEAT.fullmatch(text):
            return text
        case "group" if text in ("(?:", "(?=", "(?!"):
            return text
        case "other":
            return r"[\s\S]" if text == "." and pattern.flags & re.DOTALL else text
    raise ValueError(f"{text!r} in {pattern.pattern!r} is not the same to Python and to JSON Schema")


def _escape(text: str, *, in_set: bool = False) -> str:
    """Return an escape as both dialects have it: one of a character that means itself anyway is dropped."""
    if _ESCAPED.fullmatch(text) or (in_set and text == r"\-"):
        return text
    if text[1].isalnum():
        raise ValueError(f"the escape {text!r} is not the same to Python and to JSON Schema")
    return text[1]

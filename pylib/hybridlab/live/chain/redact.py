"""Takes what may be a secret out of text that a machine wrote; it errs towards taking out too much."""

import re

_LEFT_OUT = "(left out)"

# Keys and certificates go over several lines. A block may have lost its first or last line, as in the last
# lines of a journal.
_PEM_END = re.compile(r"\A.*-----END [A-Z0-9 ]+-----", re.DOTALL)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_BEARER = re.compile(r"(?i)(\bbearer)\s+(?!\(left out\))[^\s\"'\\,]+")
_HEADER = re.compile(r"(?i)(\bauthorization\\?[\"']?\s*[:=]\s*)[^\r\n]+")
# `token=…` always, `token: …` unless what comes is a plain word of a sentence; a path is none of them.
_NAMED = re.compile(
    r"""(?x)
    ( (?i: token | passw(?:or)?d | passphrase | secret | api_?key | auth_?key ) \\?["']? \s* )
    (?: ( = \s* | : \s* (?= \\?["'] ) | : \s* (?= [^\s,;]* [A-Z0-9] | [^\s,;]{16} ) ) )
    (?! \\?["']? / (?: etc | nix | run | var ) / | \(left\ out\) )
    ( \\?"[^"]*" | \\?'[^']*' | [^\s"',;]+ )
    """
)
_SHAPES = (
    # The join token, a digest, an id: 32 hex digits and more (model.secret of the spec wants just these).
    re.compile(r"[0-9a-fA-F]{32,}"),
    re.compile(r"(?i)AGE-SECRET-KEY-[0-9A-Z-]+"),
    # JSON web tokens, as of service accounts.
    re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}"),
    # kubeadm's bootstrap tokens.
    re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"),
)
# A line of base64: a word of that alphabet alone, longer than any name of ours.
_BASE64 = re.compile(r"(?<![\w+/=.:-])(?!/nix/store/)[A-Za-z0-9+/_-]{40,}={0,2}(?![\w+/=.:-])")


def redacted(text: str) -> str:
    """Return the text without tokens, passwords, keys and certificates; a second time changes nothing."""
    begin, end = text.find("-----BEGIN "), text.find("-----END ")
    if end >= 0 and not 0 <= begin < end:
        text = _PEM_END.sub(_LEFT_OUT, text, count=1)
    text = _PEM.sub(_LEFT_OUT, text)
    text = _BEARER.sub(rf"\1 {_LEFT_OUT}", text)
    text = _HEADER.sub(rf"\1{_LEFT_OUT}", text)
    text = _NAMED.sub(rf"\1\2{_LEFT_OUT}", text)
    for shape in _SHAPES:
        text = shape.sub(_LEFT_OUT, text)
    return _BASE64.sub(_unless_path, text)


def _unless_path(match: "re.Match[str]") -> str:
    word = match[0]
    mixed = (
        any(c.isupper() for c in word) and any(c.islower() for c in word) and any(c.isdigit() for c in word)
    )
    return _LEFT_OUT if mixed else word

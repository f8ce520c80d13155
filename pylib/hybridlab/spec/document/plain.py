"""What a YAML scalar without quotes means: in the spec by the YAML 1.2 core schema, in a manifest as in Go.

One that YAML 1.1 readers turn into something else (`no`, `12:30`, `017`) becomes an `Ambiguous` value in the
spec, which no key accepts: it is refused with an explanation, not right for one reader and wrong for another.
"""

import math
import re
from typing import TypeAlias

from attrs import frozen

Data: TypeAlias = "bool | int | float | str | list[Data] | dict[str, Data] | Ambiguous | None"


@frozen
class Ambiguous:
    """A plain scalar that YAML 1.1 and YAML 1.2 read differently."""

    text: str
    reading: str


_INT = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)")
_YAML11 = (
    (re.compile(r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"), "a number in base 60"),
    (re.compile(r"[-+]?0[0-7_]+"), "an octal number"),
    (re.compile(r"[-+]?0b[01_]+"), "a binary number"),
    (re.compile(r"0o[0-7]+"), "text"),
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?|[-+]?0x[0-9a-fA-F_]*_[0-9a-fA-F_]*"), "a number"),
    (re.compile(r"y|Y|yes|Yes|YES|on|On|ON"), "true"),
    (re.compile(r"n|N|no|No|NO|off|Off|OFF"), "false"),
)


def plain_value(text: str) -> Data:
    for pattern, reading in _YAML11:
        if pattern.fullmatch(text):
            return Ambiguous(text, reading)
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _INT.fullmatch(text) and len(text) < 40:
        return int(text, 16) if text[:2] == "0x" else int(text)
    if text in (".nan", ".NaN", ".NAN"):
        return math.nan  # the same object each time: two documents with it in them can be equal
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf"))
    return text


class Whole(int):
    """A whole number of a manifest that is written in a way of its own, like `017`; `text` is how."""

    text: str


class Decimal(float):
    """A number of a manifest; `text` is how it is written, like `1.50`."""

    text: str


_GO_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_GO_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_GO_WORD = re.compile(r"[a-zA-Z~.]*")
_LONGEST = 40  # digits: what has more is no number that anything takes


def manifest_value(text: str) -> Data:
    """Return what kubectl makes of a plain scalar in a manifest: a number, however it may be written.

    Only what `kubectl apply -f` and kustomize do not agree on is ambiguous: `yes` and its like, a truth value
    for the one and text for the other. Read on 2026-11-29 from what both of 1.36 print.
    """
    if _GO_WORD.fullmatch(text):
        return plain_value(text)
    digits = text.replace("_", "")
    if text[0] not in "+-.0123456789" or len(digits) > _LONGEST:
        return text
    if _GO_INT.fullmatch(digits):
        amount = digits.lstrip("+-")
        number: float = int(digits, 8 if amount.isdecimal() and amount[0] == "0" else 0)
    elif _GO_FLOAT.fullmatch(digits) and math.isfinite(float(digits)):
        number = float(digits)
    else:
        return text
    if str(number) == text:
        return number
    whole = number == int(number) and abs(number) < 2**63
    found = Whole(number) if whole else Decimal(number)
    found.text = text
    return found

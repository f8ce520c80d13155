"""What a YAML scalar without quotes means, by the YAML 1.2 core schema.

One that YAML 1.1 readers turn into something else (`no`, `12:30`, `017`) becomes an `Ambiguous` value, which
no key accepts: it is refused with an explanation, not right for one reader and wrong for the next.
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

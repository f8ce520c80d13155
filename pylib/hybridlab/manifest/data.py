"""What a manifest may hold: JSON data, as plain Python values; it must not know how they are written.

Kubernetes stores JSON; YAML is only how people read it. Whatever JSON can not say is refused here, before
a printer could write it in a way that only some readers understand.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Scalar: TypeAlias = bool | int | float | str | None
Json: TypeAlias = "Scalar | Sequence[Json] | Mapping[str, Json]"
KeyPath: TypeAlias = tuple[str | int, ...]
"""A place in JSON data by its keys and list indexes: `("spec", "containers", 0, "image")`."""

# Far deeper than any API object, and shallow enough that every recursive reader and printer copes.
MAX_DEPTH = 100

# Text that UTF-8 can not encode (lone surrogates) or that YAML and C programs do not carry (NUL).
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")


def copy_json(value: object, at: KeyPath = ()) -> Json:
    """Return `value` as fresh dicts, lists and exact scalar types, so that no one else can change it.

    Tuples become lists and subclasses of text and numbers (enums, names with a rule) their plain values.
    Raises `ValueError` that names the place for anything else, NaN and infinities, integers beyond 64 bits,
    keys that are no text, text with NUL or lone surrogates, and data nested deeper than `MAX_DEPTH` levels
    (as data that contains itself is).
    """
    if len(at) > MAX_DEPTH:
        raise ValueError(
            f"{_place(at[:3])}…: data is nested deeper than {MAX_DEPTH} levels, or contains itself"
        )
    match value:
        case None | bool():
            return value
        case str():
            return _text(value, at)
        case int():
            return _integer(int(value), at)
        case float():
            return _finite(float(value), at)
        case list() | tuple():
            return [copy_json(item, (*at, index)) for index, item in enumerate(value)]
        case Mapping():
            return copy_object(value, at)
    raise ValueError(f"{_place(at)}: a value of type {type(value).__name__} is not JSON data")


def copy_object(value: Mapping[str, Json], at: KeyPath = ()) -> dict[str, Json]:
    """Return a JSON object as a fresh dict in the same order; see `copy_json`."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{_place(at)}: a value of type {type(value).__name__} is not a mapping")
    copied: dict[str, Json] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise ValueError(
                f"{_place(at)}: key {key!r} has type {type(key).__name__}, but JSON keys are text"
            )
        copied[_text(key, at)] = copy_json(item, (*at, key))
    return copied


def _text(value: str, at: KeyPath) -> str:
    # str(value) would ask a subclass how it wants to look; this takes the characters that it holds.
    plain = str.__str__(value)
    if found := _UNSTORABLE.search(plain):
        raise ValueError(f"{_place(at)}: text {plain!a} contains {found[0]!a}, which no manifest can hold")
    return plain


def _integer(value: int, at: KeyPath) -> int:
    # API machinery reads an integer as int64 and everything larger as a float, losing digits:
    # https://kubernetes.io/docs/reference/using-api/api-concepts/ and k8s.io/apimachinery/pkg/util/json
    if not -(2**63) <= value < 2**63:
        raise ValueError(
            f"{_place(at)}: integer {value:#x} needs more than 64 bits, Kubernetes would round it"
        )
    return value


def _finite(value: float, at: KeyPath) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{_place(at)}: {value} is not a JSON number, only finite ones are")
    return value


def _place(at: KeyPath) -> str:
    return ".".join(str(key) for key in at) or "top level"

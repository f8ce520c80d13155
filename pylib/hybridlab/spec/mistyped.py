"""What is said of a value of another type than its key takes: most often YAML reads it as nobody meant."""

import re
from collections.abc import Iterable
from typing import Any

from attrs import field, frozen

from hybridlab.diagnostic import Diagnostic, Fix, SetValue, Severity, SpecPath
from hybridlab.spec.converter import WrongTypeError, places_of
from hybridlab.spec.document import Ambiguous, Document, Mapping, Scalar
from hybridlab.spec.scalars import withheld

_EVERYBODY = ("all", "any", "*", "everyone", "everywhere")
_PAIR = re.compile(r"[\w./-]+=[^=,]*")
_PUBLISHED = re.compile(r"(?:[0-9.]+:)?[0-9]{1,5}:([0-9]{1,5})")  # as docker publishes a port
_MOST_REQUIRED = 3
_DASH = "put a blank behind the dash of each item"
_RANGE = re.compile(r"([0-9A-Fa-f:.]+) *(?:-|\u2013|to|,|\.\.) *([0-9A-Fa-f:.]+)")
_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@frozen
class _Advice:
    """What to do; `instead` is what to write where only that can have been meant."""

    hint: str | None = None
    instead: str | int | None = None
    message: str | None = field(default=None, kw_only=True)


def mistyped(error: WrongTypeError, path: SpecPath, document: Document) -> Diagnostic:
    """Return the problem of a value of the wrong type at `path`."""
    node = document.node(path)
    written = node.text if isinstance(node, Scalar) else ""
    advice = _advice(error, path, written, document)
    # Of a text in place of a mapping, no word helps; and it may be a secret.
    found = "text" if error.kind is dict and isinstance(error.value, str) else described(error.value)
    message = advice.message or f"{path} must be {error.expected}, not {found}"
    fix = None
    if advice.instead is not None:
        shown = (
            f'"{advice.instead}"' if isinstance(advice.instead, str) else described_plainly(advice.instead)
        )
        fix = Fix(f"write {shown}", (SetValue(path, advice.instead),))
    return Diagnostic("SPEC103", Severity.ERROR, message, path, advice.hint, fix=fix)


def _advice(error: WrongTypeError, path: SpecPath, written: str, document: Document) -> _Advice:
    match error.value:
        case Ambiguous():
            return _of_ambiguous(error.value, error.kind)
        case None:
            return _Advice("give it a value, or remove the key")
        case bool() | int() | float() if error.kind is str and written:
            kind = "a truth value" if isinstance(error.value, bool) else "a number"
            message = f"{path} must be {error.expected}, but YAML reads {written} as {kind}"
            return _Advice(f'put it in quotes: "{written}"', written, message=message)
        case float() if error.kind is int and error.value.is_integer():
            return _Advice(f"write {int(error.value)}", int(error.value))
        case str(text):
            return _of_text(text.strip(), error, path, document)
        case dict(keys) if keys and error.kind is list and all(key.startswith("-") for key in keys):
            return _Advice(_DASH)
        case {"key": str(key), "effect": str(effect), **more} if error.kind is str:
            value = more.get("value")
            return _Advice(f'write "{key}{"=" if value else ""}{value or ""}:{effect}"')
        case list(items) if error.kind is dict:
            return _of_list(items, error)
        case list(items) if error.kind in (str, int):
            return _Advice("there can be only one" if len(items) > 1 else "write it without the brackets")
        case dict() if path and _is_key_above(path):
            return _Advice(f"indent it less, if it belongs to {SpecPath(path[:-2])}")
        case _ if error.kind is dict:
            return _of_mapping("…" if isinstance(error.value, bool) else written, error, path)
    return _Advice()


def _is_key_above(path: SpecPath) -> bool:
    """Whether the last key is one of the mapping that its own mapping is in."""
    above = path[:-2]
    places = (place.split(".") for place in places_of(str(path[-1])))
    return any(
        len(steps) == len(above)
        and all(step in ("NAME", str(key)) for step, key in zip(steps, above, strict=True))
        for steps in places
    )


def _of_list(items: list[Any], error: WrongTypeError) -> _Advice:
    """Return what to do about a list in place of a mapping."""
    texts = [item for item in items if isinstance(item, str) and _PAIR.fullmatch(item)]
    if texts and len(texts) == len(items):
        return _Advice(f"write {_as_mapping(texts)}")
    if error.keys:
        return _Advice("write its keys without a dash")
    return _Advice("give each a name: write it and a colon in place of the dash")


def _of_mapping(text: str, error: WrongTypeError, path: SpecPath) -> _Advice:
    """Return what to do about one value in place of a mapping."""
    if path and path[-1] in error.keys:
        return _Advice(
            f"{path[-1]!r} is a key of what stands above it: indent it further, if it belongs there"
        )
    if not error.keys:
        pairs = text.split(",")
        is_pairs = all(_PAIR.fullmatch(pair.strip()) for pair in pairs)
        return _Advice(
            f"write {_as_mapping(pairs)}" if is_pairs else f"write a name for it: {{NAME: {text}}}"
        )
    if not 0 < len(error.required) <= _MOST_REQUIRED:
        return _Advice()
    if error.required == ("from", "to") and (ends := _RANGE.fullmatch(text)) is not None:
        first, last = ends.groups()
        # 10.0.10.100-200 leaves out what both have.
        last = f"{first.rpartition('.')[0]}.{last}" if last.isdecimal() and "." in first else last
        return _Advice(f"write {{from: {first}, to: {last}}}")
    first, *others = error.required
    meant = ", ".join([f"{first}: {text}", *(f"{key}: …" for key in others)])
    if withheld(meant) != meant:
        return _Advice("a secret is named here, by its key in the sops file")
    return _Advice(f"write {{{meant}}}")


def _is_number(text: str) -> bool:
    return re.fullmatch("[0-9]{1,20}", text) is not None


def _as_mapping(pairs: Iterable[str]) -> str:
    """Return texts like `gpu=amd` as YAML."""
    return "{" + ", ".join(": ".join(part.strip() for part in pair.split("=", 1)) for pair in pairs) + "}"


def _of_ambiguous(value: Ambiguous, kind: type) -> _Advice:
    text, reading = value.text, value.reading
    message = f"{text!r} is {reading} to YAML 1.1 and something else to YAML 1.2"
    digits = text.replace("_", "").removeprefix("+")
    if kind is str:
        return _Advice(f'write "{text}" for the text', text, message=message)
    if kind is bool and reading in _TRUTHS:
        return _Advice(f"write {reading}", _TRUTHS[reading], message=message)
    if kind is int and (published := _PUBLISHED.fullmatch(text)):
        return _Advice(f"write the port in the container alone: {int(published[1])}; `expose` leads to it")
    if kind is int and _is_number(digits):
        number = int(digits)
        # Of 012, one reader would make 12 and the other 10.
        is_sure = "octal" not in reading or number == int(digits, 8)
        return _Advice(f"write {number}", number if is_sure else None, message=message)
    return _Advice("write it in another way", message=message)


def _of_text(text: str, error: WrongTypeError, path: SpecPath, document: Document) -> _Advice:
    if error.kind is int and _is_number(text):
        return _Advice(f"remove the quotes: {text}", int(text) if str(int(text)) == text else None)
    if error.kind is bool and text.lower() in _TRUTHS:
        truth = _TRUTHS[text.lower()]
        shown = described_plainly(truth)
        return _Advice(f"remove the quotes: {shown}" if shown == text else f"write {shown}", truth)
    if error.kind is list and text.lower() in _EVERYBODY:
        if path[-1] == "sshFrom":
            return _Advice("remove the key: by default it is all VLANs")
        vlans = document.node(SpecPath.of("networks", "vlans"))
        names = list(vlans.entries) if isinstance(vlans, Mapping) else []
        return _Advice(f"name them all: [{', '.join(names)}]")
    if error.kind is list and re.match(r"-[^\s-]", text):
        return _Advice(_DASH)
    if error.kind is list:
        return _Advice(f"write a list: [{text}]")
    if error.kind is dict:
        return _of_mapping(text, error, path)
    if re.search(r"\s//", text):
        return _Advice("a comment begins with #")
    if error.kind is int and (match := re.fullmatch(r"([0-9]{1,9})[,;]", text)):
        return _Advice(f"remove the {'comma' if text[-1] == ',' else 'semicolon'}", int(match[1]))
    if error.kind is int and (match := _PUBLISHED.fullmatch(text)):
        return _Advice(f"write the port in the container alone: {int(match[1])}; `expose` leads to it")
    if error.kind is int and (match := re.fullmatch(r"([0-9]{1,9}) ?[A-Za-z]+", text)):
        return _Advice(f"write the number alone: {int(match[1])}")
    return _Advice()


def described_plainly(value: object) -> str:
    """Return a number or truth value as YAML writes it."""
    return str(value).lower()


def described(value: object) -> str:
    """Return what a value is, in a message."""
    match value:
        case None:
            return "empty"
        case bool():
            return described_plainly(value)
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case Ambiguous(text):
            return repr(text)
    return repr(value)

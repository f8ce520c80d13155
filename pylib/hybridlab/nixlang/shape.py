"""The one-line form of a node, and what the layout needs to know of a node's shape.

It writes no line breaks and decides nothing about indentation; `printer` does both.
"""

from typing import TypeGuard

from hybridlab.nixlang.ast import (
    AttrSet,
    Call,
    Expr,
    Lambda,
    ListItem,
    NixBool,
    NixFloat,
    NixInt,
    NixList,
    NixNull,
    NixPath,
    NixString,
    Ref,
    Simple,
    Update,
    Value,
)
from hybridlab.nixlang.names import is_identifier, print_path
from hybridlab.nixlang.strings import string_lines


def flat(node: Expr, room: int) -> str | None:
    """Return `node` on one line of at most `room` characters, or None if it does not fit or must be open."""
    if room <= 0:
        return None
    match node:
        case NixString(text):
            lines = string_lines(text)
            line = lines[0] if len(lines) == 1 else None
        case NixList(items=()):
            line = "[ ]"
        case NixList(items=(ListItem(value, None, None),)):
            line = _around("[ ", flat_operand(value, room - 4), " ]")
        case AttrSet(entries=()):
            line = "{ }"
        case Call():
            head = call_head(node)
            line = _around(f"{head} ", flat_operand(node.arguments[-1], room - len(head) - 1), "")
        case Lambda(parameter, body):
            line = _around(f"{parameter}: ", flat(body, room - len(parameter) - 2), "")
        case Update(base, AttrSet(entries=())):
            line = f"{print_path(base.parts)} // {{ }}"
        case _:
            line = simple(node) if is_simple(node) else None
    return line if line is not None and len(line) <= room else None


def flat_operand(node: Value, room: int) -> str | None:
    """Return `node` on one line as a list's item or an argument: in parentheses, if it needs them."""
    if needs_parentheses(node):
        return _around("(", flat(node, room - 2), ")")
    return flat(node, room)


def _around(before: str, line: str | None, after: str) -> str | None:
    return None if line is None else before + line + after


def is_simple(node: Expr) -> TypeGuard[Simple]:
    return isinstance(node, Simple)


def simple(node: Simple) -> str:
    """Return a string, a number, a word, a path or a reference, as it stands anywhere on a line."""
    match node:
        case NixString(text):
            return string_lines(text, multiline=False)[0]
        case NixInt(value):
            return str(value)
        case NixFloat(value):
            return _float(value)
        case NixBool(value):
            return "true" if value else "false"
        case NixNull():
            return "null"
        case NixPath(path):
            return path
        case Ref(parts):
            return print_path(parts)


def _float(value: float) -> str:
    """Return the shortest text that reads back as `value`, with the dot that makes it a float for Nix."""
    digits, exponent, power = repr(value).partition("e")
    return digits + ("" if "." in digits else ".0") + exponent + power


def call_head(call: Call) -> str:
    """Return the function and every argument but the last."""
    return " ".join([print_path(call.function.parts), *(simple(first) for first in call.arguments[:-1])])


def needs_parentheses(node: Value) -> bool:
    """Say whether `node` as a list's item or an argument would fall apart without parentheses."""
    match node:
        case Call() | Lambda() | Update():
            return True
        case NixInt(value) | NixFloat(value):
            return value < 0
        case _:
            return False


def is_block(node: Expr) -> bool:
    """Say whether `node` opens with a bracket, a brace or a quote pair and closes on a line of its own."""
    match node:
        case AttrSet(entries) | NixList(items=entries):
            return bool(entries)
        case NixString(text):
            return len(string_lines(text)) > 1
        case _:
            return False


def is_plain(node: Value) -> bool:
    """Say whether nixfmt keeps `node` on one line however long: a plain word, or a call of plain words."""
    match node:
        case NixString() | NixPath():
            return True
        case NixInt() | NixFloat() | NixBool() | NixNull():
            return not needs_parentheses(node)
        case Ref(parts):
            return all(map(is_identifier, parts))
        case Call(function, arguments):
            return all(map(is_plain, (function, *arguments)))
        case _:
            return False


def opening(node: Expr) -> str | None:
    """Return how the line ends on which `node` is opened, or None if it must start on a line of its own."""
    match node:
        case AttrSet() if is_block(node):
            return "{"
        case NixList() if is_block(node):
            return "["
        case NixString() if is_block(node):
            return "''"
        case Call(arguments=(*_, last)):
            return _around(f"{call_head(node)} ", _opening_argument(last), "")
        case Lambda(parameter, body) if is_block(body):
            return _around(f"{parameter}: ", opening(body), "")
        case Update(base, overrides) if is_block(overrides):
            return f"{simple(base)} // {{"
        case _:
            return None


def _opening_argument(node: Value) -> str | None:
    if is_compact(node):
        return _around("(", opening(node), "")
    return "(" if needs_parentheses(node) else opening(node)


def is_compact(node: Value) -> bool:
    """Say whether nixfmt keeps `(` and what follows together: `(name: {`, or a bare function's `(f {`."""
    match node:
        case Lambda(_, body):
            return is_block(body)
        case Call(Ref((_,)), (only,)):
            return is_block(only)
        case _:
            return False

"""From syntax tree to text, as nixfmt (RFC 166 style, 1.0 to 1.4) leaves it alone.

Layout is decided locally: on one line if a node may stand so and fits, else opened where it starts. What may
stand on one line is `shape`'s to say; here it is decided where lines break.
"""

from typing import Final

from hybridlab.nixlang.ast import (
    AttrSet,
    Binding,
    Call,
    Entry,
    Expr,
    File,
    Function,
    Inherit,
    Lambda,
    Let,
    ListItem,
    NixList,
    NixPath,
    NixString,
    Ref,
    Update,
    Value,
)
from hybridlab.nixlang.build import nix
from hybridlab.nixlang.comments import comment_lines, trailing_comment
from hybridlab.nixlang.names import is_identifier, print_path
from hybridlab.nixlang.page import BLANK_LINE, WIDTH, Page, Steps
from hybridlab.nixlang.shape import (
    call_head,
    flat,
    flat_operand,
    is_block,
    is_compact,
    is_plain,
    needs_parentheses,
    opening,
    simple,
)
from hybridlab.nixlang.strings import string_lines

_STEP: Final = 2


def dumps(value: object) -> str:
    """Return plain Python data, or a node, as Nix text that ends in a newline; errors are those of `nix`."""
    return print_expr(nix(value)) + "\n"


def print_expr(expression: Expr, indent: int = 0) -> str:
    """Return the text of an expression: its first line bare, the others with `indent` blanks before them."""
    layout = _Layout()
    layout.page.write(layout.expression(expression, indent, 0))
    return layout.page.text


def print_file(file: File) -> str:
    """Return the whole text of a file: a blank line after its head, one newline at its end."""
    head = [f"{line}\n" for text in file.header for line in comment_lines(text)]
    return "".join(head) + ("\n" if head else "") + print_expr(file.expression) + "\n"


class _Layout:
    """Where lines break.

    In every method, `indent` is the indentation of the line on which the node starts, and `after` the number
    of characters that must follow it on its last line.
    """

    def __init__(self) -> None:
        self.page = Page()

    def expression(self, node: Expr, indent: int, after: int) -> Steps:
        """Print a node from where the page stands: on this line if it fits, else opened here."""
        if (line := flat(node, self.page.room(after))) is not None:
            yield line
            return
        match node:
            case NixString(text):
                yield self.string(text, indent)
            case AttrSet(entries):
                yield "{"
                yield self.entries(entries, indent + _STEP)
                yield indent
                yield "}"
            case NixList(items):
                yield "["
                yield self.items(items, indent + _STEP)
                yield indent
                yield "]"
            case Call():
                yield self.call(node, indent, after)
            case Lambda(parameter, body):
                yield f"{parameter}:"
                yield " " if is_block(body) else indent
                yield self.expression(body, indent, after)
            case Update(base, overrides):
                yield simple(base)
                yield indent
                yield "// "
                yield self.expression(overrides, indent, after)
            case Let(entries, body):
                yield "let"
                yield self.entries(entries, indent + _STEP)
                yield indent
                yield "in"
                yield indent
                yield self.expression(body, indent, after)
            case Function(parameters, body):
                yield self.function(parameters, body, indent, after)
            case _:
                yield simple(node)

    def string(self, text: str, indent: int) -> Steps:
        first, *lines = string_lines(text)
        yield first
        for line in lines[:-1]:
            yield indent + _STEP if line else BLANK_LINE
            yield line
        if lines:
            yield indent
            yield lines[-1]

    def entries(self, entries: tuple[Entry, ...], indent: int) -> Steps:
        for index, entry in enumerate(entries):
            yield self.above(entry, indent, first=index == 0)
            trailing = trailing_comment(entry.trailing)
            after = _counted(trailing)
            match entry:
                case Binding():
                    yield self.binding(entry, indent, after + len(";"))
                case Inherit(names, source):
                    yield self.inherit(names, source, indent, after)
            yield trailing

    def items(self, items: tuple[ListItem, ...], indent: int) -> Steps:
        for index, item in enumerate(items):
            yield self.above(item, indent, first=index == 0)
            trailing = trailing_comment(item.trailing)
            yield self.item(item.value, indent, _counted(trailing))
            yield trailing

    def above(self, part: Entry | ListItem, indent: int, *, first: bool) -> Steps:
        """Start the line of a part of a set or a list, after the blank line and the comments before it."""
        if part.blank_before and not first:
            yield BLANK_LINE
        for line in comment_lines(part.comment) if part.comment else ():
            yield indent
            yield line
        yield indent

    def binding(self, binding: Binding, indent: int, after: int) -> Steps:
        yield f"{print_path(binding.path)} ="
        hanging = indent + _STEP
        match binding.value, self.hangs(binding, after):
            case Call() as call, True if not is_plain(call):
                yield hanging
                yield self.broken_call(call, hanging)
            case value, True:
                yield hanging
                yield self.expression(value, hanging, after)
            case Update(base, overrides), False if is_block(overrides):
                yield f" {simple(base)} // "
                yield self.expression(overrides, indent, after)
            case value, False:
                yield " "
                yield self.expression(value, indent, after)
        yield ";"

    def hangs(self, binding: Binding, after: int) -> bool:
        """Say whether the value starts on the line after the `=` at which the page stands."""
        path, value, room = binding.path, binding.value, self.page.room(len(" "))
        start = opening(value)
        if flat(value, room - after) is not None or (start is not None and len(start) <= room):
            return False
        if is_block(value) or isinstance(value, NixString | NixPath) or _is_plain_call(value):
            # A line break after the `=` would gain little, unless what stands before it is long.
            return len(path) > 4 or not all(map(is_identifier, path))
        return True

    def inherit(self, names: tuple[str, ...], source: Ref | None, indent: int, after: int) -> Steps:
        head = f"inherit ({simple(source)})" if source else "inherit"
        line = " ".join((head, *names)) + ";"
        if len(names) <= 3 and len(line) <= self.page.room(after):
            yield line
            return
        yield head
        for part in (*names, ";"):
            yield indent + _STEP
            yield part

    def function(self, parameters: tuple[str, ...], body: Expr, indent: int, after: int) -> Steps:
        header = "{ " + ", ".join((*parameters, "...")) + " }:"
        if len(parameters) <= 2 and len(header) <= WIDTH:
            yield header
            yield indent if flat(body, self.page.room(after) - 1) is None else " "
        else:
            yield "{"
            for parameter in parameters:
                yield indent + _STEP
                yield f"{parameter},"
            yield indent + _STEP
            yield "..."
            yield indent
            yield "}:"
            yield indent
        yield self.expression(body, indent, after)

    def item(self, node: Value, indent: int, after: int) -> Steps:
        """Print a list's item."""
        if (line := flat_operand(node, self.page.room(after))) is not None:
            yield line
        elif isinstance(node, Call):
            yield "("
            runs_on = self.runs_on(node)
            yield self.call(node, indent, after + 1)
            if not runs_on:
                yield indent
            yield ")"
        else:
            yield self.operand(node, indent, after)

    def argument(self, node: Value, indent: int, after: int) -> Steps:
        """Print the last argument of a call."""
        line = flat_operand(node, self.page.room(after))
        yield self.operand(node, indent, after) if line is None else line

    def operand(self, node: Value, indent: int, after: int) -> Steps:
        """Print what does not fit on this line, in parentheses if it needs them."""
        if not needs_parentheses(node):
            yield self.expression(node, indent, after)
        elif is_compact(node):
            yield "("
            yield self.expression(node, indent, after + 1)
            yield ")"
        else:
            yield "("
            yield indent + _STEP
            yield self.expression(node, indent + _STEP, 0)
            yield indent
            yield ")"

    def call(self, call: Call, indent: int, after: int) -> Steps:
        if self.runs_on(call):
            yield f"{call_head(call)} "
            yield self.argument(call.arguments[-1], indent, after)
        else:
            yield self.broken_call(call, indent)

    def runs_on(self, call: Call) -> bool:
        """Say whether a call that does not fit on this line starts on it all the same."""
        start = opening(call)
        return is_plain(call) or (start is not None and len(start) <= self.page.room())

    def broken_call(self, call: Call, indent: int) -> Steps:
        """Print a call with its last argument on a line of its own, and the other one too if it is long."""
        head = call_head(call)
        if len(head) <= self.page.room():
            yield head
        else:
            yield simple(call.function)
            for first in call.arguments[:-1]:
                yield indent + _STEP
                yield simple(first)
        yield indent + _STEP
        yield self.argument(call.arguments[-1], indent + _STEP, 0)


def _is_plain_call(value: Value | Let) -> bool:
    return isinstance(value, Call) and is_plain(value)


def _counted(trailing: str) -> int:
    """Return what a trailing comment takes of a line's width for nixfmt: the blank before it."""
    return 1 if trailing else 0

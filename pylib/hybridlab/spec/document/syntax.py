"""What ruamel.yaml's complaints mean to who wrote the file: the line that is wrong, and how to mend it.

A reader of YAML stops where it can not go on, often one line after the slip. Nothing here knows a spec.
"""

import re
from collections.abc import Sequence

from attrs import frozen

_BLANKS = "[\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000]+"  # that YAML takes for letters
_STRANGE = re.compile(rf"[ \t]*({_BLANKS})")
_JOINED = re.compile(r"\s*(?:- +)?([A-Za-z][\w-]*):([^\s:/].*)")
_ASSIGNED = re.compile(r"(?:- +)?([A-Za-z][\w.-]*) *= *(\S.*)")
_KEY = re.compile(r".*?(?::(?:[ \t]|$)|(?:^|\s)#)")
_MERGE = re.compile(r"(?:<{7}|={7}|>{7}|\|{7})(?:\s.*)?")
_COMMENT = re.compile(r"(//|/\*|--|;)")
_HARD = re.compile(rf"\s*(?:- +)?[\w.-]+:({_BLANKS})")
_STUCK = re.compile(r"-([^\s-].*)")
_CLOSING = {"}": "{", "]": "["}


@frozen
class Explained:
    """What is wrong, and what to do about it; `line` and `column`, from 0, where that is another place."""

    problem: str
    hint: str | None = None
    line: int | None = None
    column: int = 0


def explained(lines: Sequence[str], problem: str, line: int, column: int, context: int | None) -> Explained:
    """Return what `problem` at a place, counted from 0, says; `context` is the line where its part began."""
    above = _above(lines, line)
    for number in (line, above):
        if number is not None and (match := _STRANGE.match(_at(lines, number))):
            wrong = f"this blank is U+{ord(match[1][0]):04X}, which indents nothing"
            return Explained(wrong, "replace it with ordinary blanks", number, match.start(1))
    first = min(number for number in (line, above, context) if number is not None)
    for number in range(first, line + 1):
        if _MERGE.fullmatch(_at(lines, number)):
            wrong = f"git left {_at(lines, number)[:7]} here, where it could not merge two versions"
            return Explained(wrong, "keep what is right of both, and remove the lines with marks", number)
    match problem:
        case _ if problem.startswith("expected alphabetic or numeric character"):
            return _no_name(lines, line, column)
        case "could not find expected ':'" if context is not None:
            return _no_key(lines, context) or Explained(
                problem, "write `key: value`", context, _indent(lines, context)
            )
        case "mapping values are not allowed here":
            return _no_place_for_a_key(lines, line, column)
        case "found unexpected end of stream" if context is not None:
            return Explained(
                "the quote that opens here is never closed", "close it", context, _quote(lines, context)
            )
    return Explained(problem, _hint(problem, line, context))


def _hint(problem: str, line: int, context: int | None) -> str | None:
    if "'\\t'" in problem:
        return "YAML is indented with blanks"
    if "cannot start any token" in problem:
        return "put the text in quotes"
    if match := re.match(r"expected ',' or '([]}])'", problem):
        if context is not None and context < line:
            return f"close the {_CLOSING[match[1]]} of line {context + 1} with {match[1]}"
        return "put a comma between the entries, or text in quotes"
    if problem == "expected <block end>, but found '<scalar>'":
        return "put the whole value in quotes"
    if problem.startswith("expected <block end>, but found '<block"):
        return "indent it exactly as the lines that it belongs to"
    if re.match(r"expected <block end>, but found '[]},]'", problem):
        return "there is no bracket open that this could close"
    if problem.startswith("expected <block end>, but found"):
        return "a list's items and a mapping's keys do not stand side by side"
    return None


def _no_place_for_a_key(lines: Sequence[str], line: int, column: int) -> Explained:
    """Return why a colon is not expected: it is in a value, or the line before is no `key: value`."""
    above = _above(lines, line)
    if _KEY.match(_at(lines, line)[:column]):
        return Explained("a value has a colon and a blank in it", "put the whole value in quotes")
    if above is not None and not _KEY.match(_at(lines, above)) and (found := _no_key(lines, above)):
        return found
    if above is not None and _indent(lines, above) < _indent(lines, line):
        problem = "this key is indented further than the one above, which has a value"
        return Explained(problem, "indent both alike")
    return Explained(
        "a key stands where none can be", "put the text in quotes, or the key on a line of its own"
    )


def _no_key(lines: Sequence[str], line: int) -> Explained | None:
    """Return what is wrong with a line that should be `key: value`; None if it may be all right."""
    text, start = _at(lines, line), _indent(lines, line)
    if match := _COMMENT.match(text.strip()):
        return Explained(f"{match[1]} begins no comment here", "begin it with #", line, start)
    if match := _HARD.match(text):
        wrong = f"the blank behind the colon is U+{ord(match[1][0]):04X}, which ends no key"
        return Explained(wrong, "replace it with an ordinary blank", line, match.start(1))
    if match := _STUCK.fullmatch(text.strip()):
        return Explained("there is no blank behind the dash", f"write `- {match[1]}`", line, start)
    if match := _JOINED.fullmatch(text):
        return Explained(
            "there is no blank behind the colon", f"write `{match[1]}: {match[2].strip()}`", line, start
        )
    if match := _ASSIGNED.fullmatch(text.strip()):
        value = match[2].removesuffix(";").rstrip()
        return Explained("this is not how YAML writes a key", f"write `{match[1]}: {value}`", line, start)
    if text.strip().startswith(("-", "#")):
        return None
    return Explained("this line is no `key: value`", "put a colon and a blank behind its key", line, start)


def _no_name(lines: Sequence[str], line: int, column: int) -> Explained:
    """Return what is wrong with a * or & that no name follows."""
    sign = _at(lines, line)[column - 1 : column]
    what = "an alias" if sign == "*" else "an anchor"
    return Explained(
        f"a value that begins with {sign} is {what}, which has a name",
        "put the text in quotes",
        line,
        column - 1,
    )


def _above(lines: Sequence[str], line: int) -> int | None:
    """Return the nearest line above that is not empty."""
    return next(
        (number for number in range(min(line, len(lines)) - 1, -1, -1) if lines[number].strip()), None
    )


def _at(lines: Sequence[str], line: int) -> str:
    return lines[line].rstrip("\r") if line < len(lines) else ""


def _indent(lines: Sequence[str], line: int) -> int:
    text = _at(lines, line)
    return len(text) - len(text.lstrip())


def _quote(lines: Sequence[str], line: int) -> int:
    """Return where the first quote of a line is that may open a value."""
    match = re.search(r"(?:^|[\s\[{,:-])([\"'])", _at(lines, line))
    return match.start(1) if match else _indent(lines, line)

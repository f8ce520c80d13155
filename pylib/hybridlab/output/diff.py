"""Unified diffs of what a plan changes, and of what someone edited; safe to show on a terminal."""

import difflib
import io
from collections.abc import Iterator

from hybridlab.output.action import Change, Create, Edited, Foreign, Remove, Update
from hybridlab.output.plan import Plan


def diff_plan(plan: Plan) -> str:
    """Return the diff from the folder to what is generated: every change of `plan`, without the index."""
    return "".join(diff_change(change) for change in plan.changes)


def diff_change(change: Change) -> str:
    """Return the diff of one change, from the file on disk to the generated one."""
    match change:
        case Create(path, wanted):
            return diff_content("/dev/null", b"", f"b/{path}", wanted)
        case Update(path, found, wanted):
            return diff_content(f"a/{path}", found, f"b/{path}", wanted)
        case Remove(path, found):
            return diff_content(f"a/{path}", found, "/dev/null", b"")


def diff_conflict(conflict: Edited | Foreign) -> str:
    """Return the diff from what is generated to what someone else made of it, which stands on disk."""
    wanted, found = conflict.wanted, conflict.found
    if wanted is None:
        return diff_content("/dev/null", b"", f"b/{conflict.path}\ton disk, no longer generated", found)
    return diff_content(f"a/{conflict.path}\tgenerated", wanted, f"b/{conflict.path}\ton disk", found)


def diff_content(old_name: str, old: bytes, new_name: str, new: bytes) -> str:
    """Return the diff of two contents of a file; empty for the same."""
    hunks = list(difflib.unified_diff(_lines(old), _lines(new)))[2:]
    return "".join(_printed([f"--- {old_name}\n", f"+++ {new_name}\n", *hunks]))


def _lines(content: bytes) -> list[str]:
    """Split at line feeds only: other separators are content. Bytes that are not UTF-8 become surrogates."""
    return [line.decode(errors="surrogateescape") for line in io.BytesIO(content)]


def _printed(lines: list[str]) -> Iterator[str]:
    for line in lines:
        text = line.removesuffix("\n")
        yield "".join(c if c == "\t" or c.isprintable() else _escaped(c) for c in text) + "\n"
        if text == line:
            yield "\\ No newline at end of file\n"


def _escaped(character: str) -> str:
    """Return `\\x1b` and the like: for what could steer a terminal, and for a byte that is not UTF-8."""
    code = ord(character)
    undecoded = 0xDC80 <= code <= 0xDCFF
    return f"\\x{code - 0xDC00:02x}" if undecoded else character.encode("unicode_escape").decode()

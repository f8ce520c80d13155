"""Reads why Nix refuses a flake: its last error, and the user's files that it names."""

import re
from collections.abc import Iterator
from pathlib import Path

from hybridlab.diagnostic import SourceSpan
from hybridlab.live.deep.files import Files
from hybridlab.model.evaluated import NotEvaluated

# In its errors, what is the matter comes last, after the places that led there.
_ERROR = re.compile(r"^\s*error:\s*(?=\S)", re.MULTILINE)
# Where the message of an error ends: an excerpt, advice, an empty line.
_END = re.compile(r"^\s*(?:\(use '--show-trace'|at \S+:\d+:\d+:|\d+\||…|$)")
_FILE = re.compile(r"(/[^\s'`:]+\.nix)(?::(\d+):(\d+))?")
_MOST_TEXT = 800
_MOST_PLACES = 2


def refusal(said: str, folder: Path) -> NotEvaluated:
    """Return what is the matter with the flake in `folder`, from what Nix said on standard error."""
    starts = [match.end() for match in _ERROR.finditer(said)]
    text = " ".join(_message(said[starts[-1] :] if starts else said)) or "it does not say why"
    places: dict[str, SourceSpan] = {}
    for file, span in _places(said, folder):
        places[span.file] = span
        text = text.replace(file, span.file)
    last = tuple(places.values())[-_MOST_PLACES:]
    return NotEvaluated(text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…", last)


def _message(rest: str) -> Iterator[str]:
    for number, line in enumerate(rest.splitlines()):
        if number and _END.match(line):
            return
        if line.strip():
            yield line.strip()


def _places(said: str, folder: Path) -> Iterator[tuple[str, SourceSpan]]:
    """Yield the user's files that an error names, as it has them and as they are, in its order."""
    for match in _FILE.finditer(said):
        file = match[1]
        store = re.match(r"(/.*?)/[0-9a-z]{32}-", file)
        own = Files(folder, store[1] if store else "/nix/store").own(file)
        if own is None:
            continue
        line, column = int(match[2] or 1), int(match[3] or 1)
        lines = own.read_text(encoding="utf-8", errors="replace").splitlines()
        is_there = match[2] is not None and line <= len(lines)
        yield file, SourceSpan(str(own), line, column, 1, lines[line - 1] if is_there else "")

"""The text of a spec's file: read with care, and places in it."""

import stat
from pathlib import Path
from typing import NoReturn

from hybridlab.diagnostic import Diagnostic, Related, Report, Severity, SourceSpan
from hybridlab.errors import SpecError
from hybridlab.spec.scalars import hidden_character, withheld

MAX_BYTES = 16 * 2**20  # 10,000 machines take about 2 MiB


def read_content(path: Path, name: str) -> bytes:
    """Return what is in the file at `path`, or a little more of it than `decoded` takes.

    Raises: SpecError when it can not be read, or is no regular file: a pipe would be waited for.
    """
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise OSError(None, "it is a pipe or device")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        fail("SPEC001", f"can not read {name}: {reason}", SourceSpan(name, 1, 1))


def decoded(content: bytes, name: str) -> str:
    """Return the text of a file's content, without a byte order mark.

    Raises: SpecError when it is too large, not UTF-8, or has characters that nobody sees.
    """
    if len(content) > MAX_BYTES:
        fail("SPEC001", f"{name} is larger than {MAX_BYTES // 2**20} MiB", SourceSpan(name, 1, 1))
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        wrong = f"byte 0x{content[error.start]:02x} is not UTF-8 text"
        fail("SPEC002", wrong, span_at(before, len(before), name), "save the file as UTF-8")
    return readable(text, name)


def readable(text: str, name: str) -> str:
    """Return `text` without a byte order mark; SpecError if a person would not see all of it."""
    text = text.removeprefix("\ufeff")
    # A carriage return is fine as half of a Windows line end; the readers fold it away.
    if hidden := hidden_character(text.replace("\r\n", " \n")):
        index, char = hidden
        remedy = "remove it, or write it as an escape"
        fail("SPEC002", f"invisible character {char}", span_at(text, index, name), remedy)
    return text


def span_at(text: str, index: int, name: str, width: int = 1) -> SourceSpan:
    """Return the place of `text[index]`, `width` characters wide at most."""
    text = withheld(text)
    start = text.rfind("\n", 0, index) + 1
    end = text.find("\n", index)
    line = text[start:end].removesuffix("\r") if end >= 0 else text[start:]
    column = index - start + 1
    return SourceSpan(
        name, text.count("\n", 0, index) + 1, column, max(1, min(width, len(line) - column + 1)), line
    )


def fail(
    code: str, message: str, span: SourceSpan, hint: str | None = None, related: tuple[Related, ...] = ()
) -> NoReturn:
    """Raise the one error that ends the reading of a document; it tells no secret that stands in a name."""
    told = withheld(message)
    raise SpecError(
        Report.of([Diagnostic(code, Severity.ERROR, told, hint=hint, span=span, related=related)])
    )

"""Findings as SARIF 2.1.0 (OASIS), which code scanning and editors read.

A place is relative to the folder in which hybridlab runs; of the source no line is copied.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from hybridlab._version import __version__
from hybridlab.cli.formats.objects import to_json
from hybridlab.cli.terminal import safe
from hybridlab.diagnostic import Diagnostic, Report, Severity, SourceSpan, SpecPath
from hybridlab.rules.codes import EXPLAINED, Code, Explained
from hybridlab.rules.page import explanation

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}
_ROOT = "file:///"

Object = dict[str, object]


def sarif(report: Report) -> str:
    """Return the log of one run, with the findings that the spec waives as suppressed ones."""
    found = [
        *((diagnostic, None) for diagnostic in report),
        *((waived.diagnostic, waived.reason) for waived in report.waived),
    ]
    codes = {code: index for index, code in enumerate(sorted({diagnostic.code for diagnostic, _ in found}))}
    fingerprints = _fingerprints(diagnostic for diagnostic, _ in found)
    results = [
        _result(diagnostic, codes, fingerprint, reason)
        for (diagnostic, reason), fingerprint in zip(found, fingerprints, strict=True)
    ]
    driver = {"name": "hybridlab", "version": __version__, "rules": [_descriptor(code) for code in codes]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return to_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _descriptor(code: str) -> Object:
    explained = EXPLAINED.get(code)
    if explained is None:
        return {"id": code}
    description = _long_description(explained)
    return {
        "id": code,
        "name": explained.name,
        "shortDescription": {"text": explained.summary},
        "fullDescription": {"text": description},
        "help": {"text": description, "markdown": explanation(explained)},
        "defaultConfiguration": {"level": _LEVELS[explained.severity]},
    }


def _long_description(explained: Explained) -> str:
    if isinstance(explained, Code):
        return f"{explained.summary} {explained.remedy}"
    return explained.rationale


def _result(diagnostic: Diagnostic, codes: Mapping[str, int], fingerprint: str, waived: str | None) -> Object:
    places = [
        {"id": number, "message": {"text": _text(other.message)}, **_location(other.span, other.path)}
        for number, other in enumerate(diagnostic.related, 1)
    ]
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": codes[diagnostic.code],
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": "\n".join(_message(diagnostic))},
        "locations": [_location(diagnostic.span, diagnostic.path)],
        "relatedLocations": places,
        "partialFingerprints": {"hybridlabPlace/v1": fingerprint},
        "suppressions": [] if waived is None else [{"kind": "inSource", "justification": safe(waived)}],
    }


def _message(diagnostic: Diagnostic) -> Iterator[str]:
    yield _text(diagnostic.message)
    for number, other in enumerate(diagnostic.related, 1):
        yield f"see [{_link_text(other.message)}]({number})"
    if diagnostic.hint:
        yield f"hint: {_text(diagnostic.hint)}"


def _text(text: str) -> str:
    """Return `text` without placeholders (3.11.5) and links (3.11.6), which nobody meant.

    The standard has every brace doubled; but what reads SARIF leaves those alone that are no placeholder, and
    would show YAML that nobody can write.
    """
    return re.sub(r"\{([0-9]+)\}", r"{{\1}}", safe(text)).replace("](", "] (")


def _link_text(text: str) -> str:
    return _text(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _location(span: SourceSpan | None, path: SpecPath) -> Object:
    location: Object = {"logicalLocations": [{"fullyQualifiedName": safe(str(path))}]}
    if span is not None:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": _uri(span.file)},
            "region": {
                "startLine": span.line,
                "startColumn": span.column,
                "endColumn": span.column + span.width,
            },
        }
    return location


def _uri(file: str) -> str:
    """Return the URI of a file: relative, unless it lies elsewhere; the standard refuses `..` (3.10.2)."""
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts:
        return PurePosixPath(os.path.realpath(file)).as_uri()
    return (PurePosixPath("/") / path).as_uri().removeprefix(_ROOT)


def _fingerprints(diagnostics: Iterable[Diagnostic]) -> Iterator[str]:
    """Yield what stays the same of each finding when lines move, and differs from that of every other."""
    seen: Counter[str] = Counter()
    for diagnostic in diagnostics:
        place = f"{diagnostic.code} {diagnostic.path}"
        content = f"{place} {seen[place]}".encode(errors="backslashreplace")
        seen[place] += 1
        yield hashlib.sha256(content).hexdigest()[:32]

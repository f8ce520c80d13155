"""Findings as plain objects, in JSON, for a program."""

import json

from hybridlab.diagnostic import Report, SourceSpan, SpecPath


def objects(report: Report) -> str:
    """Return the list of all findings as JSON."""
    return to_json(as_objects(report))


def to_json(value: object) -> str:
    """Return `value` as JSON that is safe to print: whatever is no visible ASCII in a text is escaped."""
    return json.dumps(value, indent=2) + "\n"


def as_objects(report: Report) -> list[dict[str, object]]:
    """Return every finding as a plain object; places count from 1, and are null where nothing is known."""
    return [
        {
            "code": diagnostic.code,
            "severity": diagnostic.severity.value,
            "message": diagnostic.message,
            "hint": diagnostic.hint,
            "fix": diagnostic.fix and diagnostic.fix.what,
            **_place(diagnostic.span, diagnostic.path),
            "related": [
                {"message": other.message, **_place(other.span, other.path)} for other in diagnostic.related
            ],
        }
        for diagnostic in report
    ]


def _place(span: SourceSpan | None, path: SpecPath) -> dict[str, object]:
    return {
        "path": list(path),
        "file": span and span.file,
        "line": span and span.line,
        "column": span and span.column,
        "width": span and span.width,
    }

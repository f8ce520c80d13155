"""What checks came to as JUnit's XML, which CI shows: a suite for each phase, a case for each check."""

import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from hybridlab.live.checks.check import CouldNotLook, Failed, Ok, Phase, Result, Skipped

# What XML 1.0 has no way to write (production Char), not even escaped.
_IMPOSSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(results: Iterable[Result]) -> str:
    """Return the document. Could not look is an `error`; what XML can not hold becomes U+FFFD."""
    results = tuple(results)
    root = Element("testsuites", {"name": "hybridlab verify", **_counts(results)})
    for phase in Phase:
        members = [result for result in results if result.check.phase is phase]
        if members:
            suite = SubElement(root, "testsuite", {"name": phase.value, **_counts(members)})
            for result in members:
                _add_case(suite, result)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _counts(results: Sequence[Result]) -> dict[str, str]:
    kinds = {"failures": Failed, "errors": CouldNotLook, "skipped": Skipped}
    counts = {
        name: str(sum(isinstance(result.verdict, kind) for result in results)) for name, kind in kinds.items()
    }
    return {"tests": str(len(results)), **counts}


def _add_case(suite: Element, result: Result) -> None:
    check = result.check
    about = ".".join(part for part in (check.phase.value, check.key.machine) if part)
    case = SubElement(
        suite, "testcase", {"classname": _possible(about), "name": _possible(f"{check.title} [{check.key}]")}
    )
    match result.verdict:
        case Ok(found):
            if found:
                SubElement(case, "system-out").text = _possible(found)
        case Failed(expected, found, advice):
            said = f"expected {expected}, found {found}"
            SubElement(case, "failure", {"message": _possible(said)}).text = _possible(advice)
        case Skipped(reason):
            SubElement(case, "skipped", {"message": _possible(reason)})
        case CouldNotLook(reason):
            SubElement(case, "error", {"message": _possible(reason)})


def _possible(text: str) -> str:
    return _IMPOSSIBLE.sub("\N{REPLACEMENT CHARACTER}", text)

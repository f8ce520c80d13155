"""The caret does not depend on how a cluster is written: line ends, comments, quotes, flow style."""

import json
import re

import pytest

from corpus.corpus import SPEC, Files, case_slugs, load_case, report, underlined
from hybridlab.spec.document import Ambiguous, parse_document, to_data

every_case = pytest.mark.parametrize("slug", case_slugs())
Said = list[tuple[str, str, str]]


def said(files: Files) -> Said:
    """Return code, path and underlined text, without its quotes, of everything that is said."""
    return sorted((one.code, str(one.path), underlined(one)) for one in report(files))


def disguised(text: str) -> str:
    """Return the text as Windows has it, with wide characters, tabs and a family in comments."""
    value = re.compile(r"\s*[\w.-]+:( [\w./-]+)?")
    lines = [f"{line} # 漢字\tund 👩‍👩‍👧 ñ" if value.fullmatch(line) else line for line in text.split("\n")]
    return "\ufeff# 前置き\t\r\n\r\n" + "\r\n".join(lines)


@every_case
def test_line_ends_marks_and_comments_move_no_caret(slug: str) -> None:
    files = load_case(slug).files()
    text = files[SPEC]
    if re.search(r"[|>][-+]?[0-9]?\n", text) or re.search("[\t\r\ufeff]", text) or text.startswith("%"):
        pytest.skip("what looks like a comment there may be text")
    before = said(files)
    if any(code in ("SPEC002", "SPEC003") for code, _, _ in before):
        pytest.skip("where it stops being YAML depends on what is around")
    assert said({**files, SPEC: disguised(text)}) == before


@every_case
def test_flow_style_has_its_carets_under_the_same_values(slug: str) -> None:
    files = load_case(slug).files()
    before = said(files)
    if any(re.match("SPEC0", code) for code, _, _ in before):
        pytest.skip("it is no document whose data could be written in another way")
    document = parse_document(files[SPEC], name=SPEC)
    text = json.dumps(to_data(document.root), ensure_ascii=False, indent=1, default=_shown)
    found = said({**files, SPEC: text})
    assert [(code, path) for code, path, _ in found] == [(code, path) for code, path, _ in before]
    for (_, path, then), (_, _, now) in zip(before, found, strict=True):
        assert path == "the spec" or _is_same(then, now), path


def _is_same(then: str, now: str) -> bool:
    """Whether two texts under a caret are one value; of several lines only the first is underlined."""
    if then in ("|", ">", "") or now in ("{", "null"):
        return True
    return now.startswith(then) or json.loads(then) == json.loads(now)


def _shown(value: object) -> object:
    if isinstance(value, Ambiguous):
        pytest.skip("what YAML readers disagree about can not be written as JSON")
    raise TypeError(value)

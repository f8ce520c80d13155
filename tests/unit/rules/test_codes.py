"""Every code is explained, once, and is one that a finding can have."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hybridlab
from hybridlab.rules import codes
from hybridlab.rules.codes import EXPLAINED, OTHER_CODES, Code
from hybridlab.rules.deep.registry import DEEP_RULES
from hybridlab.rules.page import rules_page
from hybridlab.rules.registry import ALL_RULES

SOURCES = Path(hybridlab.__file__).parent
LOOKS_LIKE_A_CODE = re.compile(r"(?!RFC)[A-Z][A-Z0-9]{1,3}[0-9]{3}")
OTHERS = [code for group in OTHER_CODES for code in group.codes]


def written_codes() -> Iterator[str]:
    """Yield every text in the package that looks like a code, but for those of the table itself."""
    for path in SOURCES.rglob("*.py"):
        if path != Path(codes.__file__):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                value = node.value if isinstance(node, ast.Constant) else None
                if isinstance(value, str) and LOOKS_LIKE_A_CODE.fullmatch(value):
                    yield value


def test_what_is_written_is_explained_and_the_other_way() -> None:
    assert {*written_codes()} == {*EXPLAINED}


def test_codes_and_names_are_given_once() -> None:
    every = [*ALL_RULES, *DEEP_RULES, *OTHERS]
    assert len(EXPLAINED) == len(every)
    assert len({entry.name for entry in every}) == len(every)


@pytest.mark.parametrize("code", OTHERS, ids=lambda code: code.code)
def test_is_complete(code: Code) -> None:
    assert LOOKS_LIKE_A_CODE.fullmatch(code.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code.name)
    for text in (code.summary, code.remedy):
        assert text == text.strip() and text.endswith("."), text
        assert "|" not in text, "it stands in a table of Markdown"


def test_codes_of_a_group_are_in_order() -> None:
    for group in OTHER_CODES:
        assert [code.code for code in group.codes] == sorted(code.code for code in group.codes), group.title


def test_the_page_has_every_code() -> None:
    page = rules_page()
    assert [rule.code for rule in DEEP_RULES if f"\n### {rule.code} {rule.name}\n" not in page] == []
    assert [code.code for code in OTHERS if f"\n| {code.code} | {code.name} |" not in page] == []

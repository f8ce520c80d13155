"""Every rule fires on its bad example, at the place it names, and is silent on its good one."""

import importlib
import pkgutil
import re

import pytest

import hybridlab.rules
from hybridlab.diagnostic import SpecPath
from hybridlab.rules.page import CONCERNS, concern, example_cluster
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule
from hybridlab.spec.document import parse_document, parse_documents
from patched import patched, report

every_rule = pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.code)


@every_rule
def test_fires_on_its_bad_example_and_nothing_else_does(rule: Rule) -> None:
    found = report(rule.bad.patch, manifest=rule.bad.manifest)
    assert [(d.code, d.severity, d.path) for d in found] == [(rule.code, rule.severity, rule.bad.at)]


@every_rule
def test_points_at_what_is_written(rule: Rule) -> None:
    spec = parse_document(patched(rule.bad.patch), name="cluster.yaml")
    at, text, document = rule.bad.at, patched(rule.bad.patch), spec
    match at:
        case ("workloads", "own", "folder", "app.yaml", int(number), *below):
            assert rule.bad.manifest is not None
            at, text = SpecPath(below), rule.bad.manifest
            document = parse_documents(text.encode(), name="own/app.yaml")[number]
    (found,) = report(rule.bad.patch, manifest=rule.bad.manifest)
    assert found.span is not None
    line = text.splitlines()[found.span.line - 1]
    under = line[found.span.column - 1 : found.span.column - 1 + found.span.width]
    node = document.node(at)
    key = str(at[-1]) if at else ""
    if found.on_key or node is None or not hasattr(node, "text"):
        assert under.strip("'\"") in map(str, at)
        assert node is None or under.strip("'\"") == key
    else:
        assert under.strip("'\"") == node.text
    for other in found.related:
        assert other.span is not None
        assert spec.node(SpecPath(other.path[:2])) is not None, other.path


@every_rule
def test_nothing_fires_on_its_good_example(rule: Rule) -> None:
    assert report(rule.good, manifest=rule.good_manifest).diagnostics == ()


def test_nothing_fires_on_the_example_itself() -> None:
    assert report("").diagnostics == ()


@every_rule
def test_is_complete(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Z0-9]{2,3}[0-9]{3}", rule.code)
    assert concern(rule) in CONCERNS
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    for text in (rule.summary, rule.rationale):
        assert text.endswith("."), text
    assert rule.source and not rule.source.endswith(".")
    assert (rule.bad.patch, rule.bad.manifest) != (rule.good, rule.good_manifest)


@every_rule
def test_speaks_in_the_style_of_the_house(rule: Rule) -> None:
    (found,) = report(rule.bad.patch, manifest=rule.bad.manifest)
    for text in (found.message, found.hint or "", *(other.message for other in found.related)):
        assert text == text.strip()
        assert not text.endswith(".")
        assert "\n" not in text
    assert found.hint, "a finding says what to do"
    # VLAN, QEMU and names of the spec keep their letters; no sentence begins with a capital.
    first = found.message.split()[0]
    assert not (first[0].isupper() and first[1:].islower()), found.message


def test_codes_and_names_are_given_once() -> None:
    assert len({rule.code for rule in ALL_RULES}) == len(ALL_RULES)
    assert len({rule.name for rule in ALL_RULES}) == len(ALL_RULES)


def test_codes_are_in_order_and_without_gaps() -> None:
    codes = [rule.code for rule in ALL_RULES]
    assert codes == sorted(codes)
    for letters in CONCERNS:
        numbers = [int(rule.code[len(letters) :]) for rule in ALL_RULES if concern(rule) == letters]
        assert numbers == list(range(1, len(numbers) + 1)), letters


def test_every_rule_of_the_folder_is_registered() -> None:
    found = {
        value.code
        for module in pkgutil.walk_packages(hybridlab.rules.__path__, "hybridlab.rules.")
        for value in vars(importlib.import_module(module.name)).values()
        if isinstance(value, Rule)
    }
    assert found == {rule.code for rule in ALL_RULES}


def test_the_example_is_a_whole_spec() -> None:
    assert "apiVersion: hybridlab/v1" in example_cluster()

"""Checking as a whole: what a report looks like, and that the repository's own cluster has nothing in it."""

from pathlib import Path

import pytest

from hybridlab import Severity, check, load_spec, parse_spec, resolve
from hybridlab.rules.page import rules_page
from hybridlab.rules.registry import ALL_RULES
from patched import cluster, report

ROOT = Path(__file__).parents[3]


def test_the_worked_example_has_no_findings() -> None:
    assert check(resolve(load_spec(ROOT / "cluster.yaml"))).diagnostics == ()


@pytest.mark.parametrize(
    ("written", "instead", "code", "under", "beside"),
    [
        ("address: 10.0.20.12", "address: 10.0.20.11", "NET001", "10.0.20.11", "10.0.20.11"),
        ("{id: 20,", "{id: 10,", "NET006", "10", "10"),
        ("memory: 64GiB", "memory: 12GiB", "CAP001", "12GiB", "4GiB"),
        ("nodeSelector: {gpu: amd, ", "nodeSelector: {gpu: nvidia, ", "WKL001", "nvidia", "labels"),
        ("mode: host # host", "mode: passthrough # host", "GPU007", "passthrough", "amd-gpu-device-plugin"),
    ],
)
def test_the_caret_is_under_the_value_in_the_worked_example(
    written: str, instead: str, code: str, under: str, beside: str
) -> None:
    text = (ROOT / "cluster.yaml").read_text(encoding="utf-8")
    assert text.count(written) == 1
    changed = text.replace(written, instead)
    found = next(d for d in check(resolve(parse_spec(changed))) if d.code == code)
    assert found.span is not None
    assert found.span.text == changed.splitlines()[found.span.line - 1]
    assert found.span.text[found.span.column - 1 :][: found.span.width] == under
    other = found.related[0].span
    assert other is not None
    assert other.text[other.column - 1 :][: other.width] == beside


def test_findings_come_in_the_order_of_the_file_whatever_the_order_of_the_rules() -> None:
    patch = """
nixos: {stateVersion: "26.11"}
guests: {k8s-worker-1: {address: 10.0.20.10, memory: 2GiB}}
workloads: {ollama: {expose: {nodePort: 1}}}
"""
    found = cluster(patch)
    forwards, backwards = check(found), check(found, ALL_RULES[::-1])
    assert forwards == backwards
    assert [d.code for d in forwards] == ["NIX001", "NET001", "CAP004", "WKL003"]


def test_a_report_of_some_rules_has_only_their_findings() -> None:
    patch = "guests: {k8s-worker-1: {address: 10.0.20.10, memory: 2GiB}}"
    rules = [rule for rule in ALL_RULES if rule.code == "CAP004"]
    assert [d.code for d in check(cluster(patch), rules)] == ["CAP004"]


def test_warnings_do_not_stop_anything() -> None:
    found = report("guests: {k8s-worker-1: {vcpus: 32}}")
    assert [d.severity for d in found] == [Severity.WARNING]
    assert found.ok


def test_the_page_of_rules_is_current() -> None:
    written = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert written == rules_page(), "run: python -m hybridlab.rules.page > docs/rules.md"

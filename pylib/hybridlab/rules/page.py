"""`docs/rules.md`, made from the rules and other codes: `python -m hybridlab.rules.page > docs/rules.md`."""

import sys
from collections.abc import Iterator
from importlib import resources

from hybridlab.rules.codes import OTHER_CODES, Code, CodeGroup, Explained
from hybridlab.rules.deep.registry import DEEP_RULES
from hybridlab.rules.deep.rule import DeepRule
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule
from hybridlab.rules.snippets import Snippet, bad_snippets, good_snippets

# What the letters of a code stand for, in the order of the page.
CONCERNS = {
    "NET": "Networks and addresses",
    "ID": "Identities of machines",
    "ADM": "The admin's way in",
    "SEC": "Secrets",
    "NIX": "NixOS",
    "K8S": "Kubernetes",
    "WKL": "Workloads",
    "MAN": "Manifests of your own",
    "GPU": "GPUs",
    "CAP": "Memory and processors",
}

_HEAD = """\
<!-- Made by `python -m hybridlab.rules.page > docs/rules.md`: do not edit. -->

# Rules

What `hybridlab check` holds a cluster against, beside the shape of the spec and names that refer to nothing.
An **error** stops `generate` and `deploy`, a **warning** does not.

Each example is a merge patch (RFC 7396: mappings are merged, `null` removes a key, all else replaces) on the
cluster at the [end of this page](#the-cluster-of-the-examples). The tests apply every one of them: on the bad
one its rule fires, at the place that is named, and no other; on the good one no rule fires.

`hybridlab explain CODE` shows the same, also for [findings that no rule makes](#findings-that-no-rule-makes).
"""


_DEEP_HEAD = """\
`hybridlab check --deep` has Nix evaluate every machine of the flake, and holds what comes out against the
cluster. The examples are modules of your own on the same cluster."""


def example_cluster() -> str:
    """Return the spec, in YAML, that the examples of rules are patches on."""
    return resources.files("hybridlab.rules").joinpath("example.yaml").read_text(encoding="utf-8")


def concern(rule: Rule) -> str:
    """Return the letters of a rule's code."""
    return rule.code.rstrip("0123456789")


def rules_page(rules: tuple[Rule, ...] = ALL_RULES) -> str:
    """Return the page of all rules, in Markdown."""
    return "\n".join(_lines(rules)) + "\n"


def _lines(rules: tuple[Rule, ...]) -> Iterator[str]:
    yield _HEAD
    yield "| code | rule | severity | what is wrong |"
    yield "| --- | --- | --- | --- |"
    by_concern = {
        title: [rule for rule in rules if concern(rule) == letters] for letters, title in CONCERNS.items()
    }
    for members in by_concern.values():
        yield from map(_row, members)
    yield from map(_row, DEEP_RULES)
    for title, members in by_concern.items():
        if members:
            yield f"\n## {title}"
            for rule in members:
                yield from _section(rule)
    yield "\n## What NixOS makes of the machines\n"
    yield _DEEP_HEAD
    for deep_rule in DEEP_RULES:
        yield from _section(deep_rule)
    yield "\n## Findings that no rule makes"
    for group in OTHER_CODES:
        yield from _group(group)
    yield "\n## The cluster of the examples\n"
    yield from _fenced(example_cluster())


def explanation(explained: Explained) -> str:
    """Return what the page says of a rule, or would of a code, below its heading."""
    if isinstance(explained, Code):
        return f"{explained.severity.value.capitalize()}. {explained.summary}\n\n{explained.remedy}\n"
    return "\n".join(_body(explained)) + "\n"


def _row(rule: Rule | DeepRule) -> str:
    anchor = f"{rule.code}-{rule.name}".lower()
    return f"| [{rule.code}](#{anchor}) | {rule.name} | {rule.severity.value} | {rule.summary} |"


def _section(rule: Rule | DeepRule) -> Iterator[str]:
    yield f"\n### {rule.code} {rule.name}\n"
    yield from _body(rule)


def _body(rule: Rule | DeepRule) -> Iterator[str]:
    yield f"{rule.severity.value.capitalize()}. {rule.summary}\n"
    yield f"{rule.rationale}\n"
    yield f"Source: {rule.source}.\n"
    yield f"Bad, reported at `{rule.bad.at}`:\n"
    yield from _shown(bad_snippets(rule))
    yield "\nGood:\n"
    yield from _shown(good_snippets(rule))


def _shown(snippets: tuple[Snippet, ...]) -> Iterator[str]:
    for number, snippet in enumerate(snippets):
        if snippet.title:
            yield ("\n" if number else "") + f"{snippet.title}\n"
        yield from _fenced(snippet.text, snippet.language)


def _group(group: CodeGroup) -> Iterator[str]:
    yield f"\n### {group.title}\n"
    yield f"Told by {group.told_by}.\n"
    yield "| code | name | severity | what is wrong | what to do |"
    yield "| --- | --- | --- | --- | --- |"
    for code in group.codes:
        yield f"| {code.code} | {code.name} | {code.severity.value} | {code.summary} | {code.remedy} |"


def _fenced(text: str, language: str = "yaml") -> Iterator[str]:
    yield f"```{language}\n{text.rstrip()}\n```"


if __name__ == "__main__":
    sys.stdout.write(rules_page())

"""`docs/rules.md`, made from the rules: `python -m hybridlab.rules.page > docs/rules.md`."""

import sys
from collections.abc import Iterator
from importlib import resources

from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule

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

Each example is a merge patch (RFC 7386: mappings are merged, `null` removes a key, all else replaces) on the
cluster at the [end of this page](#the-cluster-of-the-examples). The tests apply every one of them: on the bad
one its rule fires, at the place that is named, and no other; on the good one no rule fires.
"""


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
    yield "| code | rule | | wrong where it fires |"
    yield "| --- | --- | --- | --- |"
    by_concern = {
        title: [rule for rule in rules if concern(rule) == letters] for letters, title in CONCERNS.items()
    }
    for members in by_concern.values():
        for rule in members:
            anchor = f"{rule.code}-{rule.name}".lower()
            yield f"| [{rule.code}](#{anchor}) | {rule.name} | {rule.severity.value} | {rule.summary} |"
    for title, members in by_concern.items():
        if members:
            yield f"\n## {title}"
            for rule in members:
                yield from _section(rule)
    yield "\n## The cluster of the examples\n"
    yield from _fenced(example_cluster())


def _section(rule: Rule) -> Iterator[str]:
    yield f"\n### {rule.code} {rule.name}\n"
    yield f"{rule.severity.value.capitalize()}. {rule.summary}\n"
    yield f"{rule.rationale}\n"
    yield f"Source: {rule.source}.\n"
    yield f"Bad, reported at `{rule.bad.at}`:\n"
    yield from _fenced(rule.bad.patch)
    if rule.bad.manifest is not None:
        yield "\nwith `own/app.yaml`:\n"
        yield from _fenced(rule.bad.manifest)
    yield "\nGood:\n"
    yield from _fenced(rule.good)
    if rule.good_manifest is not None:
        yield "\nwith `own/app.yaml`:\n"
        yield from _fenced(rule.good_manifest)


def _fenced(text: str) -> Iterator[str]:
    yield f"```yaml\n{text.rstrip()}\n```"


if __name__ == "__main__":
    sys.stdout.write(rules_page())

"""The pieces of a rule's examples, to be shown one after the other: what each is, and its text."""

from collections.abc import Iterator

from attrs import frozen

from hybridlab.rules.deep.rule import DeepRule
from hybridlab.rules.deep.rule import Example as Module
from hybridlab.rules.rule import Rule


@frozen
class Snippet:
    """A piece of an example; `title` says what it is, unless it is a patch on the spec."""

    title: str
    language: str
    text: str


def bad_snippets(rule: Rule | DeepRule) -> tuple[Snippet, ...]:
    """Return the example on which the rule fires."""
    if isinstance(rule, Rule):
        return tuple(_of_spec(rule.bad.patch, rule.bad.manifest))
    return tuple(_of_module(rule.bad))


def good_snippets(rule: Rule | DeepRule) -> tuple[Snippet, ...]:
    """Return the example put right."""
    if isinstance(rule, Rule):
        return tuple(_of_spec(rule.good, rule.good_manifest))
    return tuple(_of_module(rule.good))


def _of_spec(patch: str, manifest: str | None) -> Iterator[Snippet]:
    yield Snippet("", "yaml", patch)
    if manifest is not None:
        yield Snippet("with `own/app.yaml`:", "yaml", manifest)


def _of_module(module: Module) -> Iterator[Snippet]:
    if module.patch.strip():
        yield Snippet("", "yaml", module.patch)
    who = " and ".join(f"`{name}`" for name in module.machines)
    yield Snippet(f"in a module of {who}:", "nix", module.module)

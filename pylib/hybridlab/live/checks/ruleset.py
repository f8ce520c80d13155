"""Reads what `nft --json list ruleset` prints into rules that can be compared; it knows none of ours.

nft gives back the effect of a rule, not its text: sets in another order, one of a single element without
braces, masks joined. So values are sorted here, masks reduced, and counters, logs, comments and handles left
out. The format is that of libnftables-json(5); the tables of others (iptables-nft's) are not looked into.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from attrs import field, frozen

# Statements that decide nothing about a packet.
_NO_EFFECT = ("counter", "log", "comment")
_FINAL = ("accept", "drop", "reject", "return", "notrack", "continue")
_ALL_BITS = 0xFFFFFFFF


@frozen
class Match:
    """What a packet has to have: `left` is one of the values `right`, or none of them if `negated`."""

    left: str
    right: frozenset[str]
    negated: bool = False

    def __str__(self) -> str:
        values = ", ".join(sorted(self.right))
        text = values if len(self.right) == 1 else f"{{ {values} }}"
        return f"{self.left} {'!= ' if self.negated else ''}{text}"


@frozen
class Rule:
    """What happens to packets that fit all `matches`; equal to another one with the same effect.

    `outcome` is in nft's words: `accept`, `jump input-allow`, `meta mark set meta mark & 15 | 1`.
    """

    matches: frozenset[Match]
    outcome: str
    text: str = field(default="", eq=False, order=False)

    def __str__(self) -> str:
        return self.text or " ".join((*sorted(map(str, self.matches)), self.outcome))


@frozen
class Chain:
    """The rules of a chain; one without a `hook` is jumped to."""

    hook: str | None
    priority: int | None
    policy: str | None
    rules: tuple[Rule, ...] = ()


Table = Mapping[str, Chain]
Name = tuple[str, str]  # family, name


@frozen
class Ruleset:
    """All tables, each with its chains; those of `elements` are what sets of our tables hold."""

    tables: Mapping[Name, Table]
    elements: Mapping[tuple[Name, str], tuple[str, ...]]

    def chain(self, family: str, table: str, chain: str) -> Chain | None:
        return self.tables.get((family, table), {}).get(chain)


def match(left: str, *right: object, negated: bool = False) -> Match:
    """Return the match of one of these values."""
    return Match(left, frozenset(map(str, right)), negated)


def rule(*parts: Match | str) -> Rule:
    """Return the rule with these matches and, last, its outcome."""
    *matches, outcome = parts
    return Rule(
        frozenset(m for m in matches if isinstance(m, Match)), str(outcome), " ".join(map(str, parts))
    )


@lru_cache(maxsize=8)  # one text, asked once for each check of a machine
def parse_ruleset(text: str, ours: frozenset[Name]) -> Ruleset:
    """Return the ruleset in what nft printed, with the rules of the tables in `ours` only.

    Raises: ValueError if it is nothing that nft prints.
    """
    tables: dict[Name, dict[str, Chain]] = {}
    rules: dict[tuple[Name, str], list[Rule]] = {}
    elements: dict[tuple[Name, str], tuple[str, ...]] = {}
    try:
        for item in json.loads(text)["nftables"]:
            [(kind, said)] = item.items()
            if kind not in ("table", "chain", "rule", "set"):
                continue
            table = (str(said["family"]), str(said["name" if kind == "table" else "table"]))
            if kind == "table" and "dormant" not in said.get("flags", ()):  # one that is has no effect
                tables.setdefault(table, {})
            elif kind == "chain" and table in tables:
                chain = Chain(said.get("hook"), said.get("prio"), said.get("policy"))
                tables[table][str(said["name"])] = chain
            elif kind == "rule" and table in ours:
                rules.setdefault((table, str(said["chain"])), []).append(_rule(said["expr"]))
            elif kind == "set" and table in ours:
                elements[table, str(said["name"])] = tuple(sorted(_values(said.get("elem", []))))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError("nft printed something that is no ruleset") from error
    filled = {
        name: {
            key: Chain(chain.hook, chain.priority, chain.policy, tuple(rules.get((name, key), ())))
            for key, chain in chains.items()
        }
        for name, chains in tables.items()
    }
    return Ruleset(filled, elements)


def _rule(statements: Iterable[Mapping[str, Any]]) -> Rule:
    matches, outcomes = [], []
    for statement in statements:
        [(kind, said)] = statement.items()
        if kind == "match":
            matches.append(_match(said))
        elif kind not in _NO_EFFECT:
            outcomes.append(_outcome(kind, said))
    outcome = ", ".join(outcomes)
    return Rule(frozenset(matches), outcome, " ".join((*map(str, matches), outcome)).strip())


def _match(said: Mapping[str, Any]) -> Match:
    op, right = said["op"], said["right"]
    left = _expression(said["left"])
    if op not in ("==", "in", "!="):
        left = f"{left} {op}"
    return Match(left, frozenset(_values(right)), op == "!=")


def _outcome(kind: str, said: Any) -> str:
    if kind in _FINAL:
        return kind
    if kind in ("jump", "goto"):
        return f"{kind} {said['target']}"
    if kind == "mangle":
        return f"{_expression(said['key'])} set {_expression(said['value'])}"
    if kind == "vmap":
        pairs = sorted(f"{_expression(key)} : {_outcome(*_only(to))}" for key, to in said["data"]["set"])
        return f"{_expression(said['key'])} vmap {{ {', '.join(pairs)} }}"
    return f"{kind} {json.dumps(said, sort_keys=True)}"


def _only(item: Mapping[str, Any]) -> tuple[str, Any]:
    [(kind, said)] = item.items()
    return kind, said


def _values(right: Any) -> list[str]:
    """Return the values of a set, of a list, or the one that it is."""
    if isinstance(right, dict) and "set" in right:
        right = right["set"]
    if isinstance(right, list):
        return [_expression(value) for value in right]
    return [_expression(right)]


def _expression(said: Any) -> str:
    if not isinstance(said, dict):
        return json.dumps(said) if isinstance(said, bool) else str(said)
    [(kind, value)] = said.items()
    known = _EXPRESSIONS.get(kind)
    return known(value) if known is not None else json.dumps(said, sort_keys=True)


def _meta(said: Any) -> str:
    key = str(said["key"])
    return key if key in ("iifname", "oifname") else f"meta {key}"


def _payload(said: Any) -> str:
    if "field" not in said or "tunnel" in said:
        return json.dumps(said, sort_keys=True)
    return f"{said['protocol']} {said['field']}"


def _fib(said: Any) -> str:
    flags = said["flags"] if isinstance(said["flags"], list) else [said["flags"]]
    # nft 1.1.4 alone says `check` of a route that is only asked whether it exists (1.1.5, release notes).
    result = "oif" if said["result"] == "check" else said["result"]
    return f"fib {' . '.join(flags)} {result}"


def _and(said: Any) -> str:
    left, *masks = said
    return f"{_expression(left)} & {' & '.join(map(_expression, masks))}"


def _or(said: Any) -> str:
    """Return bits that are set: what the mask keeps of them makes no difference, nor does a full mask."""
    left, *bits = said
    if len(bits) != 1 or not isinstance(bits[0], int):
        return " | ".join(map(_expression, said))
    mask = _ALL_BITS
    if isinstance(left, dict) and len(left.get("&", ())) == 2 and isinstance(left["&"][1], int):
        left, mask = left["&"]
    return f"{_expression(left)} & {mask & _ALL_BITS & ~bits[0]} | {bits[0]}"


_EXPRESSIONS = {
    "meta": _meta,
    "ct": lambda said: " ".join(filter(None, ("ct", said.get("dir"), said["key"]))),
    "payload": _payload,
    "fib": _fib,
    "prefix": lambda said: f"{_expression(said['addr'])}/{said['len']}",
    "range": lambda said: "-".join(map(_expression, said)),
    "concat": lambda said: " . ".join(map(_expression, said)),
    "elem": lambda said: _expression(said["val"]),
    "&": _and,
    "|": _or,
}

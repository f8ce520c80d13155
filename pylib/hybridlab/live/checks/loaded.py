"""A check of the ruleset that a machine has loaded, and the words that its verdicts are made of."""

from collections.abc import Callable, Collection, Iterable
from functools import partial

from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Verdict
from hybridlab.live.checks.ruleset import Name, Rule, Ruleset, parse_ruleset
from hybridlab.live.probe import Output, read
from hybridlab.model.links import forwards_from
from hybridlab.model.node import Host, Machine

NIXOS = ("inet", "nixos-fw")
GUARD = ("inet", "hybridlab-guard")
HOST = ("inet", "hybridlab-host")
TRANSIT = ("bridge", "hybridlab-transit")
_OURS = frozenset({NIXOS, GUARD, HOST, TRANSIT})
# The code of the check that all tables are there, which every other one needs.
LOADED = "firewall.loaded"
_RULESET = read("nft", "--json", "list", "ruleset")

Judge = Callable[[Ruleset], Verdict]


def loaded_check(key: Key, title: str, judge: Judge, *needs: Key) -> Check:
    """Return a check of the ruleset of the machine that `key` names."""
    assert key.machine is not None
    judge_output = partial(_read, key.machine, judge)
    return Check(key, Phase.NETWORK, title, (Remote(key.machine, _RULESET),), judge_output, needs)


def _read(machine: str, judge: Judge, output: Output) -> Verdict:
    try:
        ruleset = parse_ruleset(output.stdout, _OURS)
    except ValueError as error:
        return CouldNotLook(str(error))
    match judge(ruleset):
        case Failed(expected, found, ""):
            advice = (
                f"load what {machine} was built with: `hybridlab ssh {machine} systemctl reload nftables`; "
                f"if it was built with something else: `hybridlab deploy {machine}`"
            )
            return Failed(expected, found, advice)
        case verdict:
            return verdict


def tables_of(machine: Machine) -> tuple[Name, ...]:
    """Return the tables that the machine loads: those of `networking.nftables.tables`."""
    guard = (GUARD,) if forwards_from(machine) is not None else ()
    return (NIXOS, *guard, *((HOST, TRANSIT) if isinstance(machine, Host) else ()))


def judge_tables(tables: tuple[Name, ...], ruleset: Ruleset) -> Verdict:
    """Judge whether all these tables are loaded."""
    lacking = [table for table in tables if table not in ruleset.tables]
    if not lacking:
        return Ok()
    there = f"there are: {named(map(' '.join, ruleset.tables))}"
    return Failed(
        f"table {', '.join(map(' '.join, tables))}",
        f"{', '.join(map(' '.join, lacking))} not loaded; {there}",
        "`systemctl status nftables`; to load them: `systemctl restart nftables`",
    )


def failed(expected: str, found: str) -> Failed:
    """Return the verdict on rules that are not as they were loaded; how to load them again is added to it."""
    return Failed(expected, found, "")


def named(things: Iterable[object]) -> str:
    """Return networks or interfaces as text, in order."""
    return ", ".join(sorted(map(str, things))) or "none"


def open_to(networks: Collection[object]) -> str:
    """Return to whom something is open, as text."""
    return f"open to {named(networks) if networks else 'nobody'}"


def listed(rules: Iterable[Rule]) -> str:
    """Return rules as text, in the order in which they are given."""
    return "; ".join(map(str, rules)) or "none"


def is_trust(of: Rule) -> bool:
    """Whether a rule accepts all that comes in on some interfaces."""
    return of.outcome == "accept" and [(m.left, m.negated) for m in of.matches] == [("iifname", False)]


def interfaces_of(rules: Iterable[Rule]) -> frozenset[str]:
    """Return the interfaces from which such rules accept all."""
    trust = (one for one in rules if is_trust(one))
    return frozenset(name for one in trust for match in one.matches for name in match.right)

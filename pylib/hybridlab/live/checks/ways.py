"""The routes and routing rules of a machine, held against the model; who is let in is not looked at here."""

from collections.abc import Iterable, Iterator
from functools import partial

from hybridlab.live.checks.answers import understanding
from hybridlab.live.checks.check import Check, Failed, Key, Ok, Phase, Remote, Verdict
from hybridlab.live.checks.iproute import ROUTES, RULES, routes, rules
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Cluster
from hybridlab.model.links import LEG_MARK, Route, Rule, default_route, leg_routes, leg_rules
from hybridlab.model.network import Leg
from hybridlab.model.node import Host, Machine


def way_checks(cluster: Cluster, machine: Machine, on_leg: dict[Leg, Key]) -> Iterator[Check]:
    """Yield what has to be so of a machine's routes; `on_leg` are the checks of its addresses.

    The kernel takes the routes over a link away with its address.
    """
    look = (Remote(machine.name, ROUTES),)
    if (default := default_route(machine)) is not None:
        [leg] = [leg for leg in machine.legs if leg.interface == default.interface]
        yield Check(
            Key("route.default", machine.name),
            Phase.NETWORK,
            f"the default route is {_way(default)}",
            look,
            understanding(partial(_judge_default, machine.name, default)),
            (on_leg[leg],),
        )
    if not isinstance(machine, Host):
        return
    for leg in machine.legs:
        yield Check(
            Key("route.leg", machine.name, leg.interface),
            Phase.NETWORK,
            f"table {leg.table} leads what is answered over {leg.interface} out over it",
            look,
            understanding(partial(_judge_leg, machine.name, leg)),
            (on_leg[leg],),
        )
        for rule in leg_rules(cluster, machine, leg):
            yield Check(
                Key("route.rule", machine.name, f"{rule.priority} {_asks(rule)}"),
                Phase.NETWORK,
                f"{_asks(rule)} is routed by table {_table(rule)}",
                (Remote(machine.name, RULES[_family(rule)]),),
                understanding(partial(_judge_rule, machine.name, leg, rule)),
            )


def _judge_default(machine: str, expected: Route, output: Output) -> Verdict:
    assert expected.gateway is not None
    version = expected.gateway.version
    found = [
        route
        for route in routes(output)
        if route.table is None
        and route.destination is None
        and (route.gateway is None or route.gateway.version == version)
    ]
    if {*found} == {expected}:
        return Ok(_way(expected))
    advice = (
        f"on {machine}: `networkctl reconfigure {expected.interface}`; `ip route show` says who made another"
    )
    return Failed(_way(expected), _listed(map(_way, found)), advice)


def _judge_leg(machine: str, leg: Leg, output: Output) -> Verdict:
    expected = leg_routes(leg)
    found = [
        route for route in routes(output) if route.table == leg.table and not _is_other_family(route, leg)
    ]
    if {*found} == {*expected}:
        return Ok(f"table {leg.table}")
    return Failed(
        _listed(map(_way, expected)),
        _listed(map(_way, found)),
        f"on {machine}: `networkctl reconfigure {leg.interface}`; `ip route show table {leg.table}` shows it",
    )


def _is_other_family(route: Route, leg: Leg) -> bool:
    seen = route.gateway or (None if route.destination is None else route.destination.network_address)
    return seen is not None and seen.version != leg.address.version


def _judge_rule(machine: str, leg: Leg, expected: Rule, output: Output) -> Verdict:
    found = rules(output)
    if expected in found:
        return Ok(f"at priority {expected.priority}")
    same = [rule for rule in found if _asks(rule) == _asks(expected)]
    return Failed(
        f"{expected.priority}: {_asks(expected)} by table {_table(expected)}",
        _listed(f"{rule.priority}: {_asks(rule)} by table {_table(rule)}" for rule in same),
        f"on {machine}: `networkctl reconfigure {leg.interface}`; `ip rule show` shows them all",
    )


def _family(rule: Rule) -> int:
    """networkd makes a rule that has neither address nor network for IPv4 (systemd.network(5), Family=)."""
    if rule.source is not None:
        return rule.source.version
    return 4 if rule.destination is None else rule.destination.version


def _way(route: Route) -> str:
    where = "" if route.destination is None else f"{route.destination} "
    by = "" if route.gateway is None else f"by {route.gateway} "
    return f"{where}{by}over {route.interface}"


def _asks(rule: Rule) -> str:
    parts = (
        "" if rule.source is None else f"from {rule.source}",
        "" if rule.destination is None else f"to {rule.destination}",
        "" if rule.mark is None else f"marked {rule.mark}/{LEG_MARK:#x}",
    )
    return " ".join(part for part in parts if part) or "everything"


def _table(rule: Rule) -> str:
    return "main" if rule.table is None else str(rule.table)


def _listed(texts: Iterable[str]) -> str:
    return "; ".join(texts) or "none"

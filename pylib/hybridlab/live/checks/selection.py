"""Which of all checks are carried out, and which are shown; what they are about is not known here."""

from collections.abc import Collection, Iterable

from attrs import frozen

from hybridlab.live.checks.check import Check, Key, Phase, Remote


def login(machine: str) -> Key:
    """Return the key of the check that says whether ssh lets us into a machine."""
    return Key("ssh", machine)


@frozen
class Selection:
    """The checks to carry out, in order: those that were asked for (`wanted`), and what they need."""

    checks: tuple[Check, ...]
    wanted: frozenset[Key]


def select(
    checks: Iterable[Check],
    *,
    machines: Collection[str] = (),
    phases: Collection[Phase] = (),
    skip: Collection[str] = (),
) -> Selection:
    """Return the checks about or asking these machines, in these phases, none of the codes in `skip`.

    No machines are all machines, and no phases all phases. Whether a machine that is asked lets us in, is
    needed by every check that asks it.
    """
    by_key = {check.key: check for check in checks if check.key.code not in skip}
    wanted = frozenset(
        key
        for key, check in by_key.items()
        if (not phases or check.phase in phases) and (not machines or not check.machines.isdisjoint(machines))
    )
    needed: set[Key] = set()
    found = list(wanted)
    while found:
        key = found.pop()
        if key in by_key and key not in needed:
            needed.add(key)
            check = by_key[key]
            found += check.needs
            found += [login(look.machine) for look in check.looks if isinstance(look, Remote)]
    return Selection(tuple(check for key, check in by_key.items() if key in needed), wanted)

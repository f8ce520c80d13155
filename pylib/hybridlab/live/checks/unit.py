"""The check that a unit of systemd is active; it does not know what the unit is for."""

from functools import partial

from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Verdict
from hybridlab.live.checks.reading import properties
from hybridlab.live.probe import Output, read

_PROPERTIES = "Id,LoadState,ActiveState,SubState,Result,NRestarts"
# As systemctl(1) has them for ActiveState.
_STATES = frozenset(
    {"active", "reloading", "inactive", "failed", "activating", "deactivating", "maintenance", "refreshing"}
)


def unit_key(machine: str, unit: str) -> Key:
    """Return the key of the check that `unit` is active on `machine`."""
    return Key("unit.active", machine, unit)


def unit_check(key: Key, phase: Phase, title: str, *, advice: str = "", needs: tuple[Key, ...] = ()) -> Check:
    """Return the check with this key that a unit is active: it runs, or has done once what it is there for.

    `advice` comes after the one to read its journal.
    """
    assert key.machine is not None
    probe = read("systemctl", "show", f"--property={_PROPERTIES}", "--", key.subject)
    judge = partial(_judge, key.machine, key.subject, advice)
    return Check(key, phase, title, (Remote(key.machine, probe),), judge, needs)


def _judge(machine: str, unit: str, advice: str, output: Output) -> Verdict:
    found = properties(output.stdout)
    state, sub = found.get("ActiveState", ""), found.get("SubState", "")
    if state not in _STATES:
        return CouldNotLook(f"systemctl shows no state of {unit} that is known here: {state!r}")
    if found.get("LoadState") == "not-found":
        return Failed(
            f"{unit} is active",
            "there is no such unit",
            f"the system on {machine} was built from something else: `hybridlab deploy {machine}`",
        )
    if state in ("active", "reloading", "refreshing"):
        return Ok(f"{state} ({sub})")
    said = f"{state} ({sub})" if sub and sub != state else state
    if found.get("Result", "success") != "success":
        said += f", {found['Result']}"
    if found.get("NRestarts", "0") not in ("", "0"):
        said += f", started again {found['NRestarts']} times"
    look = f"see why: `hybridlab logs {machine} {unit}`"
    return Failed(f"{unit} is active", said, f"{look}; {advice}" if advice else look)

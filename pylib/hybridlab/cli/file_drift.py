"""How generated files drift from the spec, told like all drift; what differs is found out by `output`."""

from collections.abc import Iterator

from hybridlab.live.drift import Drift, Layer, State
from hybridlab.output.action import Action, Blocked, Create, Edited, Foreign, Keep, Remove, Update
from hybridlab.output.plan import Plan
from hybridlab.output.staging import STAGING_PATH

_GENERATE = "`hybridlab generate`"
_SHOW = "`hybridlab generate --check --diff` shows it; keep it elsewhere, or `hybridlab generate --force`"


def file_drift(plan: Plan) -> Iterator[Drift]:
    """Yield every file that is not as it should be."""
    differences = tuple(action for action in plan.actions if not isinstance(action, Keep))
    for action in differences:
        yield Drift(Layer.FILES, str(action.path), *_told(action))
    if plan.interrupted:
        detail = "a run was killed, or one is at work"
        yield Drift(Layer.FILES, str(STAGING_PATH), State.EXTRA, detail, _GENERATE)
    # The index follows from the files: alone, it is the one thing that differs.
    if not differences and not isinstance(plan.index, Keep):
        yield Drift(Layer.FILES, str(plan.index.path), *_told(plan.index))


def seen_by_flake(plan: Plan) -> tuple[str, ...]:
    """Return the generated files that are there, and that a flake therefore has to see."""
    there = (Keep, Update, Edited, Foreign)
    return tuple(str(action.path) for action in (*plan.actions, plan.index) if isinstance(action, there))


def as_object(drift: Drift) -> dict[str, str]:
    """Return any drift as a plain object."""
    return {
        "layer": drift.layer.value,
        "item": drift.item,
        "state": drift.state.value,
        "detail": drift.detail,
        "advice": drift.advice,
    }


def _told(action: Action) -> tuple[State, str, str]:
    match action:
        case Create():
            return State.MISSING, "is not generated yet", _GENERATE
        case Update():
            return State.CHANGED, "was generated from another spec, or by another version", _GENERATE
        case Remove():
            return State.EXTRA, "is no longer generated", _GENERATE
        case Edited(wanted=None):
            return State.EXTRA, f"{action.reason}, and is no longer generated", _SHOW
        case Edited():
            return State.CHANGED, action.reason, _SHOW
        case Foreign():
            return State.CHANGED, action.reason, "move it away, then `hybridlab generate`"
        case Blocked(_, reason):
            return State.UNREACHABLE, reason, "make it a plain file or nothing, then `hybridlab generate`"
        case Keep():
            raise AssertionError("a file that is as it should be is no drift")

"""Why has a node not joined: goes along its chain, and tells the first broken link with evidence and a fix.

Everything is asked in one round, journals too: over one connection to the node, its host and the control
plane each. What is well is for the checks to say, which are those of `verify`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from hybridlab.live.chain.causes import NEW_CA, Cause, Place, cause, filled
from hybridlab.live.chain.evidence import Evidence, evidence, journal_check, journal_key
from hybridlab.live.chain.links import Link, Step, chain
from hybridlab.live.chain.redact import redacted
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Result, Skipped, Verdict
from hybridlab.live.ssh import Ssh
from hybridlab.live.verify import verify
from hybridlab.model.cluster import Cluster, Node
from hybridlab.model.node import host_of

__all__ = ["Broken", "Diagnosis", "Link", "Told", "Unknown", "diagnose"]


@frozen
class Told:
    """A step of the chain, and what came of it; None: it was not looked at, as one before it is not well."""

    link: Link
    check: Check
    verdict: Verdict | None


@frozen
class Broken:
    """The first step that is not well: what journals say (`evidence`), what that means, and what mends it.

    `beside`: what is not well either, and may be why. `means` is empty if no line was understood.
    """

    step: Told
    evidence: tuple[Evidence, ...]
    means: str
    fix: str
    beside: tuple[Result, ...]


@frozen
class Unknown:
    """The step at which the chain ends, because nobody could look; `fix`: what to look at first."""

    step: Told
    fix: str


@frozen
class Diagnosis:
    """The whole chain of a node; `end` is None if all of it is well."""

    node: str
    steps: tuple[Told, ...]
    end: Broken | Unknown | None


def diagnose(cluster: Cluster, node: Node, ssh: Ssh) -> Diagnosis:
    """Look at every link of the node's chain, and return how far it is well. Nothing is changed anywhere."""
    steps = chain(cluster, node)
    results = verify(_asked(steps), cluster, ssh)
    verdicts = {result.check.key: _redacted(result.verdict) for result in results}
    return judged(cluster, node, steps, verdicts)


def judged(cluster: Cluster, node: Node, steps: Sequence[Step], verdicts: Mapping[Key, Verdict]) -> Diagnosis:
    """Return what these verdicts of steps, of checks beside them and of journals come to."""
    first = next((number for number, step in enumerate(steps) if _ends(step, verdicts)), len(steps))
    told = tuple(
        Told(step.link, step.check, verdicts[step.check.key] if number <= first else None)
        for number, step in enumerate(steps)
    )
    if first == len(steps):
        return Diagnosis(node.name, told, None)
    step = steps[first]
    match verdicts[step.check.key]:
        case Failed() as verdict:
            end: Broken | Unknown = _broken(cluster, node, step, told[first], verdict, verdicts)
        case _:
            end = Unknown(told[first], _to_look_at_first(cluster, node, step))
    return Diagnosis(node.name, told, end)


def _asked(steps: Iterable[Step]) -> Iterator[Check]:
    """Yield each check once: steps, what is beside them, journals."""
    steps = tuple(steps)
    checks = {step.check.key: step.check for step in steps}
    for step in steps:
        for check in (*step.beside, *(journal_check(*unit) for unit in step.units)):
            checks.setdefault(check.key, check)
    yield from checks.values()


def _redacted(verdict: Verdict) -> Verdict:
    """Return the verdict without what machines may have said of secrets."""
    match verdict:
        case Ok(found):
            return Ok(redacted(found))
        case Failed(expected, found, advice):
            return Failed(redacted(expected), redacted(found), redacted(advice))
        case Skipped(reason):
            return Skipped(redacted(reason))
        case CouldNotLook(reason):
            return CouldNotLook(redacted(reason))


def _ends(step: Step, verdicts: Mapping[Key, Verdict]) -> bool:
    """Whether the chain ends here: broken, or nobody knows."""
    match verdicts[step.check.key]:
        case Ok():
            return False
        case Failed():
            return True
    return step.shown_by is None or not isinstance(verdicts.get(step.shown_by), Ok)


def _broken(  # noqa: PLR0913, PLR0917 - all that is known of the step
    cluster: Cluster,
    node: Node,
    step: Step,
    told: Told,
    verdict: Failed,
    verdicts: Mapping[Key, Verdict],
) -> Broken:
    journals = [
        evidence(machine, unit, verdicts.get(journal_key(machine, unit))) for machine, unit in step.units
    ]
    found = tuple(one for one in journals if one is not None)
    beside = tuple(
        Result(check, verdicts[check.key]) for check in step.beside if isinstance(verdicts[check.key], Failed)
    )
    why = _why(cluster, node, step, verdict, found, beside)
    return Broken(told, found, why.means, why.fix, beside)


def _why(  # noqa: PLR0913, PLR0917
    cluster: Cluster,
    node: Node,
    step: Step,
    verdict: Failed,
    found: Iterable[Evidence],
    beside: Iterable[Result],
) -> Cause:
    """Return the reason that is surest: another machine's, what is beside, the journal, the check's own."""
    place = _place(cluster, node)
    key = step.check.key
    if (elsewhere := _elsewhere(cluster, node, key)) is not None:
        return elsewhere
    for result in beside:
        if (reason := _beside(cluster, node, place, result)) is not None:
            return reason
    own = [line for one in found if one.machine == node.name for line in one.lines]
    others = [line for one in found if one.machine != node.name for line in one.lines]
    of_way = step.link in _ASK_CONTROL_PLANE
    found_by_check = [verdict.found] if of_way else []
    said = next(
        filter(None, (cause(one, place, of_way=of_way) for one in (found_by_check, own, others))), None
    )
    return said or Cause("", _fix(step, verdict, place))


def _place(cluster: Cluster, node: Node) -> Place:
    first = cluster.control_plane[0]
    return Place(node.name, host_of(node.machine), first.name, host_of(first.machine))


def _elsewhere(cluster: Cluster, node: Node, key: Key) -> Cause | None:
    """Return that another node is to be looked at, if the step is about that one and has its own chain."""
    first = cluster.control_plane[0].name
    if key.machine == first != node.name:
        return Cause(f"the control plane {first} is not well itself", f"`hybridlab diagnose {first}`")
    return None


def _beside(cluster: Cluster, node: Node, place: Place, result: Result) -> Cause | None:
    """Return the reason in what is not well beside a step, if it explains it for sure."""
    verdict, key = result.verdict, result.check.key
    if not isinstance(verdict, Failed):
        return None
    match key.code:
        case "unit.active":
            return _elsewhere(cluster, node, key)
        case "nodes.known":
            return Cause(
                f"a node of another name has joined ({verdict.found}): is it this one?",
                f"`hybridlab ssh {node.name} hostname` says what it calls itself; `hybridlab deploy "
                f"{place.host}` gives it its name; then {verdict.advice}",
            )
        case code if code.startswith("firewall."):
            return Cause(
                f"the firewall of {place.control_plane}: {result.check.title}, and it is {verdict.found}",
                verdict.advice,
            )
    return None


def _fix(step: Step, verdict: Failed, place: Place) -> str:
    """Return what to do where no journal says more: the check's advice, unless that is to ask us."""
    node = place.node
    match step.link, step.check.key.code:
        case Link.BOOTED, "unit.active":
            unit = step.check.key.subject
            return f"on {place.host}: `systemctl restart {unit}`; {verdict.advice}"
        case ((Link.CFSSL | Link.API), ("cfssl.reachable" | "api.reachable")):
            return (
                f"what answers there runs, so look at the way: `hybridlab show openings` says what "
                f"{place.control_plane} lets in, `hybridlab verify --phase network {place.control_plane} "
                f"{node}` whether it does"
            )
        case Link.CA, "ca.same":
            return filled(NEW_CA, place)
        case Link.CA, "ca.there":
            return (
                f"on {node}: `systemctl restart kube-certmgr-bootstrap`, which fetches it; `hybridlab logs "
                f"{node} kube-certmgr-bootstrap` says what comes of it"
            )
        case ((Link.CA | Link.CERTIFICATE), code):
            forget = f"`rm {_CLIENT}`, and " if code == "certificate.own" else ""
            return (
                f"on {node}: {forget}`systemctl restart certmgr`; `hybridlab logs {node} certmgr` says what "
                f"comes of it"
            )
        case Link.OBJECT, "node.exists":
            return (
                f"its kubelet runs and reaches the API server: `hybridlab ssh {node} systemctl restart "
                f"kubelet`, and `hybridlab logs {node} kubelet` says what comes of it"
            )
        case Link.NETWORK, "flannel.subnet":
            return f"on {node}: `systemctl restart flannel`; `hybridlab logs {node} flannel` says why not"
        case Link.READY, _:
            return (
                f"on {node}: `systemctl restart containerd kubelet`; `kubectl describe node {node}` has its "
                f"conditions, `hybridlab logs {node} kubelet` the rest"
            )
    return verdict.advice


# Whoever is not well here, or the check itself, talks to the control plane.
_ASK_CONTROL_PLANE = frozenset(
    {Link.CFSSL, Link.CA, Link.CERTIFICATE, Link.API, Link.OBJECT, Link.NETWORK, Link.READY}
)
_CLIENT = "/var/lib/kubernetes/secrets/kubelet-client.pem"


def _to_look_at_first(cluster: Cluster, node: Node, step: Step) -> str:
    """Return what to do when nobody could look."""
    others = sorted(step.check.machines - {node.name})
    if not others:
        return f"try again; and `hybridlab ssh {node.name}`, to look at it yourself"
    [other, *_] = others
    if any(one.name == other for one in cluster.nodes):
        return f"is {other} well? `hybridlab diagnose {other}`"
    return f"is {other} well? `hybridlab verify --phase machines {other}`"

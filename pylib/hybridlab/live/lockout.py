"""Whether whoever deploys can still log in afterwards: their way in is looked at, and followed as it will be.

It is followed to the host, and on to each of its guests that lets us in now.
"""

from collections.abc import Iterable, Iterator
from functools import partial

from hybridlab.diagnostic import Diagnostic, Severity
from hybridlab.errors import LiveError
from hybridlab.live.access import look
from hybridlab.live.checks.check import CouldNotLook
from hybridlab.live.parallel import in_parallel
from hybridlab.live.preflight import Target
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.live.targets import address_of
from hybridlab.model.access import Break
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Machine
from hybridlab.model.way import follow
from hybridlab.spec.scalars import Address

_AT_ONCE = 16


def breaks_of(cluster: Cluster, where: Iterable[Target], ssh: Ssh) -> tuple[Diagnostic, ...]:
    """Return where the ways to hosts and their guests end in the new cluster, at the places in the spec."""
    jobs = []
    for target in where:
        jobs.append(partial(_diagnostics, cluster, target.host, ssh, target.address))
        jobs += [partial(_diagnostics, cluster, guest, ssh, None) for guest in target.host.guests]
    found = in_parallel(jobs, at_once=_AT_ONCE)
    by_text = {(one.message, one.path): one for some in found for one in some}
    return tuple(sorted(by_text.values(), key=lambda one: (str(one.path), one.message)))


def _diagnostics(
    cluster: Cluster, machine: Machine, ssh: Ssh, address: Address | None
) -> tuple[Diagnostic, ...]:
    try:
        return tuple(_of_machine(cluster, machine, ssh, address))
    except LiveError as error:
        return (_unknown(machine, str(error)),)
    # A machine may answer anything.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        return (_unknown(machine, f"its answer makes no sense ({error})"),)


def _unknown(machine: Machine, reason: str) -> Diagnostic:
    return Diagnostic(
        "CUT000",
        Severity.ERROR,
        f"nobody can tell whether you could still log in to {machine}: {reason}",
        machine.path,
        hint=f"look at it: `hybridlab ssh {machine.name}`",
    )


def _of_machine(
    cluster: Cluster, machine: Machine, ssh: Ssh, address: Address | None
) -> Iterator[Diagnostic]:
    match look(ssh, address or address_of(cluster, machine)):
        case Unreachable():
            return  # there is nothing to lose; that the host must be reached is seen elsewhere
        case CouldNotLook(reason):
            yield _unknown(machine, reason)
        case access:
            for one in follow(cluster, machine, access):
                yield _diagnostic(one)


def _diagnostic(broken: Break) -> Diagnostic:
    return Diagnostic(
        "CUT001",
        Severity.ERROR,
        f"the way in ends at hop '{broken.hop.value}': {broken.message}",
        broken.path,
        hint=broken.hint,
    )

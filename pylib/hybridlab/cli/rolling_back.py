"""The steps of a rollback in their order, with what is said and asked in between; no step is done here."""

from collections.abc import Iterable
from contextlib import ExitStack

import click

from hybridlab.cli import progress
from hybridlab.cli.table import format_table
from hybridlab.cli.terminal import notice, safe
from hybridlab.errors import LiveError
from hybridlab.live.deploy import Deployment, Earlier, NotTried, Options
from hybridlab.live.generations import Generation, earlier, generations, system_of
from hybridlab.live.lock import hold
from hybridlab.live.preflight import Problem, Seen, Target, look, targets
from hybridlab.live.prepare import Prepared
from hybridlab.live.ssh import Ssh
from hybridlab.live.switching import Changes
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host


def list_generations(cluster: Cluster, hosts: Iterable[Host]) -> None:
    """Show the generations of each host. Raises: LiveError."""
    ssh = Ssh()
    rows = [
        (target.name, str(one.number), one.made, "starts with it" if one.is_current else "")
        for target in targets(cluster, hosts, {})
        for one in _generations(ssh, target)
    ]
    click.echo(format_table(["HOST", "GENERATION", "MADE", ""], rows), nl=False)


def roll_back(cluster: Cluster, hosts: Iterable[Host], *, to: int | None, yes: bool, reach: int) -> bool:
    """Bring the hosts back, and say where each stands; return whether all went back.

    Raises: LiveError, before anything is changed if a host can not go back; click's Abort when the user says
    no; KeyboardInterrupt.
    """
    ssh = Ssh()
    with ExitStack() as stack:
        plans, locks = [], []
        for target in targets(cluster, hosts, {}):
            seen = _seen(ssh, target)
            locks.append(stack.enter_context(hold(ssh, target.addresses, target.name)))
            plans.append((seen, *_aim(ssh, target, to)))
        for seen, generation, _ in plans:
            to_what = f"to generation {generation.number}, of {generation.made}"
            click.echo(safe(f"{seen.target.name}: from generation {seen.generation or 'unknown'} {to_what}"))
        if not yes:
            click.confirm("roll back?", abort=True, err=True)
        jobs = tuple(Prepared(seen, system, Changes(), ()) for seen, _, system in plans)
        deployment = Deployment(jobs, cluster, ssh, Options(reach=reach, drain=False), notice, tuple(locks))
        deployment.standings = {job.target.name: NotTried() for job in jobs}
        try:
            for job, (_, generation, system) in zip(jobs, plans, strict=True):
                why = Earlier(f"generation {generation.number}, of {generation.made}")
                deployment.go_back(job, system, generation.number, why)
        finally:
            progress.show_standings(deployment.standings)
    return all(isinstance(standing, Earlier) for standing in deployment.standings.values())


def _seen(ssh: Ssh, target: Target) -> Seen:
    seen = look(ssh, target, brings=False)
    if isinstance(seen, Problem):
        raise LiveError(f"{seen.machine} {seen.message}; {seen.hint}")
    if seen.busy:
        raise LiveError(f"{target.name} is settling an earlier attempt: wait for its end")
    return seen


def _aim(ssh: Ssh, target: Target, to: int | None) -> tuple[Generation, str]:
    try:
        generation = earlier(generations(ssh, target.address), to)
        return generation, system_of(ssh, target.address, generation)
    except LiveError as error:
        raise LiveError(f"{target.name}: {error}") from error


def _generations(ssh: Ssh, target: Target) -> tuple[Generation, ...]:
    try:
        return generations(ssh, target.address)
    except LiveError as error:
        raise LiveError(f"{target.name}: {error}") from error

"""The steps of a deployment in their order, with what is said and asked in between; no step is done here."""

import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import click
from attrs import field, frozen

from hybridlab.cli import progress
from hybridlab.cli.applying import apply_manifests
from hybridlab.cli.render import render_report, summarize
from hybridlab.cli.terminal import notice
from hybridlab.diagnostic import Report
from hybridlab.errors import LiveError
from hybridlab.live import nix
from hybridlab.live.deploy import Deployment, Options
from hybridlab.live.drain import Nodes
from hybridlab.live.gate import firewall_changes
from hybridlab.live.kubeconfig import temporary
from hybridlab.live.kubectl import Kubectl
from hybridlab.live.lock import Lock, hold
from hybridlab.live.lockout import breaks_of
from hybridlab.live.preflight import Problem, Seen, Target, look_at_all, targets
from hybridlab.live.prepare import Prepared, ask_host, build_all, copy_all
from hybridlab.live.ssh import Cause, Ssh, Unreachable
from hybridlab.live.targets import address_of
from hybridlab.live.tracked import untracked
from hybridlab.model.cluster import Cluster
from hybridlab.model.deployment import in_turn
from hybridlab.model.node import Host, host_of
from hybridlab.secrets.check import check_secrets
from hybridlab.spec.scalars import Address

_FLAKE_LOCK = "flake.lock"
_POLL_SECONDS = 5
_LOGIN_SECONDS = 30
# Why ssh fails that no waiting mends.
_STAYS = frozenset({Cause.UNKNOWN_KEY, Cause.CHANGED_KEY, Cause.DENIED})


@frozen
class Choices:
    """What the user wants; `machines`: those to deploy, none for all; `reach`, `health`
    and `steady` in seconds.

    `at`: where hosts are reached now, by name, if not where the spec has them.
    """

    machines: frozenset[str] = frozenset()
    at: Mapping[str, Address] = field(factory=dict)
    stop_after: str | None = None
    yes: bool = False
    atomic: bool = False
    allow_cut: bool = False
    drain: bool = True
    apply: bool = True
    reach: int = 120
    health: int = 600
    steady: int = 30


def deploy(cluster: Cluster, folder: Path, files: Iterable[str], choices: Choices) -> bool:
    """Deploy from the flake in `folder`, the spec's, as far as the user wants; return whether all went well.

    `files`: those in it that are generated.

    Raises: LiveError; click's Abort when the user says no; KeyboardInterrupt.
    """
    hosts = in_turn(_hosts(cluster, choices))
    applies = choices.apply and cluster.kubernetes is not None and bool(cluster.workloads)
    progress.announce(cluster, hosts, apply=applies)
    if not _is_complete(cluster, folder, files):
        return False
    if choices.stop_after == "plan":
        return True
    nix.check_ready(folder)
    if applies and choices.stop_after is None and shutil.which("kubectl") is None:
        raise LiveError("kubectl is not installed, which applies the manifests: install it, or --no-apply")
    with ExitStack() as stack:
        where = targets(cluster, hosts, choices.at)
        ssh = Ssh(known_as={one.afterwards: one.address for one in where if len(one.addresses) > 1})
        locks: list[Lock] = []
        seen = _look(where, ssh, stack, locks)
        if seen is None or not _stays_reachable(cluster, where, ssh, allow_cut=choices.allow_cut):
            return False
        progress.show_openings(firewall_changes(cluster, hosts, ssh))
        if choices.stop_after == "look":
            return True
        links = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hybridlab-deploy-")))
        jobs = _prepare(seen, folder, links, ssh, choices)
        if jobs is None or choices.stop_after in ("build", "copy"):
            return jobs is not None
        if not choices.yes and not all(job.is_there for job in jobs):
            click.confirm("deploy?", abort=True, err=True)
        if not _switch(Deployment(jobs, cluster, ssh, _options(choices), notice, tuple(locks)), choices):
            return False
    return _apply(cluster, folder, ssh, choices) if applies else True


def _hosts(cluster: Cluster, choices: Choices) -> tuple[Host, ...]:
    names = {host_of(m) for m in cluster.machines if not choices.machines or m.name in choices.machines}
    return tuple(host for host in cluster.hosts if host.name in names)


def _options(choices: Choices) -> Options:
    return Options(choices.health, choices.steady, choices.reach, choices.drain)


def _is_complete(cluster: Cluster, folder: Path, files: Iterable[str]) -> bool:
    """Say which secrets are missing, and which files a flake does not see; return whether there are none."""
    report = check_secrets(cluster, folder)
    if report.diagnostics:
        click.echo(render_report(report), err=True, nl=False)
    if not report.ok:
        notice(f"{summarize(report)}; nothing is done: a machine gets all of its secrets or none")
        return False
    secrets = cluster.secrets.files if cluster.secrets else ()
    # Nix would make a lock file that it does not see anew, with other inputs than those in it.
    lock = [_FLAKE_LOCK] if (folder / _FLAKE_LOCK).exists() else []
    unknown = untracked(folder, [*files, "flake.nix", *lock, *secrets])
    for name in unknown:
        notice(f"git does not track {name}, so the flake does not see it", error=True)
    if unknown:
        notice(f"`git add` {'it' if len(unknown) == 1 else 'them'}, and deploy again; nothing is done")
    return not unknown


def _look(
    where: tuple[Target, ...], ssh: Ssh, stack: ExitStack, locks: list[Lock]
) -> tuple[Seen, ...] | None:
    """Look at all hosts, lock them for as long as `stack` is open, and say what stands in the way."""
    if _refused(look_at_all(where, ssh)):
        return None
    for target in where:
        locks.append(stack.enter_context(hold(ssh, target.addresses, target.name)))
    # Again, and for good: until it was locked, somebody else may have been at work.
    said: set[str] = set()
    while True:
        found = look_at_all(where, ssh)
        if _refused(found):
            return None
        seen = tuple(one for one in found if isinstance(one, Seen))
        busy = {one.target.name for one in seen if one.busy}
        if not busy:
            return seen
        for name in sorted(busy - said):
            notice(f"{name} is still settling an earlier attempt, whose end is waited for")
        said |= busy
        time.sleep(_POLL_SECONDS)


def _refused(found: Iterable[Seen | Problem]) -> bool:
    problems = [one for one in found if isinstance(one, Problem)]
    if problems:
        progress.show_problems(problems)
        notice("nothing was changed")
    return bool(problems)


def _stays_reachable(cluster: Cluster, where: Iterable[Target], ssh: Ssh, *, allow_cut: bool) -> bool:
    """Say where the way to a machine would break, and return whether to go on."""
    breaks = breaks_of(cluster, where, ssh)
    if not breaks:
        return True
    click.echo(render_report(Report.of(breaks, cluster.source)), err=True, nl=False)
    if allow_cut:
        notice("you go on although you may not be able to log in any more, at once or after its next restart")
        return True
    notice("you could not log in any more; nothing was changed. --allow-cut goes on all the same")
    return False


def _prepare(
    seen: tuple[Seen, ...], folder: Path, links: Path, ssh: Ssh, choices: Choices
) -> tuple[Prepared, ...] | None:
    """Build and copy all systems, and show what they would do; None if they can not be brought there."""
    systems = build_all(seen, folder, links, notice)
    if choices.stop_after == "build":
        for one in seen:
            progress.show_seen(one, systems[one.target.name])
        return ()
    problems = copy_all(seen, systems, ssh, folder, notice)
    if problems:
        progress.show_problems(problems)
        notice("nothing was changed")
        return None
    jobs = tuple(ask_host(one, systems[one.target.name], ssh) for one in seen)
    for job in jobs:
        progress.show_effects(job)
    return jobs


def _switch(deployment: Deployment, choices: Choices) -> bool:
    """Switch the hosts; show where each stands, whatever comes in between."""
    try:
        try:
            deployment.run()
        except LiveError as error:
            notice(str(error), error=True)
        except KeyboardInterrupt:
            if choices.atomic:
                deployment.take_back()
            raise
        names = ", ".join(job.target.name for job in deployment.switched)
        if names and not deployment.succeeded:
            wanted = choices.atomic or (
                not choices.yes and click.confirm(f"take back {names}, too?", err=True)
            )
            if wanted:
                deployment.take_back()
    finally:
        progress.show_standings(deployment.standings)
    return deployment.succeeded


def _apply(cluster: Cluster, folder: Path, ssh: Ssh, choices: Choices) -> bool:
    """Apply the manifests once the API server answers."""
    [first, *_] = cluster.control_plane
    nodes = Nodes(ssh, address_of(cluster, first.machine))
    end = time.monotonic() + choices.health
    while not nodes.states():
        login = ssh.run(nodes.address, ["true"], seconds=_LOGIN_SECONDS)
        if isinstance(login, Unreachable) and login.cause in _STAYS:
            notice(f"{first.name}, with the API server, can not be logged in to: {login}", error=True)
            notice(f"{login.advice}; then `hybridlab deploy` applies the manifests")
            return False
        if time.monotonic() > end:
            notice(
                f"the API server on {first.name} does not answer: `hybridlab diagnose {first.name}`",
                error=True,
            )
            return False
        time.sleep(_POLL_SECONDS)
    with temporary(cluster, ssh) as kubeconfig:
        apply_manifests(cluster, folder, Kubectl(kubeconfig=kubeconfig), yes=True)
    return True

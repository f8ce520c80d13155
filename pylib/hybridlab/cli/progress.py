"""A deployment, told to a person: what will be done, what it disturbs, and where each host ends up."""

from collections.abc import Iterable, Mapping

import click

from hybridlab.cli.table import format_table
from hybridlab.cli.terminal import notice, safe
from hybridlab.live.deploy import AsItWas, Earlier, New, NotTried, Old, Standing, Stayed, Unsettled
from hybridlab.live.gate import FirewallChanges
from hybridlab.live.preflight import Problem, Seen
from hybridlab.live.prepare import Prepared
from hybridlab.live.switching import disturbed_nodes, restarted_guests
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host


def announce(cluster: Cluster, hosts: Iterable[Host], *, apply: bool) -> None:
    """Say which hosts are deployed, in which order, with which guests, and what follows."""
    for number, host in enumerate(hosts, 1):
        guests = ", ".join(guest.name for guest in host.guests)
        click.echo(safe(f"{number}. {host}" + (f" with its guests {guests}" if guests else "")))
    if apply:
        click.echo(safe(f"then the manifests in k8s/ are applied to the cluster {cluster.name}"))


def show_problems(problems: Iterable[Problem]) -> None:
    """Say what stands in the way, and what to do about it."""
    for problem in problems:
        notice(f"{problem.machine} {problem.message}", error=True)
        click.echo(f"  {click.style('hint', fg='green', bold=True)} {safe(problem.hint)}", err=True)


def show_seen(seen: Seen, system: str) -> None:
    """Say from which system a host goes to which."""
    click.echo(safe(f"{seen.target.name}: {_short(seen.current)} -> {_short(system)}"))


def show_effects(job: Prepared) -> None:
    """Say what the switch of a host does to what runs there."""
    host, changes = job.target.host, job.changes
    if job.is_there:
        click.echo(safe(f"{host.name}: runs its new system already; nothing is done"))
        return
    rows = {
        "restarts guests": restarted_guests(changes, host),
        "disturbs nodes": disturbed_nodes(changes, host),
        "stops and starts": tuple(unit for unit in changes.stops if unit in changes.starts),
        "stops": tuple(unit for unit in changes.stops if unit not in changes.starts),
        "restarts": changes.restarts,
        "reloads": changes.reloads,
        "starts": tuple(unit for unit in changes.starts if unit not in changes.stops),
        "with a restart of the host only": job.restart_for,
    }
    click.echo(safe(f"{host.name}: {_short(job.seen.current)} -> {_short(job.system)}"))
    for what, names in rows.items():
        if names:
            click.echo(safe(f"  {what}: {', '.join(names)}"))


def show_openings(changes: FirewallChanges) -> None:
    """Say what firewalls let in from now on, and what no longer, and where nobody knows."""
    for what, items in (("from now on, on", changes.opens), ("shuts on", changes.shuts)):
        for item in items:
            click.echo(safe(f"{what} {item}"))
    for item in changes.unknown:
        click.echo(safe(f"what opens or shuts is not known of {item}"))


def show_standings(standings: Mapping[str, Standing]) -> None:
    """Show where each host stands, and what is left to do by hand."""
    rows = [(name, *_standing(standing)) for name, standing in standings.items()]
    click.echo(format_table(["HOST", "RUNS", "WHY"], rows), nl=False)
    for name, standing in standings.items():
        if isinstance(standing, New) and standing.restart_for:
            what = ", ".join(standing.restart_for)
            notice(f"{name}: {what} take effect with a restart: `hybridlab ssh {name} -- systemctl reboot`")


def _standing(standing: Standing) -> tuple[str, str]:
    match standing:
        case NotTried():
            return "what it ran", "not tried"
        case AsItWas():
            return "the new system", "as before"
        case New():
            return "the new system", "deployed"
        case Old(reason):
            return "the old system", reason
        case Earlier(which):
            return "an earlier system", which
        case Stayed(reason):
            return "what it ran", reason
        case Unsettled(reason, 0):
            return "nobody knows", f"{reason}: look at it with `hybridlab status`, or on its console"
        case Unsettled(reason, seconds):
            return "old or new", f"{reason}; the host settles that within {seconds // 60 + 1} min"


def _short(path: str) -> str:
    """Return a store path without its folder and most of its hash."""
    name = path.rpartition("/")[2]
    digest, _, rest = name.partition("-")
    return f"{rest} ({digest[:8]})" if rest else name

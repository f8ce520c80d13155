"""`hybridlab deploy`."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import click

from hybridlab.cli.duration import duration_option
from hybridlab.cli.ending import ExitCode
from hybridlab.cli.machines import check_names, complete_machine
from hybridlab.cli.spec_file import find_spec


@click.command
@click.argument("machines", metavar="[MACHINE]...", nargs=-1, shell_complete=complete_machine)
@click.option("--yes", is_flag=True, help="Do not ask before hosts are switched.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done: the same as --stop-after plan.")
@click.option(
    "--stop-after",
    type=click.Choice(["plan", "look", "build", "copy"]),
    help="End after the plan (nothing is contacted), after looking at the hosts, after building here, or "
    "after copying, when each host has said what a switch would do.",
)
@click.option(
    "--at",
    metavar="HOST=ADDRESS",
    multiple=True,
    help="Where a host is reached now, if not where the spec has it: before its first deployment, or when "
    "its address changes.",
)
@click.option("--atomic", is_flag=True, help="If one host fails, take back those before it without asking.")
@click.option("--allow-cut", is_flag=True, help="Go on although you could not log in any more.")
@click.option("--no-drain", is_flag=True, help="Leave pods on the nodes that are disturbed.")
@click.option("--no-apply", is_flag=True, help="Leave the manifests of Kubernetes as they are.")
@duration_option("--reach", "2m", "How long a host waits for a new connection before it goes back.")
@duration_option("--health", "10m", "How long a host may take to be as well as before.")
@duration_option("--steady", "30s", "How long it has to stay so before it keeps its new system.")
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes each option by its name
    ctx: click.Context,
    machines: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    stop_after: str | None,
    at: tuple[str, ...],
    atomic: bool,
    allow_cut: bool,
    no_drain: bool,
    no_apply: bool,
    reach: int,
    health: int,
    steady: int,
) -> None:
    """Deploy hosts with their guests, so that each ends on its new system or on the old one.

    For a guest, its host is deployed: guests are part of their host's system. Without MACHINE, all hosts are.

    Refused if the spec has errors, if generated files are not as `hybridlab generate --check` wants them or
    are unknown to git, if a secret is missing, if a host can not be reached, has another host key, no room or
    somebody else who deploys, or if you could not log in any more afterwards. Root must be able to log in by
    ssh key.

    All hosts' systems are built, then copied; then one host after the other is switched. A host goes back by
    itself unless a new connection reaches it within --reach, and it is as well as before within --health;
    also when it is restarted in between. Last, the manifests are applied. This needs Nix here, and kubectl
    for the manifests.
    """
    from hybridlab.cli.deploying import Choices, deploy  # noqa: PLC0415 - see program.py
    from hybridlab.cli.stages import require_generated, sound_cluster  # noqa: PLC0415

    spec = find_spec(ctx.obj)
    cluster = sound_cluster(spec)
    check_names(machines, [machine.name for machine in cluster.machines])
    places = dict(_place(text) for text in at)
    check_names(tuple(places), [host.name for host in cluster.hosts])
    files = require_generated(cluster, spec.parent)
    choices = Choices(
        machines=frozenset(machines),
        at=places,
        stop_after="plan" if dry_run else stop_after,
        yes=yes,
        atomic=atomic,
        allow_cut=allow_cut,
        drain=not no_drain,
        apply=not no_apply,
        reach=reach,
        health=health,
        steady=steady,
    )
    if not deploy(cluster, spec.parent, files, choices):
        ctx.exit(ExitCode.ERRORS)


def _place(text: str) -> tuple[str, IPv4Address | IPv6Address]:
    """Return the host and the address in `HOST=ADDRESS`."""
    name, _, address = text.partition("=")
    try:
        return name, ip_address(address)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no HOST=ADDRESS", param_hint="--at") from None

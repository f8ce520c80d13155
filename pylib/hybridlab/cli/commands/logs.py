"""`hybridlab logs`."""

import click

import hybridlab
from hybridlab.cli.machines import check_names, complete_machine
from hybridlab.cli.spec_file import find_spec


@click.command
@click.argument("name", shell_complete=complete_machine)
@click.argument("units", metavar="[UNIT]...", nargs=-1)
@click.option("-n", "--lines", type=click.IntRange(1), help="Only the last so many lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("--since", metavar="TEXT", help='From then on: "-1h", "yesterday", "2026-01-31 18:00".')
@click.option("-b", "--boot", is_flag=True, help="Only since the machine's last start.")
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes each option by its name
    ctx: click.Context,
    name: str,
    units: tuple[str, ...],
    lines: int | None,
    follow: bool,
    since: str | None,
    boot: bool,
) -> None:
    """Show the journal of a machine, or of units on it.

    Without --lines, --since and --boot, its last 100 lines. UNIT may be a pattern, as 'kube*'. The exit code
    is journalctl's, or 255 if ssh fails.
    """
    from hybridlab.live.session import Journal, become  # noqa: PLC0415 - see program.py
    from hybridlab.live.ssh import Ssh  # noqa: PLC0415
    from hybridlab.live.targets import address_of  # noqa: PLC0415

    cluster = hybridlab.resolve(hybridlab.load_spec(find_spec(ctx.obj)))
    check_names([name], [machine.name for machine in cluster.machines])
    try:
        journal = Journal(units, lines, follow, since, boot)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    become(Ssh().command(address_of(cluster, cluster.machine(name)), journal.words))

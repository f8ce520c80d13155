"""`hybridlab rollback`."""

import click

from hybridlab.cli.duration import duration_option
from hybridlab.cli.ending import ExitCode
from hybridlab.cli.machines import check_names, complete_machine
from hybridlab.cli.spec_file import find_spec


@click.command
@click.argument("machines", metavar="[MACHINE]...", nargs=-1, shell_complete=complete_machine)
@click.option("--to", type=click.IntRange(min=1), help="The number of the generation, for a single host.")
@click.option("--list", "only_list", is_flag=True, help="List the generations that hosts have, and end.")
@click.option("--yes", is_flag=True, help="Do not ask before it begins.")
@duration_option("--reach", "2m", "How long a host waits for a new connection before it takes that back.")
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes each option by its name
    ctx: click.Context, machines: tuple[str, ...], to: int | None, only_list: bool, yes: bool, reach: int
) -> None:
    """Bring hosts back to the generation of NixOS before the present one, with their guests.

    For a guest, its host is rolled back. Without MACHINE, all hosts are. A host that can not be reached over
    a new connection afterwards returns to what it runs now. Neither the spec nor the cluster's manifests go
    back: do that with git, or the next deployment brings the same again.
    """
    import hybridlab  # noqa: PLC0415 - see program.py
    from hybridlab.cli.rolling_back import list_generations, roll_back  # noqa: PLC0415
    from hybridlab.model.node import host_of  # noqa: PLC0415

    cluster = hybridlab.resolve(hybridlab.load_spec(find_spec(ctx.obj)))
    check_names(machines, [machine.name for machine in cluster.machines])
    names = {host_of(machine) for machine in cluster.machines if not machines or machine.name in machines}
    hosts = [host for host in cluster.hosts if host.name in names]
    if to is not None and len(hosts) != 1:
        raise click.UsageError("--to is for a single host: name it")
    if only_list:
        list_generations(cluster, hosts)
    elif not roll_back(cluster, hosts, to=to, yes=yes, reach=reach):
        ctx.exit(ExitCode.ERRORS)

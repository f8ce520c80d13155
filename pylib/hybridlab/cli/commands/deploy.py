"""`hybridlab deploy`."""

import click

from hybridlab.cli.ending import ExitCode
from hybridlab.cli.machines import check_names, complete_machine
from hybridlab.cli.spec_file import find_spec


@click.command
@click.argument("machines", metavar="[MACHINE]...", nargs=-1, shell_complete=complete_machine)
@click.option("--yes", is_flag=True, help="Do not ask before it begins.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.pass_context
def command(ctx: click.Context, machines: tuple[str, ...], yes: bool, dry_run: bool) -> None:
    """Deploy hosts with their guests, by nixos-rebuild over ssh.

    For a guest, its host is deployed: guests are part of their host's system. Without MACHINE, all hosts are,
    in the order of their names; after the first that fails, none.

    Refused if the spec has errors, or if the generated files beside it are not as `hybridlab generate
    --check` wants them. Root must be able to log in by ssh key.
    """
    from hybridlab.cli import progress  # noqa: PLC0415 - see program.py
    from hybridlab.cli.stages import require_generated, sound_cluster  # noqa: PLC0415
    from hybridlab.live.deploy import check_ready, plan_deployments  # noqa: PLC0415

    spec = find_spec(ctx.obj)
    cluster = sound_cluster(spec)
    check_names(machines, [machine.name for machine in cluster.machines])
    require_generated(cluster, spec.parent)

    deployments = plan_deployments(cluster, machines)
    progress.announce(deployments, spec.parent)
    if dry_run:
        return
    check_ready(spec.parent)
    if not yes:
        click.confirm("deploy?", abort=True, err=True)
    if not progress.follow(deployments, spec.parent):
        ctx.exit(ExitCode.ERRORS)

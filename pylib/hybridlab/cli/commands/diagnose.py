"""`hybridlab diagnose`."""

import json

import click

from hybridlab.cli.ending import ExitCode
from hybridlab.cli.machines import check_names, complete_machine
from hybridlab.cli.spec_file import find_spec


@click.command
@click.argument("node", shell_complete=complete_machine)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="How it is shown; json: one object.",
)
@click.pass_context
def command(ctx: click.Context, node: str, form: str) -> None:
    """Say why a node has not joined the cluster.

    What has to be well for that is looked at in its order, from the guest that runs to the node that is
    ready: over ssh to the node, its host and the control plane, and nothing is changed. The first link that
    is broken is shown with what the journal says and what mends it. The checks are those of `hybridlab
    verify`.

    The join token is compared by its digest and stays unread; what looks like a secret is left out of
    journals.

    The exit code is 0 if the whole chain is well, and 1 if a link is broken, or could not be looked at.

    json: an object with node, result (well, broken, could-not-look), link, means, fix, evidence (machine,
    unit, lines), beside and chain; both of the latter are lists of checks as `verify --format json` has them.
    """
    from hybridlab.cli import diagnosis as shown  # noqa: PLC0415 - see program.py
    from hybridlab.cli.overwritten import OverwrittenLine  # noqa: PLC0415
    from hybridlab.cli.stages import sound_cluster  # noqa: PLC0415
    from hybridlab.live.checks.all import all_checks  # noqa: PLC0415
    from hybridlab.live.checks.selection import select  # noqa: PLC0415
    from hybridlab.live.diagnose import diagnose  # noqa: PLC0415
    from hybridlab.live.ssh import Ssh  # noqa: PLC0415

    cluster = sound_cluster(find_spec(ctx.obj))
    check_names([node], [machine.name for machine in cluster.machines])
    member = next((one for one in cluster.nodes if one.name == node), None)
    if member is None or cluster.kubernetes is None or not cluster.control_plane:
        known = ", ".join(one.name for one in cluster.nodes) or "none"
        raise click.UsageError(f"{node!r} is no node of a Kubernetes cluster; nodes are: {known}")
    line = OverwrittenLine(wanted=form == "table")
    line.show(f"looking at {node}")
    try:
        found = diagnose(cluster, member, Ssh())
    finally:
        line.clear()
    if form == "json":
        click.echo(json.dumps(shown.as_data(found), indent=2))
    else:
        selection = select(all_checks(cluster), machines=[node])
        looked_at = {told.check.key for told in found.steps}
        further = [c for c in selection.checks if c.key in selection.wanted and c.key not in looked_at]
        for text in shown.lines(found, further):
            click.echo(text)
    if found.end is not None:
        ctx.exit(ExitCode.ERRORS)

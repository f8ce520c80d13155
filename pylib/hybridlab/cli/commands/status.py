"""`hybridlab status`."""

import json

import click

import hybridlab
from hybridlab.cli.ending import ExitCode
from hybridlab.cli.spec_file import find_spec


@click.command
@click.option("--no-build", is_flag=True, help="Do not ask Nix what the flake makes: that takes time.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="How it is shown; json: a list of objects.",
)
@click.pass_context
def command(ctx: click.Context, no_build: bool, form: str) -> None:
    """Find drift between spec, files, systems and cluster.

    The spec is held against the generated files, these against what git tracks, what the flake makes of them
    against the systems that are installed, these against what runs, and spec and manifests against the
    cluster. Each thing that drifts is missing, extra or changed, and told once; it is unreachable if nobody
    could look. Nothing is changed anywhere. Whether all is well is a matter of `hybridlab verify`.

    The exit code is 0 if nothing drifts, 3 if something does, and 1 if something could not be looked at.
    """
    from hybridlab.cli.file_drift import as_object, file_drift, seen_by_flake  # noqa: PLC0415 - see program.py
    from hybridlab.cli.overwritten import OverwrittenLine  # noqa: PLC0415
    from hybridlab.cli.stages import sound_cluster  # noqa: PLC0415
    from hybridlab.cli.table import format_table  # noqa: PLC0415
    from hybridlab.cli.terminal import notice  # noqa: PLC0415
    from hybridlab.emit.kubernetes.tree import FOLDER  # noqa: PLC0415
    from hybridlab.live.drift import State  # noqa: PLC0415
    from hybridlab.live.ssh import Ssh  # noqa: PLC0415
    from hybridlab.live.status import Folders, git_drift, live_drift  # noqa: PLC0415

    spec = find_spec(ctx.obj)
    cluster, folder = sound_cluster(spec), spec.parent
    plan = hybridlab.plan(hybridlab.emit_all(cluster), folder)
    found = [*file_drift(plan), *git_drift(folder, seen_by_flake(plan))]
    line = OverwrittenLine()
    try:
        folders = Folders(folder, folder / FOLDER)
        found += live_drift(cluster, folders, Ssh(), build=not no_build, say=line.show)
    finally:
        line.clear()

    if form == "json":
        click.echo(json.dumps([as_object(one) for one in found], indent=2))
    elif found:
        rows = [(one.layer.value, one.item, one.state.value, one.detail, one.advice) for one in found]
        click.echo(format_table(["LAYER", "ITEM", "STATE", "DETAIL", "WHAT TO DO"], rows), nl=False)
    unseen = sum(one.state is State.UNREACHABLE for one in found)
    drifts = len(found) - unseen
    known = {0: "nothing drifts", 1: "1 thing drifts"}.get(drifts, f"{drifts} things drift")
    notice(known + (f", {unseen} could not be looked at" if unseen else ""))
    if unseen:
        ctx.exit(ExitCode.ERRORS)
    if drifts:
        ctx.exit(ExitCode.DIFFERENT)

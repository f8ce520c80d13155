"""`hybridlab generate`."""

from pathlib import Path

import click

import hybridlab
from hybridlab.cli.ending import ExitCode
from hybridlab.cli.spec_file import find_spec


@click.command
@click.option("--check", is_flag=True, help="Write nothing; exit with 3 if a file is not as it should be.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change as a unified diff.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder to write into; by default the one of the spec.",
)
@click.option("--force", is_flag=True, help="Give up edits by hand of generated files.")
@click.pass_context
def command(ctx: click.Context, check: bool, diff: bool, out: Path | None, force: bool) -> None:
    """Write the NixOS modules and Kubernetes manifests.

    Nothing is written if the spec has errors, or if a file is in the way: one that hybridlab did not write,
    or one that somebody edited by hand since (--force gives such edits up). Generated files that are no
    longer part of the cluster are removed.

    --check lists every file that is missing, stale, edited or left over; with --diff also how. --diff alone
    shows what a run would do, and exits as that run would.
    """
    from hybridlab.cli import changes  # noqa: PLC0415 - see program.py
    from hybridlab.cli.stages import sound_cluster  # noqa: PLC0415

    if check and force:
        raise click.UsageError("--check writes nothing, so --force has nothing to give up")
    spec = find_spec(ctx.obj)
    folder = out if out is not None else spec.parent
    cluster = sound_cluster(spec)
    plan = hybridlab.plan(hybridlab.emit_all(cluster), folder)

    if check:
        ctx.exit(changes.show_differences(plan, folder, with_diff=diff))
    wanted = plan.forced if force else plan
    if wanted.conflicts:
        changes.show_conflicts(wanted, folder)
        ctx.exit(ExitCode.ERRORS)
    if diff:
        changes.show_diff(wanted)
    else:
        changes.show_done(hybridlab.apply(plan, force=force, on_wait=changes.show_waiting), folder)

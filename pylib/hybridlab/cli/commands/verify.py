"""`hybridlab verify`."""

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from hybridlab.cli.duration import duration_option
from hybridlab.cli.ending import ExitCode
from hybridlab.cli.machines import check_names, complete_machine
from hybridlab.cli.spec_file import find_spec

if TYPE_CHECKING:
    from hybridlab.live.checks.check import Check, Key, Result
    from hybridlab.model.cluster import Cluster

# The phases of live/checks/check.py, named here so that completing and refusing one imports nothing.
PHASE_NAMES = ("machines", "network", "secrets", "gpu", "cluster", "workloads")


@click.command
@click.argument("machines", metavar="[MACHINE]...", nargs=-1, shell_complete=complete_machine)
@click.option(
    "--phase", "phases", type=click.Choice(PHASE_NAMES), multiple=True, help="Only this one; repeatable."
)
@click.option("--skip", metavar="CODE", multiple=True, help="Leave out the checks of a code; repeatable.")
@duration_option("--wait", "0s", "How long to ask again what is not well, as in 90s, 10m, 1h.")
@click.option("--prompt", metavar="MODEL", help="Have Ollama load this model, and answer.")
@click.option("--verbose", is_flag=True, help="Show every check, not only those that are not ok.")
@click.option("--list", "listing", is_flag=True, help="Only show what would be checked.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "junit", "markdown"]),
    default="table",
    help="How it is shown; junit: XML, for CI; markdown: with --list, as a checklist.",
)
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes each option by its name
    ctx: click.Context,
    machines: tuple[str, ...],
    phases: tuple[str, ...],
    skip: tuple[str, ...],
    wait: int,
    prompt: str | None,
    verbose: bool,
    listing: bool,
    form: str,
) -> None:
    """Check the running machines against the spec, over ssh.

    Everything that the spec says of machines, network, secrets, GPU, Kubernetes and workloads is looked at,
    in parallel, and nothing is changed. With MACHINE, only what is about these or asks them. What a check
    needs is looked at besides, and shown if it is not well.

    A result is ok, failed, skipped for a reason, or could not look. The exit code is 1 if a check failed or
    could not look.

    json: a list of objects with code, machine, subject, phase, title, status (ok, failed, skipped,
    could-not-look), expected, found, advice, reason; null where there is no such thing.
    """
    from hybridlab.cli import results as shown  # noqa: PLC0415 - see program.py
    from hybridlab.cli.stages import sound_cluster  # noqa: PLC0415
    from hybridlab.cli.terminal import notice  # noqa: PLC0415
    from hybridlab.live.checks.all import all_checks  # noqa: PLC0415
    from hybridlab.live.checks.check import Phase  # noqa: PLC0415
    from hybridlab.live.checks.selection import select  # noqa: PLC0415
    from hybridlab.model.workload import Ollama  # noqa: PLC0415

    if listing and form == "junit":
        raise click.UsageError("--list has no results, and junit shows nothing else")
    if not listing and form == "markdown":
        raise click.UsageError("markdown is for --list: a checklist without results")
    cluster = sound_cluster(find_spec(ctx.obj))
    if prompt is not None and not any(isinstance(workload, Ollama) for workload in cluster.workloads):
        raise click.UsageError("--prompt needs an Ollama, and the cluster has none")
    check_names(machines, [machine.name for machine in cluster.machines])
    checks = all_checks(cluster, prompt=prompt)
    _check_codes(skip, {check.key.code for check in checks})
    selection = select(checks, machines=machines, phases=[Phase(name) for name in phases], skip=skip)
    if listing:
        _show_checks(cluster, [check for check in selection.checks if check.key in selection.wanted], form)
        return

    known, finished = _carry_out(selection.checks, cluster, wait, quiet=form != "table")
    results = [
        known[check.key]
        for check in selection.checks
        if check.key in known
        and (check.key in selection.wanted or shown.exit_code([known[check.key]]) is not ExitCode.FINE)
    ]
    _show_results(results, form, verbose=verbose)
    notice(shown.count(results))
    if not finished:
        notice(f"interrupted: {len(selection.checks) - len(known)} checks are not known")
        ctx.exit(ExitCode.INTERRUPTED)
    ctx.exit(shown.exit_code(results))


def _check_codes(codes: Collection[str], known: Collection[str]) -> None:
    for code in codes:
        if code not in known:
            there = ", ".join(sorted(known)) or "none"
            raise click.UsageError(f"no check of this cluster has the code {code!r}; there are: {there}")


def _carry_out(
    checks: Collection["Check"], cluster: "Cluster", wait: int, *, quiet: bool
) -> tuple[dict["Key", "Result"], bool]:
    """Return what the checks came to, as far as the user let it come, and whether that is all."""
    from hybridlab.cli import results as shown  # noqa: PLC0415 - see program.py
    from hybridlab.cli.overwritten import OverwrittenLine  # noqa: PLC0415
    from hybridlab.live.ssh import Ssh  # noqa: PLC0415
    from hybridlab.live.verify import verify  # noqa: PLC0415

    known: dict[Key, Result] = {}
    line = OverwrittenLine(wanted=not quiet)

    def heard(result: "Result") -> None:
        known[result.check.key] = result
        line.show(f"{len(known)} of {len(checks)} checks: {shown.count(known.values())}")

    try:
        verify(checks, cluster, Ssh(), on_result=heard, wait=wait)
    except KeyboardInterrupt:
        return known, False
    finally:
        line.clear()
    return known, True


def _show_checks(cluster: "Cluster", checks: Collection["Check"], form: str) -> None:
    from hybridlab.cli import results as shown  # noqa: PLC0415 - see program.py
    from hybridlab.live.checklist import checklist_page  # noqa: PLC0415

    match form:
        case "json":
            click.echo(json.dumps([shown.as_object(check) for check in checks], indent=2))
        case "markdown":
            click.echo(checklist_page(cluster.name, checks), nl=False)
        case _:
            click.echo(shown.checks_table(checks), nl=False)


def _show_results(results: "list[Result]", form: str, *, verbose: bool) -> None:
    from hybridlab.cli import results as shown  # noqa: PLC0415 - see program.py
    from hybridlab.cli.junit import as_junit  # noqa: PLC0415

    match form:
        case "json":
            click.echo(json.dumps(shown.as_objects(results), indent=2))
        case "junit":
            click.echo(as_junit(results), nl=False)
        case _:
            shown.show_results(results, verbose=verbose)

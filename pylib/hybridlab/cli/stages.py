"""The stages up to a cluster that can be generated, as commands run them one after the other."""

from collections.abc import Container
from pathlib import Path

import click
from attrs import evolve

import hybridlab
from hybridlab.cli import changes
from hybridlab.cli.ending import ExitCode
from hybridlab.cli.render import render_report, summarize
from hybridlab.cli.terminal import notice
from hybridlab.model.cluster import Cluster


def sound_cluster(spec: Path, *, but: Container[str] = ()) -> Cluster:
    """Return the cluster of the spec; findings are shown on standard error, and errors end the run.

    Those of the codes `but` are left out: the command is there to help against them.

    Raises: SpecError, ResolveError; click's Exit when the rules find an error.
    """
    cluster = hybridlab.resolve(hybridlab.load_spec(spec))
    report = hybridlab.check(cluster)
    report = evolve(report, diagnostics=tuple(found for found in report if found.code not in but))
    if report.diagnostics:
        click.echo(render_report(report), err=True, nl=False)
    if not report.ok:
        notice(f"{summarize(report)} in {spec}; nothing is done")
        raise click.exceptions.Exit(ExitCode.ERRORS)
    if any(one.diagnostic.severity is hybridlab.Severity.ERROR for one in report.waived):
        notice(f"{summarize(report)} in {spec}")
    return cluster


def require_generated(cluster: Cluster, folder: Path) -> tuple[str, ...]:
    """Return the generated files by name, if those in `folder` are as they would be generated now.

    Otherwise end the run, with what differs on standard error.
    """
    plan = hybridlab.plan(hybridlab.emit_all(cluster), folder)
    if not plan.is_current:
        raise click.exceptions.Exit(changes.show_differences(plan, folder, err=True))
    return tuple(str(action.path) for action in (*plan.actions, plan.index))

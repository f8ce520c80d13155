"""How the manifests come into the cluster, with what is said and asked in between; kubectl does it."""

from pathlib import Path

import click

from hybridlab.cli.terminal import notice, safe
from hybridlab.emit.kubernetes.tree import FOLDER
from hybridlab.live.kubectl import Kubectl, check_is
from hybridlab.model.cluster import Cluster


def apply_manifests(  # noqa: PLR0913 - each is a choice of the user
    cluster: Cluster,
    spec_folder: Path,
    kubectl: Kubectl,
    *,
    yes: bool,
    dry_run: bool = False,
    force_conflicts: bool = False,
    prune: bool = False,
) -> None:
    """Show what would change, and apply it once the user agrees (`yes`: has agreed).

    Raises: LiveError; click's Abort when the user says no.
    """
    folder = spec_folder / FOLDER
    server = kubectl.server()
    check_is(cluster, kubectl.nodes(), server)
    missing = kubectl.missing(cluster.namespaces) if cluster.workloads else ()
    difference = ""
    if not cluster.workloads:
        notice(f"{cluster.name} has no workloads")
    elif missing:
        # The server compares nothing that is in a namespace which does not exist.
        click.echo(f"new, with all that is in them: namespace {', '.join(missing)}")
    else:
        difference = kubectl.difference(folder)
        _show(difference)
    left_over = kubectl.left_over(cluster, folder)
    doomed = [left for left in left_over if prune and not left.holds_others]
    for left in left_over:
        if left in doomed:
            click.echo(safe(f"no longer generated, and removed: {left}"))
        else:
            notice(f"no longer generated, and left as it is: kubectl delete {left}")
    changes = bool(missing or difference)
    if not changes and not doomed:
        notice(f"the cluster at {server} is as generated")
        return
    if dry_run:
        return
    if not yes:
        click.confirm(f"apply to {server}?", abort=True, err=True)
    if changes:
        _show(kubectl.apply(folder, force=force_conflicts))
    for left in doomed:
        kubectl.delete(left)
        notice(f"removed {left}")


def _show(text: str) -> None:
    for line in text.splitlines():
        click.echo(safe(line))

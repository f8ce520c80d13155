"""`hybridlab apply`."""

import click

from hybridlab.cli.spec_file import find_spec


@click.command
@click.option("--context", metavar="NAME", help="kubectl's context; by default the current one.")
@click.option("--dry-run", is_flag=True, help="Only say what would change, as the server sees it.")
@click.option("--force-conflicts", is_flag=True, help="Take fields that somebody else has set since.")
@click.option("--prune", is_flag=True, help="Remove what was applied once and is no longer generated.")
@click.option("--yes", is_flag=True, help="Do not ask before it begins.")
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes each option by its name
    ctx: click.Context, context: str | None, dry_run: bool, force_conflicts: bool, prune: bool, yes: bool
) -> None:
    """Apply the Kubernetes manifests, with kubectl.

    kubectl uses your own configuration (KUBECONFIG). What would change is shown first. What somebody else has
    set since is a conflict, and stays theirs unless you say otherwise. Objects that were applied once and are
    no longer generated are named; --prune removes them, but no namespace and no definition of a kind, since
    what is not ours would go along.

    Refused if the spec has errors, if the generated files beside it are not as `hybridlab generate --check`
    wants them, or if the cluster has none of the spec's nodes.
    """
    from hybridlab.cli.applying import apply_manifests  # noqa: PLC0415 - see program.py
    from hybridlab.cli.stages import require_generated, sound_cluster  # noqa: PLC0415
    from hybridlab.live.kubectl import Kubectl  # noqa: PLC0415

    spec = find_spec(ctx.obj)
    cluster = sound_cluster(spec)
    require_generated(cluster, spec.parent)
    apply_manifests(
        cluster,
        spec.parent,
        Kubectl(context),
        yes=yes,
        dry_run=dry_run,
        force_conflicts=force_conflicts,
        prune=prune,
    )

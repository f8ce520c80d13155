"""`hybridlab schema`."""

import click


@click.command
def command() -> None:
    """Print the JSON Schema of the spec, for an editor.

    Put it beside cluster.yaml (`hybridlab schema > cluster.schema.json`) and begin that file with the line
    `# yaml-language-server: $schema=cluster.schema.json`: any editor with yaml-language-server then completes
    and explains its keys. What spans several of them, `hybridlab check` finds.
    """
    from hybridlab.spec.cluster import NixosSpec  # noqa: PLC0415 - see program.py
    from hybridlab.spec.gpu import GpuSpec  # noqa: PLC0415
    from hybridlab.spec.schema import cluster_schema, print_schema  # noqa: PLC0415
    from hybridlab.tables.gpu import GPU_MODELS  # noqa: PLC0415
    from hybridlab.tables.releases import RELEASES  # noqa: PLC0415

    offers = {(GpuSpec, "model"): tuple(GPU_MODELS), (NixosSpec, "release"): tuple(RELEASES)}
    click.echo(print_schema(cluster_schema(offers)), nl=False)

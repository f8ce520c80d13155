"""`hybridlab kubeconfig`."""

import shlex
from pathlib import Path

import click

import hybridlab
from hybridlab.cli.spec_file import find_spec


@click.command
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Where to write it; -: standard output. By default ~/.kube/hybridlab-NAME, of the cluster's name.",
)
@click.option("--force", is_flag=True, help="Replace the file that is there.")
@click.pass_context
def command(ctx: click.Context, out: Path | None, force: bool) -> None:
    """Fetch the admin's kubeconfig from the control plane.

    It leads to the API server at the address that you reach. The key in it opens the whole cluster: the file
    is readable for you alone, and refused where git would commit it. Nothing is merged into a configuration
    that you have. What is printed makes kubectl use it: eval "$(hybridlab kubeconfig)"
    """
    from hybridlab.cli.terminal import notice  # noqa: PLC0415 - see program.py
    from hybridlab.live.kubeconfig import default_path, fetch, save, server_of  # noqa: PLC0415
    from hybridlab.live.ssh import Ssh  # noqa: PLC0415

    cluster = hybridlab.resolve(hybridlab.load_spec(find_spec(ctx.obj)))
    text = fetch(cluster, Ssh())
    if out == Path("-"):
        click.echo(text, nl=False)
        return
    path = (out or default_path(cluster)).absolute()
    save(text, path, replace=force)
    notice(f"whoever can read {path} owns the cluster at {server_of(cluster)}")
    click.echo(f"export KUBECONFIG={shlex.quote(str(path))}")

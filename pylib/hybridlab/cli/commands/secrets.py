"""`hybridlab secrets`."""

from pathlib import Path

import click

import hybridlab
from hybridlab.cli.ending import ExitCode
from hybridlab.cli.spec_file import find_spec


@click.group
def command() -> None:
    """Make, check and replace what the cluster keeps secret, with sops.

    A sops file is encrypted for the recipients of the spec, and committed like any other file. `init` and
    `rotate` run sops and age-keygen; no secret is shown, passed as an argument, or written as it is.
    """


@command.command
@click.pass_context
def init(ctx: click.Context) -> None:
    """Make the keys of guests, and the file with the join token.

    What exists is left alone. A guest gets its age key from its host: the private halves lie in a file that
    only the host and people can read, the public ones belong into the spec. Those that are not there yet are
    printed, to be added to secrets.recipients; run this again then.
    """
    from hybridlab.cli.stages import sound_cluster  # noqa: PLC0415 - see program.py
    from hybridlab.cli.terminal import notice  # noqa: PLC0415
    from hybridlab.live.secrets import init_secrets  # noqa: PLC0415

    spec = find_spec(ctx.obj)
    done = init_secrets(sound_cluster(spec, but=("SEC001",)), spec.parent)
    for verb, files in (("made", done.made), ("extended", done.extended), ("left alone", done.left)):
        for file in files:
            notice(f"{verb:<12}{file}")
    if done.missing:
        for name, key in done.missing.items():
            click.echo(f"{name}: {key}")
        notice(f"put these into secrets.recipients of {spec}, then run `hybridlab secrets init` again")
        ctx.exit(ExitCode.ERRORS)
    notice("commit these files; `hybridlab secrets check` tells when one is missing or stale")


@command.command
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How findings are shown; json: a list of objects.",
)
@click.pass_context
def check(ctx: click.Context, form: str) -> None:
    """Find recipients, keys and files that are missing or stale.

    No private key is needed: a sops file shows who can read it, and which keys it has. What it can not show
    is whether a value is right.
    """
    from hybridlab.cli.findings import show_findings  # noqa: PLC0415 - see program.py
    from hybridlab.secrets.check import check_secrets  # noqa: PLC0415

    spec = find_spec(ctx.obj)
    cluster = hybridlab.resolve(hybridlab.load_spec(spec))
    ctx.exit(show_findings(check_secrets(cluster, spec.parent), form, _folder(cluster, spec)))


@command.command
@click.option("--yes", is_flag=True, help="Do not ask before it begins.")
@click.pass_context
def rotate(ctx: click.Context, yes: bool) -> None:
    """Replace the join token with a fresh one.

    Your age private key has to be where sops looks for it. Nodes keep the certificates that they have; with
    the old token they get no new ones, so every machine has to be deployed before these end (720 hours).
    """
    from hybridlab.cli.stages import sound_cluster  # noqa: PLC0415 - see program.py
    from hybridlab.cli.terminal import notice  # noqa: PLC0415
    from hybridlab.live.secrets import rotate_join_token  # noqa: PLC0415

    spec = find_spec(ctx.obj)
    cluster = sound_cluster(spec)
    if not yes:
        click.confirm("replace the join token?", abort=True, err=True)
    file = rotate_join_token(cluster, spec.parent)
    notice(f"there is a fresh join token in {file}")
    hosts = " ".join(host.name for host in cluster.hosts)
    notice(f"commit it, and deploy every host with its guests: hybridlab deploy {hosts}")


def _folder(cluster: "hybridlab.Cluster", spec: Path) -> Path:
    return spec.parent if cluster.secrets is None else (spec.parent / cluster.secrets.file).parent

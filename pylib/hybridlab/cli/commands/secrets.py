"""`hybridlab secrets`."""

import sys
from pathlib import Path

import click

import hybridlab
from hybridlab.cli.ending import ExitCode
from hybridlab.cli.formats import format_option
from hybridlab.cli.spec_file import find_spec
from hybridlab.errors import LiveError

# Kubernetes, MaxSecretSize (pkg/apis/core/types.go).
_MOST_BYTES = 2**20


@click.group
def command() -> None:
    """Make, check and replace what the cluster keeps secret, with sops.

    A sops file is encrypted for the recipients of the spec, and committed like any other file. All but
    `check` run sops or age-keygen; no secret is shown, passed as an argument, or written as it is.
    """


@command.command
@click.pass_context
def init(ctx: click.Context) -> None:
    """Make the keys of guests, and the file with the join token; name what `set` has to be told.

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
    for key in done.unset:
        notice(f"a workload waits for a value: hybridlab secrets set {key}")
    notice("commit these files; `hybridlab secrets check` tells when one is missing or stale")


@command.command
@format_option
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


@command.command("set")
@click.argument("key")
@click.option("--replace", is_flag=True, help="Replace the value that is there.")
@click.pass_context
def set_(ctx: click.Context, key: str, replace: bool) -> None:
    """Put the value of a secret of a workload into its sops file.

    KEY is as the spec has it. On a terminal the value is asked for twice and not shown; otherwise it is what
    comes in: `hybridlab secrets set app/password < FILE`, UTF-8 text of at most 1 MiB. The line end of a
    single line is left out.

    Your age private key has to be where sops looks for it, unless this makes the file.
    """
    from hybridlab.cli.stages import sound_cluster  # noqa: PLC0415 - see program.py
    from hybridlab.cli.terminal import notice  # noqa: PLC0415
    from hybridlab.live.secrets import set_secret  # noqa: PLC0415
    from hybridlab.model.node import host_of  # noqa: PLC0415

    spec = find_spec(ctx.obj)
    cluster = sound_cluster(spec)
    file = set_secret(cluster, spec.parent, key, _given(key), replace=replace)
    hosts = sorted({host_of(node.machine) for node in cluster.control_plane})
    notice(f"{key} is in {file}: `git add` and commit it. The control plane brings it to its pods:")
    notice(f"hybridlab deploy {' '.join(hosts)}")


def _given(key: str) -> str:
    """Return the value that the user gives."""
    if sys.stdin.isatty():
        value: str = click.prompt(f"value of {key}", hide_input=True, confirmation_prompt=True, err=True)
        return value
    try:
        text = sys.stdin.buffer.read(_MOST_BYTES + 1).decode()
    except UnicodeDecodeError:
        raise LiveError("the value is not UTF-8 text: sops keeps text only, so encode it as base64") from None
    if len(text.encode()) > _MOST_BYTES:
        raise LiveError("the value is larger than 1 MiB, the most that a Secret holds")
    line = text.removesuffix("\n").removesuffix("\r")
    value = text if "\n" in line else line
    if not value:
        raise LiveError("no value came in")
    return value


@command.command
@click.argument("key")
@click.pass_context
def unset(ctx: click.Context, key: str) -> None:
    """Take a value that no workload uses any more out of its sops file.

    KEY is as the spec had it, or the part before a slash for all below it. The file goes with its last value.
    Your age private key has to be where sops looks for it, unless the file goes.
    """
    from hybridlab.cli.stages import sound_cluster  # noqa: PLC0415 - see program.py
    from hybridlab.cli.terminal import notice  # noqa: PLC0415
    from hybridlab.live.secrets import unset_secret  # noqa: PLC0415

    spec = find_spec(ctx.obj)
    done = unset_secret(sound_cluster(spec), spec.parent, key)
    if done.is_gone:
        notice(f"{key} was all that {done.file} had: the file is removed, commit that")
    else:
        notice(f"{key} is no longer in {done.file}: commit it")
    notice("old commits still have the value: where it opens anything, change it there")


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


@command.command
@click.pass_context
def rekey(ctx: click.Context) -> None:
    """Make each sops file readable for exactly the recipients that the spec wants.

    A file from which somebody is taken away also gets another data key, since they know the old one. What
    they could read stays known to them: it is said which commands replace it.

    Your age private key has to be where sops looks for it. Either all files are changed or none; run it again
    after it was killed.
    """
    from hybridlab.cli.stages import sound_cluster  # noqa: PLC0415 - see program.py
    from hybridlab.cli.terminal import notice  # noqa: PLC0415
    from hybridlab.live import rekey as rekeying  # noqa: PLC0415

    spec = find_spec(ctx.obj)
    cluster = sound_cluster(spec)
    plan = rekeying.plan_rekey(cluster, spec.parent)
    for name in plan.missing:
        notice(f"{name} is not there: nothing to do")
    for name in plan.right:
        notice(f"{name} has the readers that it should: nothing to do")
    # Before it is done: who is killed on the way has seen whom it takes away.
    for change in plan.changes:
        for reader in change.added:
            notice(f"{change.file.name}: to add: {reader}")
        for reader in change.removed:
            notice(f"{change.file.name}: to take away, with another data key: {reader}")
    if not plan.changes:
        return
    rekeying.rekey(plan, spec.parent)
    known = list(rekeying.to_replace(cluster, plan))
    if known:
        notice("done. Whoever was taken away still knows what was in there, and old commits show it: replace")
    for line in known:
        notice(f"- {line}")
    hosts = " ".join(host.name for host in cluster.hosts)
    notice(f"{'then ' if known else 'done: '}commit these files, and deploy: hybridlab deploy {hosts}")


def _folder(cluster: "hybridlab.Cluster", spec: Path) -> Path:
    return spec.parent if cluster.secrets is None else (spec.parent / cluster.secrets.file).parent

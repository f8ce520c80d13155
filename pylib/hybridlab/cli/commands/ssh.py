"""`hybridlab ssh`."""

import shlex
import sys

import click

import hybridlab
from hybridlab.cli.machines import check_names, complete_machine
from hybridlab.cli.spec_file import find_spec


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("name", shell_complete=complete_machine)
@click.argument("words", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED)
@click.option("-t", "--tty", is_flag=True, help="Give COMMAND a terminal, as full-screen programs need it.")
@click.option("--print", "only_print", is_flag=True, help="Only print the command that would be run.")
@click.pass_context
def command(ctx: click.Context, name: str, words: tuple[str, ...], tty: bool, only_print: bool) -> None:
    """Log in to a machine as root, or run COMMAND there.

    It is your own ssh, with your configuration and agent. Host keys are strict. COMMAND arrives word by word
    as it is given: no shell here or there splits or expands it (`-- sh -c 'TEXT'` is for that). The exit code
    is the command's, or 255 if ssh itself fails.
    """
    from hybridlab.live.session import become  # noqa: PLC0415 - see program.py
    from hybridlab.live.ssh import Ssh  # noqa: PLC0415
    from hybridlab.live.targets import address_of  # noqa: PLC0415

    cluster = hybridlab.resolve(hybridlab.load_spec(find_spec(ctx.obj)))
    check_names([name], [machine.name for machine in cluster.machines])
    given = words[1:] if words[:1] == ("--",) else words
    terminal = tty or (not given and sys.stdin.isatty())
    line = Ssh().command(address_of(cluster, cluster.machine(name)), given, tty=terminal)
    if only_print:
        click.echo(shlex.join(line))
    else:
        become(line)

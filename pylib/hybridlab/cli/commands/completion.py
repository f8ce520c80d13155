"""`hybridlab completion`."""

import click
from click.shell_completion import get_completion_class


@click.command
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands.

    For bash, put this into ~/.bashrc: eval "$(hybridlab completion bash)"
    """
    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(ctx.find_root().command, {}, "hybridlab", "_HYBRIDLAB_COMPLETE").source())

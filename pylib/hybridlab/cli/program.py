"""The program `hybridlab`: its commands by name, its global options, and how it is found out what to run.

A command's module is imported when the command runs, and itself imports what it needs only then: `--help`,
`--version` and shell completion stay as fast as click is.
"""

import difflib
import os
import re
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from hybridlab._version import __version__
from hybridlab.cli.ending import ExitCode, discard_stdout, exit_code_of

# Each command with its short help, which is the first sentence of the command's own (a test compares them).
COMMANDS = {
    "check": "Find every problem of the spec.",
    "explain": "Say what a finding's code means, why it matters and what to do.",
    "generate": "Write the NixOS modules and Kubernetes manifests.",
    "show": "Show what the spec means, resolved.",
    "deploy": "Deploy hosts with their guests, so that each ends on its new system or on the old one.",
    "rollback": "Bring hosts back to the generation of NixOS before the present one, with their guests.",
    "apply": "Apply the Kubernetes manifests, with kubectl.",
    "verify": "Check the running machines against the spec, over ssh.",
    "diagnose": "Say why a node has not joined the cluster.",
    "status": "Find drift between spec, files, systems and cluster.",
    "ssh": "Log in to a machine as root, or run COMMAND there.",
    "logs": "Show the journal of a machine, or of units on it.",
    "kubeconfig": "Fetch the admin's kubeconfig from the control plane.",
    "secrets": "Make, check and replace what the cluster keeps secret, with sops.",
    "ping": "Ask every address whether it answers.",
    "schema": "Print the JSON Schema of the spec, for an editor.",
    "completion": "Print the script that makes a shell complete commands.",
}


class Program(click.Group):
    """A group that knows its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"hybridlab.cli.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        close = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if close and args[0] not in COMMANDS and not ctx.resilient_parsing:
            ctx.fail(f"no such command {args[0]!r}; did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [name for name in COMMANDS if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=COMMANDS[name]) for name in names]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise _about_spec(error, ctx) or error from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            discard_stdout()
            ctx.exit(ExitCode.READER_GONE)
        except Exception as error:
            # Here, not in `main`: what it says is coloured as this context wants it.
            failure = import_module("hybridlab.cli.failure")
            ctx.exit(failure.explain(error))

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        run = partial(super().main, *args, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        sys.exit(exit_code_of(run))


def _about_spec(error: click.UsageError, ctx: click.Context) -> click.UsageError | None:
    """Return what is said where the spec, or another option of the program, stands behind a command."""
    if error.ctx is None or error.ctx is ctx:
        return None
    command = error.ctx.command_path.removeprefix(ctx.command_path)
    if isinstance(error, click.NoSuchOption):
        for option in ctx.command.params:
            if error.option_name in option.opts and not getattr(option, "is_flag", False):
                example = f"{ctx.command_path} {error.option_name} {option.make_metavar(ctx)}{command}"
                return click.UsageError(
                    f"{error.option_name} goes before the command: {example}", ctx=error.ctx
                )
    # An argument too many, by its name in brackets.
    elif (found := re.search(r"\(([^()\s]+\.ya?ml)\)$", error.message)) and type(error) is click.UsageError:
        example = f"{ctx.command_path} --spec {found[1]}{command}"
        return click.UsageError(
            f"the spec is named with --spec, before the command: {example}", ctx=error.ctx
        )
    return None


def _wants_color(choice: str) -> bool | None:
    """Return whether to colour; None leaves it to click, which looks whether the output is a terminal."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return {"always": True, "never": False}.get(choice, False if plain else None)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--spec",
    type=click.Path(path_type=Path),
    envvar="HYBRIDLAB_SPEC",
    show_envvar=True,
    help="The spec; by default cluster.yaml, here or in the nearest folder above.",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Whether to colour; auto: on a terminal, unless NO_COLOR is set.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def program(ctx: click.Context, spec: Path | None, color: str) -> None:
    """One typed spec of a hybrid homelab in, NixOS modules and Kubernetes manifests out.

    Results go to standard output, all else to standard error. The exit code is 0 if all is well, 1 for
    errors, 2 for wrong usage (also when there is no spec), 3 when something is not as the spec has it.
    """
    ctx.obj = spec
    ctx.color = _wants_color(color)

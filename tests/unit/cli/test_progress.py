"""What stands in the way of a deployment, as it is shown."""

import click
from click.testing import CliRunner

from hybridlab.cli.progress import show_problems
from hybridlab.live.preflight import Problem


def test_a_hint_is_coloured_and_what_a_machine_says_is_escaped() -> None:
    @click.command()
    def command() -> None:
        show_problems([Problem("alpha", "can not be reached", "see \x1b[2J there")])

    shown = CliRunner().invoke(command, color=True).output
    assert shown == (
        "\x1b[31m\x1b[1merror: \x1b[0malpha can not be reached\n"
        "  \x1b[32m\x1b[1mhint\x1b[0m see \\x1b[2J there\n"
    )

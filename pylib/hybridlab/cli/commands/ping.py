"""`hybridlab ping`."""

import click

import hybridlab
from hybridlab.cli.ending import ExitCode
from hybridlab.cli.machines import check_names, complete_machine
from hybridlab.cli.spec_file import find_spec


@click.command
@click.argument("machines", metavar="[MACHINE]...", nargs=-1, shell_complete=complete_machine)
@click.option("--count", type=click.IntRange(1, 100), default=1, show_default=True, help="Packets to send.")
@click.option(
    "--timeout",
    type=click.IntRange(1, 60),
    default=2,
    show_default=True,
    help="Seconds to wait for an answer.",
)
@click.pass_context
def command(ctx: click.Context, machines: tuple[str, ...], count: int, timeout: int) -> None:
    """Ask every address whether it answers.

    The system's ping asks all addresses at once: of these machines, or of all. The exit code is 1 if one does
    not answer, or could not be asked.
    """
    from hybridlab.cli.table import format_table  # noqa: PLC0415 - see program.py
    from hybridlab.live.ping import Answers, NotAsked, Result, Silent, ping_all  # noqa: PLC0415

    cluster = hybridlab.resolve(hybridlab.load_spec(find_spec(ctx.obj)))
    check_names(machines, [machine.name for machine in cluster.machines])
    asked = [
        (machine.name, leg)
        for machine in cluster.machines
        if not machines or machine.name in machines
        for leg in machine.legs
    ]

    def describe(result: Result) -> str:
        match result:
            case Answers(milliseconds):
                return "answers" + (f" in {milliseconds:.1f} ms" if milliseconds is not None else "")
            case Silent():
                return "does not answer"
            case NotAsked(reason):
                return f"could not be asked: {reason}"

    results = list(ping_all([leg.address for _, leg in asked], count=count, timeout=timeout))
    rows = [
        (name, leg.vlan.name, str(leg.address), describe(result))
        for (name, leg), result in zip(asked, results, strict=True)
    ]
    click.echo(format_table(["MACHINE", "VLAN", "ADDRESS", "RESULT"], rows), nl=False)
    if not all(isinstance(result, Answers) for result in results):
        ctx.exit(ExitCode.ERRORS)

"""`hybridlab show`."""

import json

import click

import hybridlab
from hybridlab.cli.spec_file import find_spec

# The topics of topics.py, named here so that completing and refusing one imports nothing (a test compares).
TOPIC_NAMES = ("nodes", "addresses", "flows", "openings")


@click.command
@click.argument("topic", metavar="[TOPIC]", type=click.Choice(TOPIC_NAMES), required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="How it is shown; json: a list of objects, or with all topics an object of lists.",
)
@click.pass_context
def command(ctx: click.Context, topic: str | None, form: str) -> None:
    """Show what the spec means, resolved.

    nodes: the machines. addresses: who has which, with the identities of guests. flows: who talks to whom,
    and why. openings: what each machine's firewall lets in, and why. Without a topic: all of them.

    The rules are not asked: see `hybridlab check` for whether all of this is sound.
    """
    from hybridlab.cli.table import format_table  # noqa: PLC0415 - see program.py
    from hybridlab.cli.topics import TOPICS  # noqa: PLC0415

    cluster = hybridlab.resolve(hybridlab.load_spec(find_spec(ctx.obj)))
    names = TOPIC_NAMES if topic is None else (topic,)
    rows = {name: list(TOPICS[name].rows(cluster)) for name in names}
    if form == "json":
        click.echo(json.dumps(rows if topic is None else rows[topic], indent=2))
        return
    for number, name in enumerate(names):
        if topic is None:
            click.echo(("\n" if number else "") + f"{name}:")
        shown = TOPICS[name]
        click.echo(format_table(list(shown.columns), map(shown.cells, rows[name])), nl=False)

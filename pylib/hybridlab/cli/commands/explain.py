"""`hybridlab explain`."""

import difflib
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hybridlab.rules.codes import Explained


def _complete_code(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from hybridlab.rules.codes import EXPLAINED  # noqa: PLC0415 - see program.py

    known = (*EXPLAINED, *(entry.name for entry in EXPLAINED.values()))
    return [text for text in known if text.casefold().startswith(incomplete.casefold())]


@click.command
@click.argument("codes", metavar="[CODE|NAME]...", nargs=-1, shell_complete=_complete_code)
@click.option("--list", "listing", is_flag=True, help="Show every code with its name and severity.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How it is shown; json: a list of objects.",
)
@click.pass_context
def command(ctx: click.Context, codes: tuple[str, ...], listing: bool, form: str) -> None:
    """Say what a finding's code means, why it matters and what to do.

    CODE is what stands in brackets in a finding, like NET001; a rule is also known by its NAME, like
    duplicate-address. A rule has a bad and a good example, as changes of a sound cluster: a key that is null
    is removed. docs/rules.md has the same, with that cluster.
    """
    from hybridlab.cli.explanation import as_object, explain, explain_all  # noqa: PLC0415 - see program.py
    from hybridlab.cli.formats.objects import to_json  # noqa: PLC0415
    from hybridlab.rules.codes import EXPLAINED  # noqa: PLC0415

    if listing == bool(codes):
        raise click.UsageError("name codes like NET001, or --list to see all of them")
    found = list(EXPLAINED.values()) if listing else [_named(text) for text in dict.fromkeys(codes)]
    if form == "json":
        click.echo(to_json([as_object(one) for one in found]), nl=False)
    elif listing:
        click.echo(explain_all(found), nl=False)
    else:
        click.echo("\n".join(map(explain, found)), nl=False)


def _named(text: str) -> "Explained":
    from hybridlab.rules.codes import EXPLAINED  # noqa: PLC0415 - see program.py

    known = {**EXPLAINED, **{entry.name.upper(): entry for entry in EXPLAINED.values()}}
    wanted = text.upper()
    if wanted in known:
        return known[wanted]
    close = difflib.get_close_matches(wanted, known, n=1)
    hint = f"did you mean {_written(close[0])!r}?" if close else "`hybridlab explain --list` names all"
    raise click.UsageError(f"no finding has the code or name {text!r}; {hint}")


def _written(key: str) -> str:
    return key.lower() if "-" in key else key

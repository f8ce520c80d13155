"""`hybridlab check`."""

import click

from hybridlab.cli.formats import format_option
from hybridlab.cli.spec_file import find_spec


def _listed(_ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code.strip() for value in values for code in value.split(","))


@click.command
@format_option
@click.option(
    "--select",
    metavar="CODES",
    multiple=True,
    callback=_listed,
    help="Ask only these rules: codes, or how codes begin, as in MAN,NET00; repeatable.",
)
@click.option(
    "--ignore",
    metavar="CODES",
    multiple=True,
    callback=_listed,
    help="Do not ask these, even if selected.",
)
@click.option("--fix", "fixing", flag_value="fix", help="Write what has only one right answer into the spec.")
@click.option("--diff", "fixing", flag_value="diff", help="Show what --fix would write, and write nothing.")
@click.option("--deep", is_flag=True, help="Ask Nix, too, what modules of your own make of the machines.")
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes each option by its name
    ctx: click.Context,
    form: str,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fixing: str | None,
    deep: bool,
) -> None:
    """Find every problem of the spec.

    Each is shown with its place, and with what to do about it. Errors make the exit code 1, warnings do not.

    Whether the spec can be read, and what it refers to exists, is looked at whatever is selected or ignored.
    `generate` and `deploy` ask every rule: what is meant so for good is a waiver in the spec.

    With --diff the exit code is 3 when --fix would write something.

    With --deep, Nix evaluates every machine of the flake beside the spec, which takes seconds for each; what
    comes of it is held against the spec, so that a module that opens a port or takes an address is seen.
    """
    from hybridlab.cli.ending import ExitCode  # noqa: PLC0415 - see program.py
    from hybridlab.cli.findings import show_findings  # noqa: PLC0415
    from hybridlab.cli.terminal import notice  # noqa: PLC0415
    from hybridlab.fix import fix_spec, look  # noqa: PLC0415
    from hybridlab.rules.registry import ALL_RULES  # noqa: PLC0415
    from hybridlab.rules.rule import Rule  # noqa: PLC0415
    from hybridlab.rules.selection import AnyRule, SelectionError, select_rules  # noqa: PLC0415

    path = find_spec(ctx.obj)
    every: tuple[AnyRule, ...] = ALL_RULES
    if deep:
        from hybridlab.rules.deep.registry import DEEP_RULES  # noqa: PLC0415

        every = (*ALL_RULES, *DEEP_RULES)
    try:
        chosen = select_rules(select, ignore, every)
    except SelectionError as error:
        raise click.UsageError(str(error)) from None
    rules = [rule for rule in chosen if isinstance(rule, Rule)]
    if fixing is None:
        report = look(path, rules)
    else:
        from hybridlab.cli import fixing as fixer  # noqa: PLC0415

        fixed = fix_spec(path, rules)
        if fixing == "diff" and fixed.done:
            fixer.show_difference(path, fixed)
            ctx.exit(ExitCode.DIFFERENT)
        if fixing == "fix":
            fixer.write_fixed(path, fixed)
        report = fixed.report
    if deep:
        from hybridlab.cli.deep_check import with_deep  # noqa: PLC0415

        report = with_deep(report, path, [rule for rule in chosen if not isinstance(rule, Rule)])
    code = show_findings(report, form, path)
    if len(chosen) < len(every):
        notice(f"{len(chosen)} of {len(every)} rules were asked")
    ctx.exit(code)

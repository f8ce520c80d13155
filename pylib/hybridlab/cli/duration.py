"""Durations on the command line: a number with its unit, which becomes seconds."""

import re
from collections.abc import Callable
from typing import Any

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def parse_duration(_ctx: click.Context, _parameter: click.Parameter, value: str) -> int:
    """Return the seconds of `90s`, `10m` or `1h`, as the callback of an option.

    A number without a unit is refused: nobody knows which one is meant.
    """
    match = re.fullmatch(r"([0-9]{1,6})([smh])", value)
    if match is None:
        raise click.BadParameter(f"{value!r} is no number with a unit, as in 90s, 10m or 1h")
    return int(match[1]) * _SECONDS[match[2]]


def duration_option(name: str, default: str, help: str) -> Callable[[Any], Any]:
    """Return the decorator that gives a command the option `name`, in seconds."""
    return click.option(
        name, metavar="DURATION", default=default, show_default=True, callback=parse_duration, help=help
    )

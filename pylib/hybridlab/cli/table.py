"""Aligned columns of text; it does not know what stands in them."""

from collections.abc import Iterable, Sequence

import click

from hybridlab.cli.terminal import safe, width

_GAP = "  "


def format_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the table as lines of text; every cell is made safe to show."""
    lines = [list(headings), *([safe(cell) for cell in row] for row in rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(headings))]
    padded = [
        _GAP.join(
            cell + " " * (cells - width(cell)) for cell, cells in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([click.style(padded[0], bold=True), *padded[1:]]) + "\n"

"""Columns stay aligned, and cells are safe to show."""

import click

from hybridlab.cli.table import format_table


def lines(headings: list[str], *rows: list[str]) -> list[str]:
    return click.unstyle(format_table(headings, rows)).splitlines()


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert lines(["A", "LONG", "B"], ["1", "2", "3"], ["wide", "狐", "x"]) == [
        "A     LONG  B",
        "1     2     3",
        "wide  狐    x",
    ]


def test_table_without_rows_is_its_headings() -> None:
    assert lines(["A", "B"]) == ["A  B"]


def test_cells_steer_no_terminal_and_break_no_line() -> None:
    assert lines(["A", "B"], ["\x1b[31m\n", "x"]) == ["A           B", "\\x1b[31m\\n  x"]

"""How findings are shown, one format per file, each a function from a report to all of its text.

`text`, for a person at a terminal, is in cli/render.py.
"""

import click

# Those of cli/findings.py, named here so that completing and refusing one imports nothing (a test compares).
FORMAT_NAMES = ("text", "concise", "json", "github", "sarif")

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(FORMAT_NAMES),
    default="text",
    help="How findings are shown; concise: a line for each; json: a list of objects; github: annotations of"
    " GitHub Actions; sarif: SARIF 2.1.0, for code scanning.",
)

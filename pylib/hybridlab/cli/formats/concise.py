"""One line for each finding, `file:line:column: error[CODE] message`, which editors and `grep` read."""

from hybridlab.cli.render import headline
from hybridlab.diagnostic import Report


def concise(report: Report) -> str:
    """Return a line for each finding, without its hint and its other places."""
    return "".join(f"{headline(diagnostic)}\n" for diagnostic in report)

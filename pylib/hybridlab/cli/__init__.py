"""The command line. One command per file in `commands`; what a command finds out lies in the stages."""

from hybridlab.cli.program import program


def main() -> None:
    """Run the program `hybridlab` with the arguments of this process, and exit."""
    program(prog_name="hybridlab")

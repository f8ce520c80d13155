"""How long the program takes on the example, next to an interpreter that only imports what it needs.

Each pair is run in turns, so that a busy moment of the machine hits both; medians of whole processes.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNS = 25

BARE = "import attrs, cattrs, click, ruamel.yaml"
BARE_CLICK = """
import click

@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option("1")
def program(): "A program."

@program.command()
def command(): "A command."

program(prog_name="bare")
"""

# What is measured, what it is measured against, and the most that the ratio should be.
PAIRS = (
    (["check"], ["-c", BARE], 1.5),
    (["generate", "--check"], ["-c", BARE], 1.5),
    (["--version"], ["-c", BARE_CLICK, "--version"], 2.0),
    (["--help"], ["-c", BARE_CLICK, "--help"], 2.0),
)


def main() -> None:
    """Print one line for each pair."""
    print(f"startup: medians of {RUNS} runs in turns, in ms")
    print(f"{'hybridlab …':<18}{'ours':>7}{'bare':>7}{'ratio':>8}{'goal':>7}")
    for ours, bare, goal in PAIRS:
        mine, theirs = measure(["-m", "hybridlab", *ours], bare)
        line = (
            f"{' '.join(ours):<18}{mine * 1000:>7.0f}{theirs * 1000:>7.0f}{mine / theirs:>8.2f}{goal:>7.1f}"
        )
        print(line + ("" if mine / theirs <= goal else "  missed"))
    print()


def measure(ours: list[str], bare: list[str]) -> tuple[float, float]:
    """Return the median seconds of both, after one run of each that fills the caches."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(RUNS + 1):
        for taken, arguments in zip(times, (ours, bare), strict=True):
            taken.append(_run(arguments))
    mine, theirs = (statistics.median(taken[1:]) for taken in times)
    return mine, theirs


def _run(arguments: list[str]) -> float:
    # As installed: with compiled modules, whatever this shell thinks of them.
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "pylib"), "PYTHONDONTWRITEBYTECODE": ""}
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start

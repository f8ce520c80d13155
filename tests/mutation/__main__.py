"""`python -m mutation [--sample N] [--seed N] [MODULE…]`: how many small faults in rules the tests notice.

MODULE is the name of a file in rules/, as in manifests/ports; by default all. Prints the survivors, and the
share that was noticed.
"""

import functools
import sys
from pathlib import Path

import click
import pytest

import patched
from mutation.mutants import Mutant, mutants_of
from mutation.plugin import MutationPlugin, sampled

ROOT = Path(__file__).parents[2]
RULES = ROOT / "pylib" / "hybridlab" / "rules"
TESTS = ("tests/unit/rules", "tests/corpus/test_faulty.py", "tests/corpus/test_good.py")
# They hold no rule: the page, the registry, and the words for codes that are none of rules.
NO_RULES = ("__init__", "page", "registry", "codes", "rule", "snippets", "selection")


@click.command
@click.option("--sample", default=0, help="Try only so many, chosen at random.")
@click.option("--seed", default=1, help="Which ones.")
@click.option("--workers", default=2)
@click.argument("modules", nargs=-1)
def main(sample: int, seed: int, workers: int, modules: tuple[str, ...]) -> None:
    paths = [RULES / f"{name}.py" for name in modules] or sorted(
        path for path in (*RULES.glob("*.py"), *RULES.glob("manifests/*.py")) if path.stem not in NO_RULES
    )
    found: list[Mutant] = []
    for path in paths:
        name = ".".join(path.relative_to(RULES).with_suffix("").parts)
        found += mutants_of(path, f"hybridlab.rules.{name}")
    print(f"{len(found)} mutants in {len(paths)} modules", flush=True)
    plugin = MutationPlugin(sampled(found, sample, seed), RULES, workers)
    # Reading and resolving a cluster is not what is tried: once for each text is enough.
    patched.cluster = functools.cache(patched.cluster)  # type: ignore[assignment]
    options = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--no-header", "--no-summary"]
    code = pytest.main([*options, *(str(ROOT / tests) for tests in TESTS)], plugins=[plugin])
    tried, survived = plugin.outcome.tried, plugin.outcome.survived
    for mutant in survived:
        print(f"survived: {mutant}")
    for module in sorted(tried):
        left = sum(mutant.module == module for mutant in survived)
        print(f"{module:45} {tried[module] - left:5} of {tried[module]:5}")
    total = sum(tried.values())
    noticed = total - len(survived)
    print(f"{plugin.outcome.not_tried} could not be put in, and are left out")
    print(f"{plugin.outcome.timed_out} of them ran for too long, which counts as noticed")
    print(f"noticed: {noticed} of {total} ({100 * noticed / max(1, total):.1f} %)")
    sys.exit(code)


main()

"""Run every benchmark, or those that are named: `python -m benchmarks [NAME]...`."""

import sys

from benchmarks import deploy, manifests, scale, startup, verify

BENCHMARKS = {
    "startup": startup.main,
    "scale": scale.main,
    "manifests": manifests.main,
    "verify": verify.main,
    "deploy": deploy.main,
}

names = sys.argv[1:] or list(BENCHMARKS)
if unknown := set(names) - set(BENCHMARKS):
    sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
for name in names:
    BENCHMARKS[name]()

"""Hold a cluster against the rules; it decides nothing itself."""

from collections.abc import Iterable

from hybridlab.diagnostic import Report
from hybridlab.model.cluster import Cluster
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule


def check(cluster: Cluster, rules: Iterable[Rule] = ALL_RULES) -> Report:
    """Return everything that `rules` find in `cluster`, each at its place in the file it was read from."""
    found = (diagnostic for rule in rules for diagnostic in rule.check(cluster))
    return Report.of(found, cluster.source)

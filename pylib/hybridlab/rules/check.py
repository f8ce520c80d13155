"""Hold a cluster against the rules; it decides nothing itself."""

import datetime
from collections.abc import Iterable

from hybridlab.diagnostic import Report
from hybridlab.model.cluster import Cluster
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule
from hybridlab.rules.settings import settle


def check(
    cluster: Cluster, rules: Iterable[Rule] = ALL_RULES, *, today: datetime.date | None = None
) -> Report:
    """Return everything that `rules` find in `cluster`, each at its place in the file it was read from.

    What the spec waives is in the report's `waived`; `today` decides which waivers have expired, and is by
    default the day it is.
    """
    rules = tuple(rules)
    found = [diagnostic for rule in rules for diagnostic in rule.check(cluster)]
    day = datetime.date.today() if today is None else today
    settled, waived = settle(found, cluster.check_settings, rules, day)
    return Report.of(settled, cluster.source, waived=waived)

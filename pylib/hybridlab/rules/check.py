"""Hold a cluster against the rules; it decides nothing itself."""

import datetime
from collections.abc import Iterable, Iterator, Sequence

from hybridlab.diagnostic import Diagnostic, Report
from hybridlab.model.cluster import Cluster
from hybridlab.rules.manifests.shape import field_that_does_not_exist, value_of_another_type
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
    settled, waived = settle(_without_echoes(found), cluster.check_settings, rules, day)
    return Report.of(settled, cluster.source, waived=waived)


_SHAPE = frozenset({field_that_does_not_exist.code, value_of_another_type.code})


def _without_echoes(found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Yield the findings; of a value of the wrong shape once, in the words of the rule that knows it best."""
    told = {one.path for one in found if one.code not in _SHAPE}
    shapeless = {one.path for one in found if one.code in _SHAPE}
    for one in found:
        if one.code in _SHAPE:
            if one.path not in told:
                yield one
        elif not any(one.path[:depth] in shapeless for depth in range(len(one.path))):
            yield one

"""Hold what NixOS makes of the machines against a cluster; it decides nothing itself."""

import datetime
from collections.abc import Iterable, Iterator, Sequence

from hybridlab.diagnostic import Diagnostic, Related, Report, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.evaluated import Evaluated, NotEvaluated
from hybridlab.rules.deep.built import not_built
from hybridlab.rules.deep.registry import DEEP_RULES
from hybridlab.rules.deep.rule import DeepRule, Difference, Seen, seen_machines
from hybridlab.rules.rule import readable
from hybridlab.rules.settings import settle
from hybridlab.rules.wording import listed

_MACHINES = SpecPath.of("hosts")


def check_deep(
    cluster: Cluster,
    evaluated: Evaluated | NotEvaluated,
    rules: Iterable[DeepRule] = DEEP_RULES,
    *,
    today: datetime.date | None = None,
) -> Report:
    """Return every difference between `cluster` and what NixOS makes of it; `waived` are those meant so."""
    if isinstance(evaluated, NotEvaluated):
        return Report.of([_refused(evaluated)], cluster.source)
    rules = tuple(rules)
    found = [*_missing(cluster, evaluated), *_differences(cluster, seen_machines(cluster, evaluated), rules)]
    settled, waived = settle(found, cluster.check_settings, rules, today or datetime.date.today())
    return Report.of(settled, cluster.source, waived=waived)


def _differences(
    cluster: Cluster, machines: Sequence[Seen], rules: Iterable[DeepRule]
) -> Iterator[Diagnostic]:
    found = [(rule, *pair) for rule in rules for pair in rule.check(cluster, machines)]
    told = [difference for rule, difference, _ in found if rule is not not_built]
    for rule, difference, diagnostic in found:
        if rule is not not_built or not _is_told(difference, told):
            yield diagnostic


def _is_told(refused: Difference, told: Iterable[Difference]) -> bool:
    """Return whether a rule says what a module says as well, of the same machine."""
    return any(one.says and one.machine == refused.machine and one.says in refused.message for one in told)


def _refused(evaluated: NotEvaluated) -> Diagnostic:
    return Diagnostic(
        "NIX190",
        Severity.ERROR,
        f"nix can not evaluate the flake: {readable(evaluated.said)}",
        _MACHINES,
        "mend that first, and nothing can be said of any machine until then; `nix flake check "
        "--show-trace` says more",
        related=tuple(Related("nix names this place", _MACHINES, span) for span in evaluated.places),
        on_key=True,
    )


def _missing(cluster: Cluster, evaluated: Evaluated) -> Iterator[Diagnostic]:
    missing = [machine for machine in cluster.machines if machine.name not in evaluated.machines]
    if missing:
        yield Diagnostic(
            "NIX191",
            Severity.ERROR,
            f"the flake has no nixosConfigurations for {listed(missing)}",
            missing[0].path,
            "let its outputs be what lib.mkCluster makes of this folder, or take nixosConfigurations "
            "over from there",
            on_key=True,
        )

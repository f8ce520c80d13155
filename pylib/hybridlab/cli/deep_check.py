"""`check --deep`: what Nix makes of the machines, held against the cluster; imported only then."""

from collections.abc import Sequence
from pathlib import Path

import hybridlab
from hybridlab.cli.terminal import notice
from hybridlab.diagnostic import Report
from hybridlab.errors import HybridlabError
from hybridlab.live import deep
from hybridlab.live.tracked import untracked
from hybridlab.model.cluster import Cluster
from hybridlab.output.action import Keep
from hybridlab.rules.deep.check import check_deep
from hybridlab.rules.deep.registry import DEEP_RULES, READ_OPTIONS
from hybridlab.rules.deep.rule import DeepRule


def with_deep(report: Report, path: Path, rules: Sequence[DeepRule] = DEEP_RULES) -> Report:
    """Return what `check` has found of the spec at `path` with what is found deeper, unless there are errors.

    Raises: as `deep_report`.
    """
    if not report.ok:
        notice("nix is not asked: it would be about another cluster than the one without these errors")
        return report
    return report + deep_report(path, hybridlab.resolve(hybridlab.load_spec(path)), rules)


def deep_report(path: Path, cluster: Cluster, rules: Sequence[DeepRule] = DEEP_RULES) -> Report:
    """Return what is otherwise in the flake beside the spec at `path`, of a cluster without errors.

    Raises: HybridlabError where nobody can look: without Nix or a flake, or because the flake would be of
    other generated files than those of this spec.
    """
    folder = path.parent
    plan = hybridlab.plan(hybridlab.emit_all(cluster), folder)
    if not plan.is_current:
        stale = [str(action.path) for action in plan.actions if not isinstance(action, Keep)]
        raise HybridlabError(
            f"the flake reads generated files, and {(stale or [str(plan.index.path)])[0]} is not as "
            f"{path.name} has it: run `hybridlab generate` first"
        )
    if unseen := untracked(folder, [str(action.path) for action in (*plan.actions, plan.index)]):
        raise HybridlabError(
            f"the flake does not see {unseen[0]}, which git does not track: `git add --all` first"
        )
    names = [machine.name for machine in cluster.machines]
    notice(f"nix evaluates {len(names)} machine{'s' * (len(names) != 1)}")
    return check_deep(cluster, deep.ask(folder, names, READ_OPTIONS), rules)

"""The checklist of the repository's own cluster."""

from pathlib import Path

from hybridlab import load_spec, resolve
from hybridlab.live.checklist import checklist_page
from hybridlab.live.checks.all import all_checks

ROOT = Path(__file__).parents[3]


def test_checklist_in_the_docs_is_current() -> None:
    cluster = resolve(load_spec(ROOT / "cluster.yaml"))
    written = (ROOT / "docs/checklist.md").read_text(encoding="utf-8")
    assert written == checklist_page(cluster.name, all_checks(cluster)), "run: ./just docs"


def test_no_two_checks_have_one_key() -> None:
    checks = all_checks(resolve(load_spec(ROOT / "cluster.yaml")))
    assert len({check.key for check in checks}) == len(checks)

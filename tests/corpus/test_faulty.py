"""Every accident gives exactly the diagnostics that it expects, under the text that they are about."""

import re
from pathlib import Path

import pytest

from corpus.corpus import (
    LAYERS,
    READERS,
    Case,
    CorpusError,
    Edit,
    base_names,
    case_slugs,
    load_base,
    load_case,
    report,
    underlined,
)
from hybridlab import Report
from hybridlab.rules.codes import EXPLAINED
from hybridlab.spec.scalars import withheld

ROOT = Path(__file__).parents[2]
BASES = (
    "ipv6",
    "large",
    "many-workloads",
    "no-gpu",
    "no-kubernetes",
    "own-manifests",
    "passthrough",
    "plan",
    "single-node",
    "three-hosts",
)
every_base = pytest.mark.parametrize("name", BASES)
every_case = pytest.mark.parametrize("slug", case_slugs())


def test_there_are_these_bases() -> None:
    assert base_names() == BASES


@every_base
def test_nothing_fires_on_a_base(name: str) -> None:
    assert _shown(report(load_base(name).files)) == ()


def test_the_plan_is_the_cluster_of_this_repository() -> None:
    assert load_base("plan").files == {"cluster.yaml": (ROOT / "cluster.yaml").read_bytes().decode()}


@every_case
def test_hybridlab_says_exactly_what_is_expected(slug: str) -> None:
    case = load_case(slug)
    found = report(case.files())
    said = sorted((one.code, str(one.path), underlined(one)) for one in found)
    assert said == sorted((one.code, one.at, one.under) for one in case.expect), _shown(found)


@every_case
def test_each_place_is_in_a_file_of_the_cluster(slug: str) -> None:
    files = load_case(slug).files()
    for one in report(files):
        assert one.span is not None, one.message
        # As an editor counts lines: form feeds and the like do not end one.
        text = withheld(files[one.span.file].removeprefix("\ufeff").replace("\r\n", "\n"))
        lines = text.split("\n")
        assert lines[one.span.line - 1] == one.span.text


@every_case
def test_a_case_is_whole(slug: str) -> None:
    case = load_case(slug)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert case.base in BASES
    assert "\n" not in case.what.strip()
    assert case.layers, "an accident is in some layer"
    assert set(case.layers) <= set(LAYERS)
    assert len(set(case.layers)) == len(case.layers)
    assert set(case.visible) <= set(READERS)
    assert {one.code for one in case.expect} <= set(EXPLAINED)
    assert (case.missed is not None) == (case.expect == ()), "a case is seen, or it says why not"


@every_case
def test_an_accident_changes_its_base(slug: str) -> None:
    case = load_case(slug)
    assert case.files() != load_base(case.base).files


def test_no_two_cases_are_the_same() -> None:
    first: dict[tuple[object, ...], str] = {}
    for case in map(load_case, case_slugs()):
        other = first.setdefault((case.base, case.edits, tuple(case.added.items())), case.slug)
        assert other == case.slug, f"{case.slug} is {other}"


def test_a_text_that_is_not_there_once_is_refused() -> None:
    base = load_base("plan").files
    for find in ("no such text", "kubernetes: {role: worker}"):
        assert base["cluster.yaml"].count(find) != 1
        with pytest.raises(CorpusError, match="occurs"):
            _edited(find).files()


def _edited(find: str) -> Case:
    return Case(
        slug="",
        base="plan",
        what="",
        layers=(),
        source=None,
        visible=(),
        edits=(Edit("cluster.yaml", find, ""),),
        added={},
        expect=(),
        missed=None,
    )


def _shown(found: Report) -> tuple[str, ...]:
    return tuple(f"{one.span}: {one.code} {one.path}: {one.message} [{underlined(one)}]" for one in found)

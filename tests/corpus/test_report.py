"""docs/corpus.md is what hybridlab says today, and the other tools are asked as it says there."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from corpus.corpus import Expected, Files, load_base, load_case
from corpus.report import manifest_tools, record
from corpus.report.complaints import Complaint, Tool, news
from corpus.report.generated import MANIFESTS, MODULES, Generated, generate
from corpus.report.nix_tool import evaluate
from corpus.report.others import Bench
from corpus.report.ours import Verdict, false_alarms, judge, judge_all
from corpus.report.page import PAGE, Figures, corpus_page
from corpus.report.schemas import write_schemas
from corpus.report.server import Server
from corpus.report.tools import MINOR
from kubernetes.control_plane import api_server
from nix.flakes import Nix
from nix_programs import need

SELECTOR = "manifests-selector-unlike-its-pods"
UNREADABLE = "manifests-key-twice"


def test_the_page_is_current() -> None:
    page = corpus_page(Figures(judge_all(), false_alarms(), record.load()))
    if os.environ.get("HYBRIDLAB_UPDATE"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page


def test_only_its_place_is_where_an_accident_is_seen() -> None:
    case = load_case(SELECTOR)
    first, *rest = case.expect
    assert (judge(case).verdict, judge(case).unexpected) == (Verdict.SEEN, 0)
    for other in (
        evolve(first, code="NET001"),
        evolve(first, at="elsewhere"),
        evolve(first, under="another word"),
    ):
        judged = judge(evolve(case, expect=(other, *rest)))
        assert (judged.verdict, judged.unexpected) == (Verdict.ELSEWHERE, 1)


def test_silence_is_missed() -> None:
    case = evolve(load_case(SELECTOR), edits=(), expect=(Expected("MAN013", "elsewhere", ""),))
    assert judge(case).verdict is Verdict.MISSED


def test_what_is_said_of_the_base_does_not_count() -> None:
    base = [Complaint("Pod a", "probes", "has none"), Complaint("Pod a", "image", "is old")]
    found = [*base, Complaint("Pod a", "limits", "has none"), Complaint("Pod a", "image", "is older")]
    assert [one.text for one in news(found, base, ["Pod a"])] == ["is older", "has none"]


def test_of_what_is_new_only_rules_count_that_the_base_keeps() -> None:
    base = [Complaint("Pod a", "probes", "has none")]
    found = [*base, Complaint("Pod b", "probes", "has none"), Complaint("Pod b", "image", "is old")]
    assert [one.rule for one in news(found, base, ["Pod a"])] == ["image"]


def test_manifests_that_can_not_be_read_are_copied_as_they_are() -> None:
    files = load_case(UNREADABLE).files()
    cluster = _generated(UNREADABLE)
    assert cluster.below(MANIFESTS)["k8s/media/jellyfin.yaml"] == files["apps/media/jellyfin.yaml"]


@pytest.mark.parametrize("slug", ["spec-brace-not-closed", "guest-control-plane-removed"])
def test_of_what_is_no_cluster_nothing_is_generated(slug: str) -> None:
    case = load_case(slug)
    assert generate(case.files(), load_base(case.base).files) is None


def test_a_schema_is_whole(tmp_path: Path) -> None:
    write_schemas(MINOR, tmp_path)
    schema = json.loads((tmp_path / "deployment-apps-v1.json").read_text())
    names = {reference.removeprefix("#/definitions/") for reference in _references(schema)}
    assert "io.k8s.api.core.v1.PodSpec" in names
    assert names == schema["definitions"].keys()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The tools that the tests have anyway; the others are there for `just corpus` alone."""
    validator = manifest_tools.KubernetesValidate(MINOR)
    with api_server(tmp_path_factory.mktemp("api")) as api:
        server = Server.on(api)

        def applied(folder: Path, _: Generated) -> Iterator[Complaint]:
            return manifest_tools.kubectl_apply(folder, server)

        yield Bench(
            (
                Tool("API server", "", "", MANIFESTS, applied),
                Tool("kustomize", "", "", MANIFESTS, lambda folder, _: manifest_tools.kustomize(folder)),
                Tool("schema", "", "", MANIFESTS, lambda folder, _: validator.look(folder)),
            )
        )


@pytest.mark.nix
def test_nix_sees_what_modules_assert(tmp_path: Path) -> None:
    need("nix-instantiate", "install nix-bin (Debian)")
    nix = Nix(tmp_path, {})
    bench = Bench((Tool("Nix", "", "", MODULES, lambda folder, cluster: evaluate(folder, cluster, nix)),))
    files = load_base("three-hosts").files
    assert bench.said(_good(files))["Nix"] == frozenset()
    complaints = bench.said(_generated("plan-load-balancer-among-the-node-ports"))["Nix"]
    assert {one.about for one in complaints} == {"alder"}
    assert all("lies in the NodePort range" in one.text for one in complaints)


@pytest.mark.parametrize(
    "slug, who",
    [
        (SELECTOR, {"API server"}),
        (UNREADABLE, {"API server", "kustomize"}),
        ("manifests-label-is-a-truth-value", {"API server", "schema"}),
        ("manifests-namespace-that-nobody-makes", {"API server"}),
        ("manifests-service-of-nothing", set()),
    ],
)
def test_each_sees_what_it_can(bench: Bench, slug: str, who: set[str]) -> None:
    said = bench.said(_generated(slug))
    assert {name for name, found in said.items() if found} == who


def test_the_server_forgets(bench: Bench) -> None:
    [server] = [tool for tool in bench.tools if tool.name == "API server"]
    cluster = _good(load_base("own-manifests").files)
    for _ in range(2):
        # Another bench, since one does not ask twice.
        assert Bench((server,)).said(cluster) == {"API server": frozenset()}


def _good(files: Files) -> Generated:
    cluster = generate(files, files)
    assert cluster is not None
    return cluster


def _generated(slug: str) -> Generated:
    case = load_case(slug)
    cluster = generate(case.files(), load_base(case.base).files)
    assert cluster is not None
    return cluster


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference
        for inner in schema.values():
            yield from _references(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _references(inner)

"""Asks the other tools what they say of every cluster of the corpus."""

import datetime
import functools
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import field, frozen

from corpus.corpus import Case, Files, case_slugs, load_base, load_case
from corpus.report import manifest_tools
from corpus.report.complaints import Complaint, Tool, news
from corpus.report.generated import KUSTOMIZATION, MANIFESTS, Generated, generate
from corpus.report.ours import good_clusters
from corpus.report.record import Described, Record
from hybridlab.output.apply import apply
from hybridlab.output.plan import plan

_MOST_TEXT = 160


@frozen
class Bench:
    """Tools, and what each has said of files: it is asked once of the same ones."""

    tools: tuple[Tool, ...]
    _said: dict[tuple[str, str], frozenset[Complaint]] = field(factory=dict, repr=False)

    def said(self, cluster: Generated) -> Mapping[str, frozenset[Complaint]]:
        """Return all that each tool says of a cluster; nothing where there are no files that it reads."""
        keys = {tool.name: _key(tool, cluster) for tool in self.tools}
        new = [tool for tool in self.tools if keys[tool.name] not in self._said]
        if new:
            with TemporaryDirectory() as name:
                folder = Path(name).resolve()
                apply(plan(cluster.files, folder))
                for tool in new:
                    nothing = set(cluster.below(tool.reads)) <= {KUSTOMIZATION}
                    found = frozenset() if nothing else frozenset(tool.look(folder, cluster))
                    self._said[keys[tool.name]] = found
        return {name: self._said[key] for name, key in keys.items()}


def _key(tool: Tool, cluster: Generated) -> tuple[str, str]:
    files = sorted(cluster.below(tool.reads).items())
    return tool.name, hashlib.sha256(repr(files).encode()).hexdigest()


def ask(bench: Bench, tell: Callable[[str], None]) -> Record:
    """Run every tool on every cluster; `tell` gets what is being done."""
    faulty: dict[str, Mapping[str, str] | None] = {}
    cases = tuple(map(load_case, case_slugs()))
    for number, case in enumerate(cases, start=1):
        faulty[case.slug] = _seen(bench, case)
        if number % 20 == 0:
            tell(f"{number} of {len(cases)} accidents")
    tell("good clusters")
    good = {name: _complaints(bench, files) for name, files in good_clusters()}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    described = tuple(Described(one.name, one.version, one.reads, one.how) for one in bench.tools)
    return Record(today, described, faulty, good)


def _seen(bench: Bench, case: Case) -> Mapping[str, str] | None:
    cluster = generate(case.files(), load_base(case.base).files)
    if cluster is None:
        return None
    base, objects = _base(case.base)
    said, of_base = bench.said(cluster), bench.said(base)
    found: dict[str, str] = {}
    for name in said:
        for one in news(said[name], of_base[name], objects):
            found.setdefault(name, _short(f"{one.about}: {one.text}"))
    return found


@functools.cache
def _base(name: str) -> tuple[Generated, frozenset[str]]:
    """Return what is generated of a base, and the names of the objects in it."""
    base = _good(load_base(name).files)
    texts = (text for path, text in base.below(MANIFESTS).items() if path != KUSTOMIZATION)
    return base, frozenset(name for text in texts for name in manifest_tools.object_names(text))


def _complaints(bench: Bench, files: Files) -> Mapping[str, int]:
    return {name: len(found) for name, found in bench.said(_good(files)).items() if found}


def _good(files: Files) -> Generated:
    cluster = generate(files, files)
    assert cluster is not None, "a good cluster can be generated"
    return cluster


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_TEXT else f"{line[: _MOST_TEXT - 1]}…"

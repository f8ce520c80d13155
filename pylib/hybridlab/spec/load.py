"""Read a spec: every problem of its shape at once, each at the place where it was written."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from attrs import evolve

from hybridlab.diagnostic import Diagnostic, Report, SpecPath
from hybridlab.errors import SpecError
from hybridlab.spec.cluster import API_VERSION, ClusterSpec
from hybridlab.spec.converter import structure
from hybridlab.spec.document import Document, parse_document, read_document, to_data
from hybridlab.spec.folders import Files, folders_below, parse_folder, read_folder
from hybridlab.spec.manifests import FOLDER_KEY, ManifestFile, SpecSource
from hybridlab.spec.mistyped import described
from hybridlab.spec.problems import problem, problems_of, public, renamed
from hybridlab.spec.words import same_word
from hybridlab.spec.workload import ManifestsSpec

_VERSION_KEY = "apiVersion"


def load_spec(path: Path | str, *, text: str | None = None) -> ClusterSpec:
    """Read the spec in the file at `path`; positions in messages name the file as it is named here.

    `text` is read in place of the file's, with the folders beside the file.

    Raises: SpecError with every problem that the file has, from broken YAML to a value out of bounds.
    """
    path = Path(path)

    def read(folder: str) -> Files:
        return read_folder(path.parent / folder)

    name = str(path)
    document = read_document(path, name=name) if text is None else parse_document(text, name=name)
    return _spec_of(document, read, path.parent, lambda: folders_below(path.parent))


def parse_spec(
    text: str, *, name: str = "cluster.yaml", folders: Mapping[str, Files] = MappingProxyType({})
) -> ClusterSpec:
    """Read a spec from `text`, which messages call `name`; see `load_spec`.

    `folders` are those beside it that hold manifests, each with the content of its files.
    """

    def read(folder: str) -> Files:
        if folder not in folders:
            raise FileNotFoundError(None, "no such folder")
        return folders[folder]

    return _spec_of(parse_document(text, name=name), read, Path(), lambda: sorted(folders))


def _spec_of(
    document: Document, read: Callable[[str], Files], folder: Path, known: Callable[[], Iterable[str]]
) -> ClusterSpec:
    data = to_data(document.root)
    if isinstance(data, dict) and (found := _version_problem(data)):
        raise SpecError(Report.of([public(found, document)]))
    try:
        spec = structure(data)
    except Exception as error:
        raise SpecError(Report.of(problems_of(error, document), document)) from None
    manifests = _manifests(spec, document, read, folder, known)
    # mypy sees no attrs class in `spec_class`
    located: ClusterSpec = evolve(
        cast(Any, spec),
        source=SpecSource(document, manifests) if manifests else document,
        manifests=manifests,
    )
    return located


def _manifests(
    spec: ClusterSpec,
    document: Document,
    read: Callable[[str], Files],
    beside: Path,
    known: Callable[[], Iterable[str]],
) -> Mapping[str, tuple[ManifestFile, ...]]:
    """Return the files of each workload that is a folder of manifests.

    `beside` is the spec's folder, `known` finds those in it.
    """
    found: dict[str, tuple[ManifestFile, ...]] = {}
    problems: list[Diagnostic] = []
    for name, workload in sorted(spec.workloads.items()):
        if not isinstance(workload, ManifestsSpec):
            continue
        at = SpecPath.of("workloads", name, FOLDER_KEY)
        shown = str(beside / workload.folder)
        try:
            found[name] = parse_folder(read(workload.folder), at, name=shown)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            hint = _near(workload.folder, known()) if isinstance(error, FileNotFoundError) else None
            problems.append(problem("SPEC007", f"can not read {shown}: {reason}", at, hint))
        except SpecError as error:
            problems += error.report
    if problems:
        raise SpecError(Report.of(problems, document))
    return found


def _near(folder: str, known: Iterable[str]) -> str | None:
    """Say which folder may be meant: one called so elsewhere, or one that is spelled alike."""
    known = list(known)
    name = folder.rstrip("/").rpartition("/")[2]
    alike = [other for other in known if other.rpartition("/")[2] == name]
    close = alike or difflib.get_close_matches(folder, known, n=1)
    return f"did you mean {close[0]}?" if close else None


def _version_problem(data: Mapping[str, object]) -> Diagnostic | None:
    """Return what is wrong with a version: of an unknown format, nothing else can be said."""
    version = data.get(_VERSION_KEY, ...)
    if version == API_VERSION:
        return None
    path = SpecPath.of(_VERSION_KEY)
    if version is ...:
        for key in data:
            if same_word(_VERSION_KEY, [key]):
                return renamed(key, _VERSION_KEY, SpecPath())
        hint = f"begin the file with `{_VERSION_KEY}: {API_VERSION}`"
        return problem("SPEC102", f"the spec lacks the key {_VERSION_KEY!r}", path, hint)
    message = f"{described(version)} is not a version of the spec's format that this hybridlab knows"
    return problem("SPEC105", message, path, f"it knows {API_VERSION}")

"""Reads folders of manifests: every file that is one, with every problem of each at its place."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from hybridlab.diagnostic import Diagnostic, Report, Severity, SpecPath
from hybridlab.errors import SpecError
from hybridlab.spec.document import manifest_value, parse_documents, to_data
from hybridlab.spec.kustomize import refused_by_kustomize
from hybridlab.spec.manifests import ManifestFile
from hybridlab.spec.scalars import RepositoryPath, ScalarError

_SUFFIXES = (".yaml", ".yml")
_MOST_FILES = 10_000
_MOST_DEPTH = 40
# Where a folder is looked for that is not there.
_MOST_LEVELS, _MOST_FOLDERS = 3, 200
_KUSTOMIZATION = ("kustomization.yaml", "kustomization.yml")

# The content of a folder's manifests, by their path in it.
Files = Mapping[str, bytes]


def read_folder(folder: Path) -> Files:
    """Return the manifests in `folder` and below it, by their path in it; what is hidden is left out.

    Raises: OSError when it can not be read.
    """
    found: dict[str, bytes] = {}
    for path in sorted(_files(folder)):
        found[path.relative_to(folder).as_posix()] = path.read_bytes()
        if len(found) > _MOST_FILES:
            raise OSError(None, f"more than {_MOST_FILES} files")
    return found


def folders_below(folder: Path) -> Iterator[str]:
    """Yield the folders in `folder` and two levels below, each relative to it; what is hidden is left out."""
    level = [folder]
    for _ in range(_MOST_LEVELS):
        level = [below for above in level for below in _folders(above)][:_MOST_FOLDERS]
        yield from (path.relative_to(folder).as_posix() for path in level)


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _files(folder: Path, depth: int = 0) -> Iterator[Path]:
    if depth > _MOST_DEPTH:
        raise OSError(None, f"folders nested deeper than {_MOST_DEPTH}")
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path, depth + 1)
        elif path.suffix in _SUFFIXES and path.is_file():
            yield path


def parse_folder(files: Files, at: SpecPath, *, name: str) -> tuple[ManifestFile, ...]:
    """Return the files of a folder that messages call `name`, and that the spec names at `at`.

    Raises: SpecError with every file that is no YAML, or could not be applied as it is.
    """
    problems: list[Diagnostic] = []
    parsed: list[ManifestFile] = []
    for path, content in sorted(files.items()):
        try:
            parsed.append(_parse(path, content, at, f"{name}/{path}"))
        except SpecError as error:
            problems += error.report
    if not files:
        problems.append(_problem("SPEC008", f"{name} holds no manifest (*.yaml)", at))
    if problems:
        raise SpecError(Report.of(problems))
    return tuple(parsed)


def _parse(path: str, content: bytes, at: SpecPath, name: str) -> ManifestFile:
    try:
        RepositoryPath(path)
    except ScalarError as error:
        raise SpecError(Report.of([_problem("SPEC008", f"{name}: {error}", at, error.hint)])) from None
    if path.rpartition("/")[2] in _KUSTOMIZATION:
        hint = f"put there what `kubectl kustomize {name.rpartition('/')[0]}` prints"
        message = f"{name} is no manifest: the files of a folder are applied as they are"
        raise SpecError(Report.of([_problem("SPEC008", message, at, hint)]))
    documents = parse_documents(content, name=name)
    if problems := list(refused_by_kustomize(content.decode(), documents, at / path, name)):
        raise SpecError(Report.of(problems))
    data = tuple(to_data(document.root, manifest_value) for document in documents)
    return ManifestFile(path, content.decode(), data, documents)


def _problem(code: str, message: str, at: SpecPath, hint: str | None = None) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, at, hint)

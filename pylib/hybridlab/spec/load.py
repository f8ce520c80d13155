"""Read a spec: every problem of its shape at once, each at the place where it was written."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypedDict, Unpack, cast

from attrs import evolve, frozen
from cattrs import (
    AttributeValidationNote,
    BaseValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)

from hybridlab.diagnostic import Diagnostic, Fix, RenameKey, Report, SetValue, Severity, SpecPath
from hybridlab.errors import SpecError
from hybridlab.spec.cluster import API_VERSION, ClusterSpec
from hybridlab.spec.converter import (
    MissingKeyError,
    UnderKeyError,
    WrongChoiceError,
    WrongTypeError,
    keys_of,
    structure,
)
from hybridlab.spec.define import yaml_name
from hybridlab.spec.document import Ambiguous, Document, Scalar, parse_document, read_document, to_data
from hybridlab.spec.folders import Files, parse_folder, read_folder
from hybridlab.spec.manifests import FOLDER_KEY, ManifestFile, SpecSource
from hybridlab.spec.scalars import ScalarError
from hybridlab.spec.workload import ManifestsSpec


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
    return _spec_of(document, read, path.parent)


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

    return _spec_of(parse_document(text, name=name), read, Path())


def _spec_of(document: Document, read: Callable[[str], Files], folder: Path) -> ClusterSpec:
    data = to_data(document.root)
    if isinstance(data, dict) and (problem := _version_problem(data.get("apiVersion", ...))):
        raise SpecError(Report.of([problem], document))
    try:
        spec = structure(data)
    except Exception as error:
        problems = list(_Walk(document).problems(error, SpecPath()))
        raise SpecError(Report.of(problems, document)) from None
    manifests = _manifests(spec, document, read, folder)
    # mypy sees no attrs class in `spec_class`
    located: ClusterSpec = evolve(
        cast(Any, spec),
        source=SpecSource(document, manifests) if manifests else document,
        manifests=manifests,
    )
    return located


def _manifests(
    spec: ClusterSpec, document: Document, read: Callable[[str], Files], beside: Path
) -> Mapping[str, tuple[ManifestFile, ...]]:
    """Return the files of each workload that is a folder of manifests; `beside` is the spec's."""
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
            problems.append(_error("SPEC007", f"can not read {shown}: {reason}", at))
        except SpecError as error:
            problems += error.report
    if problems:
        raise SpecError(Report.of(problems, document))
    return found


def _version_problem(version: object) -> Diagnostic | None:
    """Return what is wrong with a version: of an unknown format, nothing else can be said."""
    if version == API_VERSION:
        return None
    path = SpecPath.of("apiVersion")
    if version is ...:
        hint = f"begin the file with `apiVersion: {API_VERSION}`"
        return Diagnostic("SPEC102", Severity.ERROR, "the spec lacks the key 'apiVersion'", path, hint)
    message = f"{_described(version)} is not a version of the spec's format that this hybridlab knows"
    return Diagnostic("SPEC105", Severity.ERROR, message, path, f"it knows {API_VERSION}")


@frozen
class _Walk:
    """The way through the errors that cattrs grouped, with the path in the spec that leads to each."""

    document: Document

    def problems(self, error: BaseException, path: SpecPath) -> Iterator[Diagnostic]:
        match error:
            case BaseValidationError():
                for inner in error.exceptions:
                    yield from self.problems(inner, self._path_of(inner, path))
            case UnderKeyError(key=key, cause=cause, on_key=on_key):
                found = self.problems(cause, path / key)
                yield from (evolve(problem, on_key=True) for problem in found) if on_key else found
            case ForbiddenExtraKeysError(cl=cls, extra_fields=keys):
                yield from self._unknown_keys(keys, cls, path)
            case MissingKeyError(key=key, text=text):
                message, hint = f"{path} lacks the key {key!r}", f"{key}: {text}"
                # Of machines by name, all lack it for one reason; the name is left out.
                group = f"{SpecPath(path[:1])}.{len(path)}.{key}"
                yield _error("SPEC102", message, path, hint, on_key=True, group=group)
            case WrongTypeError():
                yield self._wrong_type(error, path)
            case WrongChoiceError(value=value, choices=choices):
                message = f"{value!r} is not one of {', '.join(choices)}"
                same = [choice for choice in choices if choice == value.strip().lower()]
                fix = Fix(f"write {same[0]}", (SetValue(path, same[0]),)) if same else None
                yield _error("SPEC104", message, path, _did_you_mean(value, choices), fix=fix)
            case ScalarError(hint=hint, instead=instead):
                fix = None if instead is None else Fix(f"write {instead}", (SetValue(path, instead),))
                yield _error("SPEC104", str(error), path, hint, fix=fix)
            case _:
                raise error

    def _path_of(self, error: BaseException, path: SpecPath) -> SpecPath:
        for note in getattr(error, "__notes__", ()):
            match note:
                case AttributeValidationNote(name=name):
                    return path / yaml_name(name)
                case IterableValidationNote(index=index):
                    return path / index
        return path

    def _unknown_keys(self, keys: Iterable[str], cls: type, path: SpecPath) -> Iterator[Diagnostic]:
        known = keys_of(cls)
        for key in sorted(keys):
            hint = _did_you_mean(key, known) or f"there are: {', '.join(known)}"
            fix = self._renaming(key, known, path)
            group = f"{cls.__name__}.{key}"
            message = f"{path} has no key {key!r}"
            yield _error("SPEC101", message, path / key, hint, on_key=True, group=group, fix=fix)

    def _renaming(self, key: str, known: Iterable[str], path: SpecPath) -> Fix | None:
        """Return the fix of a key that differs from a known one only in how words are joined."""
        same = [name for name in known if name.lower() == re.sub(r"[-_ ]", "", key).lower()]
        if not same or self.document.node(path / same[0]) is not None:
            return None
        return Fix(f"rename {key} to {same[0]}", (RenameKey(path / key, same[0]),))

    def _wrong_type(self, error: WrongTypeError, path: SpecPath) -> Diagnostic:
        node = self.document.node(path)
        written = node.text if isinstance(node, Scalar) else ""
        message = f"{path} must be {error.expected}, not {_described(error.value)}"
        hint = None
        fix = None
        match error.value:
            case Ambiguous(text, reading):
                if error.kind is str:
                    fix = Fix(f'write "{text}"', (SetValue(path, text),))
                message = f"{text!r} is {reading} to YAML 1.1 and something else to YAML 1.2"
                hint = f'write "{text}" for the text' if error.kind is str else "write it in another way"
            case None:
                hint = "give it a value, or remove the key"
            case bool() | int() | float() if error.kind is str and written:
                kind = "a truth value" if isinstance(error.value, bool) else "a number"
                message = f"{path} must be {error.expected}, but YAML reads {written} as {kind}"
                hint = f'put it in quotes: "{written}"'
                fix = Fix(f'write "{written}"', (SetValue(path, written),))
            case str(text) if error.kind is int and text.isdecimal():
                hint = f"remove the quotes: {text}"
                fix = Fix(f"write {text}", (SetValue(path, int(text)),)) if str(int(text)) == text else None
            case str(text) if error.kind is list:
                hint = f"write a list: [{text}]"
        return _error("SPEC103", message, path, hint, fix=fix)


class _More(TypedDict, total=False):
    """What a problem may have beside its message and hint."""

    on_key: bool
    group: str
    fix: Fix | None


def _error(
    code: str, message: str, path: SpecPath, hint: str | None = None, **more: Unpack[_More]
) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, path, hint, **more)


def _did_you_mean(text: str, choices: Iterable[str]) -> str | None:
    close = difflib.get_close_matches(text, list(choices), n=1)
    return f"did you mean {close[0]!r}?" if close else None


def _described(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case Ambiguous(text):
            return repr(text)
    return repr(value)

"""The corpus: ten good bases, good clusters with strange settings, and accidents that happen to the bases."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from attrs import frozen

from hybridlab import Report, ResolveError, SpecError, check, parse_spec, resolve
from hybridlab.diagnostic import Diagnostic

FOLDER = Path(__file__).parent
SPEC = "cluster.yaml"
LAYERS = (
    "network",
    "host",
    "guest",
    "ssh",
    "nix",
    "kubernetes",
    "manifests",
    "storage",
    "secrets",
    "gpu",
)
# Who, beside hybridlab, could see a fault in what they read: `manifests` are those that are generated.
READERS = ("manifests",)

# The text of a cluster's files by their path beside the spec, which is one of them.
Files = Mapping[str, str]


class CorpusError(Exception):
    """A file of the corpus is not as tests/corpus/README.md says."""


@frozen
class Base:
    """A good cluster, on which accidents happen."""

    name: str
    files: Files


@frozen
class Edit:
    """Text in a file of the base, which occurs there once, and what an accident puts in its place."""

    file: str
    find: str
    put: str


@frozen
class Expected:
    """A diagnostic: its code, the path that it names, and the text over the caret, without its quotes."""

    code: str
    at: str
    under: str


@frozen
class Case:
    """One accident; the first of `expect` is the accident itself, the rest what follows from it.

    `missed` says why hybridlab does not see it, `source` where such a one has happened, or why it is one.
    """

    slug: str
    base: str
    what: str
    layers: tuple[str, ...]
    source: str | None
    visible: tuple[str, ...]
    edits: tuple[Edit, ...]
    added: Files
    expect: tuple[Expected, ...]
    missed: str | None

    def files(self) -> Files:
        """Return the files of the base with the accident in them. Raises: CorpusError."""
        files = dict(load_base(self.base).files)
        for edit in self.edits:
            count = files.get(edit.file, "").count(edit.find)
            if count != 1:
                raise CorpusError(f"{self.slug}: {edit.find!r} occurs {count} times in {edit.file}")
            files[edit.file] = files[edit.file].replace(edit.find, edit.put)
        return {**files, **self.added}


@cache
def load_base(name: str) -> Base:
    """Read a base. Raises: CorpusError when there is none of this name."""
    if name not in base_names():
        raise CorpusError(f"there is no base {name!r}")
    return Base(name, read_files(FOLDER / "bases" / name))


def base_names() -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in FOLDER.glob(f"bases/*/{SPEC}")))


def good_names() -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in FOLDER.glob(f"good/*/{SPEC}")))


def case_slugs() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in FOLDER.glob("faulty/*.yaml")))


def read_files(folder: Path) -> Files:
    """Return the text of every file below a folder, with the line breaks and the mark that it begins with."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def load_case(slug: str) -> Case:
    """Read an accident. Raises: CorpusError when its file is not as it should be."""
    text = (FOLDER / "faulty" / f"{slug}.yaml").read_text(encoding="utf-8")
    # Every scalar is text: what is compared and replaced is what stands in files.
    data = yaml.load(text, Loader=yaml.BaseLoader)
    fields = _Fields(slug, data)
    case = Case(
        slug=slug,
        base=fields.text("base"),
        what=fields.text("what"),
        layers=fields.texts("layers"),
        source=fields.optional("source"),
        visible=fields.texts("visible", ()),
        edits=tuple(
            Edit(edit.optional("file") or SPEC, edit.text("find"), edit.text("put", empty=True))
            for edit in fields.each("edits", ())
        ),
        added=fields.mapping("files"),
        expect=tuple(
            Expected(one.text("code"), one.text("at"), one.text("under", empty=True))
            for one in fields.each("expect")
        ),
        missed=fields.optional("missed"),
    )
    fields.end()
    return case


class _Fields:
    """The keys of a mapping in a case, each read once, and none left over."""

    def __init__(self, slug: str, data: object) -> None:
        if not isinstance(data, dict):
            raise CorpusError(f"{slug}: {data!r} is no mapping")
        self._slug = slug
        self._data: dict[str, Any] = dict(data)

    def text(self, key: str, *, empty: bool = False) -> str:
        value = self._data.pop(key, None)
        if not isinstance(value, str) or not (value or empty):
            raise CorpusError(f"{self._slug}: {key} is {value!r}, not text")
        return value

    def optional(self, key: str) -> str | None:
        return self.text(key) if key in self._data else None

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self._data.pop(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise CorpusError(f"{self._slug}: {key} is {value!r}, not a list of text")
        return tuple(value)

    def mapping(self, key: str) -> Mapping[str, str]:
        value = self._data.pop(key, {})
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise CorpusError(f"{self._slug}: {key} is {value!r}, not a mapping from files to text")
        return value

    def each(self, key: str, default: tuple[()] | None = None) -> "Iterator[_Fields]":
        value = self._data.pop(key, default)
        if not isinstance(value, list | tuple):
            raise CorpusError(f"{self._slug}: {key} is {value!r}, not a list")
        for item in value:
            fields = _Fields(self._slug, item)
            yield fields
            fields.end()

    def end(self) -> None:
        if self._data:
            raise CorpusError(f"{self._slug}: there is no key {', '.join(self._data)}")


def report(files: Files) -> Report:
    """Return everything that hybridlab has to say of a cluster, at whatever stage it says so."""
    try:
        return check(resolve(parse_spec(files[SPEC], name=SPEC, folders=folders_of(files))))
    except (SpecError, ResolveError) as error:
        return error.report


def folders_of(files: Files) -> Mapping[str, Mapping[str, bytes]]:
    """Return the manifests below every folder, as `load_spec` reads the one that a workload names."""
    folders: dict[str, dict[str, bytes]] = {}
    for path, text in files.items():
        parts = PurePosixPath(path).parts
        if PurePosixPath(path).suffix not in (".yaml", ".yml"):
            continue
        for depth in range(1, len(parts)):
            below = parts[depth:]
            if not any(part.startswith(".") for part in below):
                folders.setdefault("/".join(parts[:depth]), {})["/".join(below)] = text.encode()
    return folders


def underlined(diagnostic: Diagnostic) -> str:
    """Return the text over the caret of a diagnostic, without its quotes; none if it has no place."""
    span = diagnostic.span
    if span is None:
        return ""
    text = span.text[span.column - 1 : span.column - 1 + span.width]
    return re.sub(r"""^(['"])(.*)\1$""", r"\2", text)

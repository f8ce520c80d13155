"""A YAML document as a tree of nodes that know where they were written; what they mean is not known here."""

from pathlib import Path

from hybridlab.spec.document.compose import Composer
from hybridlab.spec.document.nodes import Document, Mapping, Node, Scalar, Sequence, to_data
from hybridlab.spec.document.plain import Ambiguous, Data, manifest_value
from hybridlab.spec.document.source import decoded, read_content, readable

__all__ = [
    "Ambiguous",
    "Data",
    "Document",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "decoded",
    "manifest_value",
    "parse_document",
    "parse_documents",
    "read_content",
    "read_document",
    "to_data",
]


def read_document(path: Path, *, name: str) -> Document:
    """Read and compose the one document of the file at `path`, calling it `name` in every message.

    Raises: SpecError when it can not be read, is not UTF-8 text, not YAML, or too deep or large.
    """
    return _compose(decoded(read_content(path, name), name), name)


def parse_documents(content: bytes, *, name: str) -> tuple[Document, ...]:
    """Compose every document of a file's content, leaving out those that are empty; see `read_document`."""
    text = decoded(content, name)
    return tuple(Document(root) for root in Composer(text, name).compose_all())


def parse_document(text: str, *, name: str) -> Document:
    """Compose `text`; see `read_document`."""
    return _compose(readable(text, name), name)


def _compose(text: str, name: str) -> Document:
    return Document(Composer(text, name).compose())

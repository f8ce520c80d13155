"""A sops file as anybody can read it: its keys, who can decrypt it, and that its values are encrypted."""

from collections.abc import Mapping as Map
from pathlib import Path

from attrs import frozen

from hybridlab.diagnostic import SourceSpan, SpecPath
from hybridlab.spec.document import Document, Mapping, Scalar, Sequence, read_document

_ENCRYPTED = "ENC["
_OWN = "sops"  # the key under which sops keeps its own data


@frozen
class SopsFile:
    """A YAML file, encrypted by sops or not.

    `is_encrypted` says whether sops has left its data in it, `recipients` are the age public keys that can
    decrypt it, each with its place in the file.
    """

    name: str
    document: Document
    is_encrypted: bool
    recipients: Map[str, SourceSpan]

    @property
    def keys(self) -> tuple[str, ...]:
        """Its top keys, without the one that sops has for itself."""
        root = self.document.root
        return tuple(key for key in root.entries if key != _OWN) if isinstance(root, Mapping) else ()

    def value(self, key: str) -> str | None:
        """Return what stands at `key` (nested keys joined with `/`), encrypted or not; None if nothing."""
        node = self.document.node(SpecPath(key.split("/")))
        return node.text if isinstance(node, Scalar) and node.text else None

    def has(self, key: str) -> bool:
        """Whether anything stands at `key`, be it a value or further keys."""
        node = self.document.node(SpecPath(key.split("/")))
        return node is not None and not (isinstance(node, Scalar) and not node.text)

    def has_secret(self, key: str) -> bool:
        """Whether there is an encrypted value at `key`."""
        return (self.value(key) or "").startswith(_ENCRYPTED)

    def place(self, key: str = "") -> SourceSpan | None:
        """Return the place of `key`, or of its nearest parent in the file."""
        return self.document.locate(SpecPath(key.split("/") if key else ()), key=True)


def read_sops_file(path: Path, *, name: str) -> SopsFile:
    """Read the file at `path`, calling it `name` in messages.

    Raises: SpecError when it can not be read or is not YAML.
    """
    document = read_document(path, name=name)
    own = document.node(SpecPath.of(_OWN))
    return SopsFile(
        name,
        document,
        is_encrypted=isinstance(own, Mapping) and document.node(SpecPath.of(_OWN, "mac")) is not None,
        recipients=_recipients(document),
    )


def _recipients(document: Document) -> Map[str, SourceSpan]:
    """Recipients as sops lists them: under `sops.age`, or below groups if there is more than one."""
    lists = [SpecPath.of(_OWN, "age")]
    groups = document.node(SpecPath.of(_OWN, "key_groups"))
    if isinstance(groups, Sequence):
        lists += [SpecPath.of(_OWN, "key_groups", index, "age") for index in range(len(groups.items))]
    found: dict[str, SourceSpan] = {}
    for path in lists:
        node = document.node(path)
        for index in range(len(node.items) if isinstance(node, Sequence) else 0):
            recipient = document.node(path / index / "recipient")
            if isinstance(recipient, Scalar):
                found[recipient.text] = recipient.span
    return found

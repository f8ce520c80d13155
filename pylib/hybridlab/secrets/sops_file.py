"""A sops file as anybody can read it: its keys, who can decrypt it, and that its values are encrypted."""

import json
import shlex
from collections.abc import Iterator
from collections.abc import Mapping as Map
from pathlib import Path

from attrs import evolve, frozen

from hybridlab.diagnostic import Report, SourceSpan, SpecPath
from hybridlab.errors import SpecError
from hybridlab.spec.document import Document, Mapping, Scalar, Sequence, read_document

_ENCRYPTED = "ENC["
_OWN = "sops"  # the key under which sops keeps its own data
# Kinds of recipients, and where in an entry it says who that is.
_KINDS = {
    "age": "recipient",
    "pgp": "fp",
    "kms": "arn",
    "gcp_kms": "resource_id",
    "azure_kv": "vault_url",
    "hc_vault": "vault_address",
    "hckms": "key_id",
}


@frozen
class SopsFile:
    """A YAML file, encrypted by sops or not.

    `is_encrypted` says whether sops has left its data in it. `recipients` are those who can decrypt it, each
    with its place in the file: age public keys, and what sops knows others by (getsops/sops 3.13,
    stores/stores.go).
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

    @property
    def values(self) -> tuple[str, ...]:
        """The keys (nested ones joined with `/`) of all that has no further keys below it, without sops' own.

        A list is one value.
        """
        root = self.document.root
        return tuple(_ends(root)) if isinstance(root, Mapping) else ()

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
        """Return the place of `key`, or of its nearest parent in the file, without the text of the line."""
        return _unquoted(self.document.locate(SpecPath(key.split("/") if key else ()), key=True))


def _unquoted(span: SourceSpan | None) -> SourceSpan | None:
    """Leave out the line itself: it may hold what should have been encrypted, and is for no log."""
    return None if span is None else evolve(span, text="")


def is_below(key: str, other: str) -> bool:
    """Whether `key` is `other`, or one of the keys below it."""
    return key == other or key.startswith(f"{other}/")


def sops_index(key: str) -> str:
    """Return `key` as sops takes it: `["app"]["password"]`."""
    return "".join(f"[{json.dumps(part)}]" for part in key.split("/"))


def unset_command(name: str, key: str) -> str:
    """Return the command that takes `key` out of the file `name`, as a shell takes it."""
    return shlex.join(["sops", "unset", name, sops_index(key)])


def _ends(root: Mapping, prefix: str = "") -> Iterator[str]:
    for key, (_, node) in root.entries.items():
        if not prefix and key == _OWN:
            continue
        if isinstance(node, Mapping) and node.entries:
            yield from _ends(node, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}"


def read_sops_file(path: Path, *, name: str) -> SopsFile:
    """Read the file at `path`, calling it `name` in messages.

    Raises: SpecError when it can not be read or is not YAML.
    """
    try:
        document = read_document(path, name=name)
    except SpecError as error:
        found = [evolve(problem, span=_unquoted(problem.span), related=()) for problem in error.report]
        raise SpecError(Report.of(found)) from None
    own = document.node(SpecPath.of(_OWN))
    return SopsFile(
        name,
        document,
        is_encrypted=isinstance(own, Mapping) and document.node(SpecPath.of(_OWN, "mac")) is not None,
        recipients=_recipients(document),
    )


def _recipients(document: Document) -> Map[str, SourceSpan]:
    """Recipients as sops lists them: under its own key by kind, or below groups if there is more than one."""
    own = SpecPath.of(_OWN)
    groups = document.node(own / "key_groups")
    count = len(groups.items) if isinstance(groups, Sequence) else 0
    places = [own, *(own / "key_groups" / number for number in range(count))]
    found: dict[str, SourceSpan] = {}
    for kind, called in _KINDS.items():
        for path in (place / kind for place in places):
            node = document.node(path)
            for index in range(len(node.items) if isinstance(node, Sequence) else 0):
                recipient = document.node(path / index / called)
                if isinstance(recipient, Scalar):
                    found[recipient.text] = recipient.span
    return found

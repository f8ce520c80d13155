"""The index of a generated tree: every file that hybridlab wrote, with the hash of what it wrote.

It stands in the tree as `modules/generated/index.json` and knows no folder and no plan. It is replaced last,
so that a tree that was written halfway never agrees with its index: Nix compares the two at evaluation.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Self

from attrs import frozen

from hybridlab.emit.file import FileSet, GeneratedFile

INDEX_PATH = PurePosixPath("modules/generated/index.json")

_FORMAT = 1
_COMMENT = "written by hybridlab, which tells its own files from yours by this list; do not edit"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content`, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@frozen
class Index:
    """Paths of generated files, relative to the output folder, with the SHA-256 of their content."""

    hashes: Mapping[PurePosixPath, str]

    @classmethod
    def of(cls, files: FileSet) -> Self:
        return cls({file.path: digest(file.content) for file in files})

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read the text of an index file; a ValueError says what is wrong with it."""
        try:
            document = json.loads(content)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
        match document:
            case {"format": 1, "files": dict() as files}:
                pass
            case {"format": other} if other != _FORMAT:
                raise ValueError(f"it has format {other!r}, but this hybridlab knows format {_FORMAT}")
            case _:
                raise ValueError("it lacks its format or its list of files")
        for path, sha256 in files.items():
            if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
                raise ValueError(f"the hash of {path!r} is not a SHA-256")
        index = cls({PurePosixPath(path): sha256 for path, sha256 in files.items()})
        # A list that no FileSet could have made (`../x`, `/x`, the index itself) must not lead to a removal.
        FileSet.of(GeneratedFile(path, "") for path in (INDEX_PATH, *files))
        return index

    def names(self, path: PurePosixPath, content: bytes) -> bool:
        """Whether the file at `path` was written with exactly this content."""
        return self.hashes.get(path) == digest(content)

    @property
    def file(self) -> GeneratedFile:
        """The index as the file that stands in the tree."""
        document = {
            "comment": _COMMENT,
            "files": {str(path): sha256 for path, sha256 in self.hashes.items()},
            "format": _FORMAT,
        }
        return GeneratedFile(INDEX_PATH, json.dumps(document, indent=2, sort_keys=True) + "\n")

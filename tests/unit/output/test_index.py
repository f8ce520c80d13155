"""The index file: what it looks like, and that nothing broken is taken for one."""

import hashlib
import json
from pathlib import PurePosixPath

import pytest

from hybridlab.emit.file import FileSet, GeneratedFile
from hybridlab.output.index import INDEX_PATH, Index

HASH = "0" * 64


def test_index_file_is_stable_and_sorted_with_its_comment_first() -> None:
    files = FileSet.of([GeneratedFile("k8s/b.yaml", "b\n"), GeneratedFile("a.nix", "{ }\n")])

    text = Index.of(files).file.text

    assert text.endswith("}\n")
    document = json.loads(text)
    assert list(document) == ["comment", "files", "format"]
    assert "hybridlab" in document["comment"]
    assert document["format"] == 1
    assert list(document["files"].items()) == [
        ("a.nix", hashlib.sha256(b"{ }\n").hexdigest()),
        ("k8s/b.yaml", hashlib.sha256(b"b\n").hexdigest()),
    ]
    assert text == json.dumps(document, indent=2) + "\n"


def test_index_survives_its_file() -> None:
    index = Index.of(FileSet.of([GeneratedFile("a/ü b\n.nix", "x"), GeneratedFile("c", "")]))

    assert Index.parse(index.file.content) == index


def test_index_names_a_file_only_with_its_path_and_content() -> None:
    index = Index.of(FileSet.of([GeneratedFile("a", "one"), GeneratedFile("b", "two")]))

    assert index.names(PurePosixPath("a"), b"one")
    assert not index.names(PurePosixPath("a"), b"two")
    assert not index.names(PurePosixPath("c"), b"one")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Expecting value"),
        ("<<<<<<< HEAD\n{}", "Expecting value"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "lacks its format"),
        ('{"files": {}}', "lacks its format"),
        ('{"format": 1}', "lacks its format or its list"),
        ('{"format": 1, "files": []}', "lacks its format or its list"),
        ('{"format": 2, "files": {}}', "format 2, but this hybridlab knows format 1"),
        ('{"format": 1, "files": {"a": 5}}', "hash of 'a'"),
        ('{"format": 1, "files": {"a": "abc"}}', "hash of 'a'"),
    ],
)
def test_damaged_index_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Index.parse(text.encode())


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../neighbour", "a/../../b", "", ".", str(INDEX_PATH), "modules"]
)
def test_index_can_not_claim_what_no_run_could_have_written(path: str) -> None:
    with pytest.raises(ValueError, match="generated file"):
        Index.parse(json.dumps({"format": 1, "files": {path: HASH}}).encode())


def test_index_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(ValueError, match="decode"):
        Index.parse(b'{"format": 1, "files": {"\xff": ""}}')

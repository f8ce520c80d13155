"""Manifests of the user's own beside the spec, each value with its place; how they are read is unknown here.

What stands in them is not understood, and nothing of a file is changed: it is applied byte for byte.
"""

from collections.abc import Mapping

from attrs import field, frozen

from hybridlab.diagnostic import Source, SourceSpan, SpecPath

# The place of a manifest in the spec: what follows is file, number of the document, and the path in it.
FOLDER_KEY = "folder"


@frozen
class ManifestFile:
    """One file: its path in the folder, its whole text, and the documents in it as plain data."""

    path: str
    text: str
    documents: tuple[object, ...] = field(eq=False)
    places: tuple[Source, ...] = field(eq=False, repr=False)


@frozen
class SpecSource:
    """Where the values of a spec were written, and those of the manifests that it takes in."""

    document: Source
    folders: Mapping[str, tuple[ManifestFile, ...]]

    def locate(self, path: SpecPath, *, key: bool = False) -> SourceSpan | None:
        """As of any source: `workloads.NAME.folder.FILE.0.spec` is a place in the first document of FILE."""
        match path:
            case ("workloads", str(name), str(folder), str(file), int(number), *below) if (
                folder == FOLDER_KEY
            ):
                for known in self.folders.get(name, ()):
                    if known.path == file and number < len(known.places):
                        return known.places[number].locate(SpecPath(below), key=key)
        return self.document.locate(path, key=key)

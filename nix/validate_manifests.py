"""Hold every manifest under a folder against the schemas of a Kubernetes version; knows nothing of clusters.

usage: validate_manifests.py MINOR FOLDER
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from kubernetes_validate import SchemaNotFoundError, ValidationError, latest_version, validate


def main(wanted: str, folder: Path) -> int:
    """Write each fault with its file; return 1 if there is one."""
    # The validator of a stable nixpkgs may be older than the Kubernetes beside it.
    version = min(wanted, latest_version(), key=_minor)
    if version != wanted:
        sys.stderr.write(f"no schemas of Kubernetes {wanted} are here; those of {version} are used\n")
    files = [path for path in sorted(folder.rglob("*.y*ml")) if path.name != "kustomization.yaml"]
    faults = [f"{path.relative_to(folder)}: {fault}\n" for path in files for fault in _faults(path, version)]
    sys.stderr.writelines(faults)
    sys.stderr.write(f"{len(files)} manifests, {len(faults)} faults\n")
    return 1 if faults else 0


def _faults(path: Path, version: str) -> Iterator[str]:
    try:
        resources = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        yield str(error)
        return
    for resource in resources:
        match resource:
            case None:
                continue  # a document without anything in it
            case {"apiVersion": "v1", "kind": "List", "items": list() as items}:
                for item in items:
                    if isinstance(item, dict):
                        yield from _schema_faults(item, str(item.get("kind")), version)
            case {"apiVersion": str(), "kind": str() as kind}:
                yield from _schema_faults(resource, kind, version)
            case _:
                yield "a document is no Kubernetes resource: it lacks apiVersion or kind"


def _schema_faults(resource: dict[str, object], kind: str, version: str) -> Iterator[str]:
    try:
        validate(resource, version, strict=True)
    except ValidationError as error:
        yield f"{'.'.join(map(str, error.absolute_path)) or kind}: {error.message}"
    except SchemaNotFoundError as error:
        # Of a custom resource there is none. Whether Kubernetes has such a kind, the rules say (MAN001).
        sys.stderr.write(f"not checked: {error.message}\n")


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".")[:2])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))

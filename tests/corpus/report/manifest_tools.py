"""What programs say of manifests: kubeconform, kubernetes-validate, kube-score, and kubectl with a server."""

import functools
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from attrs import field, frozen

from corpus.report.complaints import Complaint
from corpus.report.generated import KUSTOMIZATION, MANIFESTS
from corpus.report.server import Server
from programs import built_programs, need_program

BUILT = "manifest-tools"
# kube-score gives 10, 7, 5 or 1; from here down it has a warning, or worse.
_BAD_GRADE = 5


class _NoDates(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a date is text."""


_NoDates.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def object_names(text: str) -> list[str]:
    """Return kind and name of every object in a manifest that can be read, as complaints are about it."""
    return list(map(_name, _objects(text)))


def kubeconform(folder: Path, schemas: Path) -> Iterator[Complaint]:
    """Yield what kubeconform says, by the schemas in a folder."""
    location = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    program = built_programs(BUILT) / "kubeconform"
    files = _files(folder)
    run = _run(program, "-strict", "-output", "json", "-schema-location", location, *files)
    for one in json.loads(run.stdout)["resources"] or ():
        about = f"{one['kind']} {one['name']}" if one["kind"] else _shown(one["filename"], folder)
        errors = [f"{error['path']}: {error['msg']}" for error in one.get("validationErrors") or ()]
        for text in errors or [_shown(one["msg"], folder)]:
            yield Complaint(about, text, text)


@frozen
class KubernetesValidate:
    """kubernetes-validate by the schemas of a minor of Kubernetes; what it says of an object it says once."""

    minor: str
    _said: dict[str, str | None] = field(factory=dict, repr=False)

    def look(self, folder: Path) -> Iterator[Complaint]:
        """Yield what makes it fail; of a kind without a schema it only warns."""
        for file in _files(folder):
            about = _shown(str(file), folder)
            try:
                documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
            except yaml.YAMLError as error:
                yield Complaint(about, "YAML", _shown(str(error), folder))
                continue
            for one in filter(None, documents):
                if (fault := self._fault(one)) is not None:
                    yield Complaint(_name(one) if isinstance(one, dict) else about, fault, fault)

    def _fault(self, resource: Any) -> str | None:
        key = json.dumps(resource, default=repr)
        if key not in self._said:
            self._said[key] = self._validate(resource)
        return self._said[key]

    def _validate(self, resource: Any) -> str | None:
        try:
            kubernetes_validate.validate(resource, self.minor, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            return None
        except kubernetes_validate.ValidationError as error:
            return f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        except Exception as error:  # as its command does with whatever else is raised
            return f"could not be validated: {error!r}"
        return None


def kube_score(folder: Path, minor: str) -> Iterator[Complaint]:
    """Yield what kube-score finds critical or warns of, with the checks that are on by default."""
    program = built_programs(BUILT) / "kube-score"
    options = ("score", "--kubernetes-version", f"v{minor}", "--output-format", "json")
    run = _run(program, *options, *_files(folder))
    try:
        scored = json.loads(run.stdout)
    except ValueError:
        text = _shown(run.stderr.strip().partition("\n")[0], folder)
        yield Complaint("the manifests", text, text)
        return
    for one in scored or ():
        about = f"{one['type_meta']['kind']} {one['object_meta']['name']}"
        for check in one["checks"]:
            if not check["skipped"] and check["grade"] <= _BAD_GRADE:
                for said in check["comments"] or ():
                    text = " ".join(filter(None, (said["path"], said["summary"])))
                    yield Complaint(about, check["check"]["id"], text)


def kustomize(folder: Path) -> Iterator[Complaint]:
    """Yield why `kubectl kustomize` refuses the set, if it does."""
    run = _kustomize(folder)
    if run.returncode:
        # What kubectl logs before it says why: the time, and a line of its own source.
        text = _shown(run.stderr.rpartition('"command failed" err=')[2].strip(), folder)
        yield Complaint("the manifests", text, text)


def kubectl_apply(folder: Path, server: Server) -> Iterator[Complaint]:
    """Yield what `kubectl apply -k` says: kustomize first, and then the API server of each object."""
    run = _kustomize(folder)
    if run.returncode:
        yield from kustomize(folder)
    else:
        yield from server.refusals(_objects(run.stdout))


@functools.lru_cache(maxsize=1)  # two tools ask, one after the other
def _kustomize(folder: Path) -> subprocess.CompletedProcess[str]:
    return _run(Path(need_program("kubectl")), "kustomize", folder / MANIFESTS)


def _files(folder: Path) -> list[Path]:
    every = (folder / MANIFESTS).rglob("*")
    found = sorted(path for path in every if path.suffix in (".yaml", ".yml"))
    return [path for path in found if path != folder / KUSTOMIZATION]


def _objects(text: str) -> list[Mapping[str, Any]]:
    return [one for one in yaml.load_all(text, Loader=_NoDates) if isinstance(one, dict)]


def _name(one: Mapping[str, Any]) -> str:
    metadata = one.get("metadata")
    return f"{one.get('kind')} {metadata.get('name') if isinstance(metadata, dict) else None}"


def _shown(text: str, folder: Path) -> str:
    """Return what a program says, without where the files were for it."""
    return text.replace(f"{folder}/", "").replace(str(folder), "")


def _run(program: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [str(program), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

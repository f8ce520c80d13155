"""What would be generated of a faulty cluster if `check` did not refuse it: what other tools are given."""

from collections.abc import Mapping

from attrs import evolve, frozen

from corpus.corpus import SPEC, Files, folders_of
from hybridlab import Cluster, FileSet, ResolveError, SpecError, emit_all, parse_spec, resolve
from hybridlab.model.workload import Manifests, Workload

MANIFESTS = "k8s"
MODULES = "modules"
# It lists the manifests, and is none.
KUSTOMIZATION = f"{MANIFESTS}/kustomization.yaml"


@frozen
class Generated:
    """The files of a cluster, and the names of its hosts."""

    files: FileSet
    hosts: tuple[str, ...]

    def below(self, folder: str) -> Mapping[str, str]:
        return {str(file.path): file.text for file in self.files if file.path.parts[0] == folder}


def generate(files: Files, base: Files) -> Generated | None:
    """Return what is generated of `files`, which an accident made of `base`; None if nothing can be.

    Manifests of the user's own are copied as they are, also those that hybridlab can not read.
    """
    try:
        cluster = _resolved(files)
    except (SpecError, ResolveError):
        if files[SPEC] != base[SPEC]:
            return None
        cluster = _with_manifests(_resolved(base), files)
    try:
        return Generated(emit_all(cluster), tuple(host.name for host in cluster.hosts))
    except (LookupError, ValueError):
        return None  # there is no promise for a cluster with errors


def _resolved(files: Files) -> Cluster:
    return resolve(parse_spec(files[SPEC], name=SPEC, folders=folders_of(files)))


def _with_manifests(cluster: Cluster, files: Files) -> Cluster:
    folders = folders_of(files)
    return evolve(cluster, workloads=tuple(_with_files(one, folders) for one in cluster.workloads))


def _with_files(workload: Workload, folders: Mapping[str, Mapping[str, bytes]]) -> Workload:
    if not isinstance(workload, Manifests):
        return workload
    files = sorted(folders[workload.folder].items())
    return evolve(workload, files=tuple((path, content.decode()) for path, content in files))

"""The whole generated tree of a cluster: the only place that puts the emitters together."""

from hybridlab.emit.constants import emit_constants
from hybridlab.emit.file import FileSet
from hybridlab.emit.kubernetes.tree import emit_kubernetes
from hybridlab.emit.nixos.tree import emit_nixos
from hybridlab.emit.sops import emit_sops
from hybridlab.model.cluster import Cluster


def emit_all(cluster: Cluster) -> FileSet:
    """Return every generated file of a cluster that has no errors, relative to the folder of its spec."""
    return FileSet.of(
        (
            emit_constants(cluster),
            *emit_nixos(cluster),
            *emit_kubernetes(cluster),
            *emit_sops(cluster),
        )
    )

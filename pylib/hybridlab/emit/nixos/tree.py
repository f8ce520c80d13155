"""The NixOS modules of a cluster: which files there are, and what imports what."""

from collections.abc import Callable, Iterator

from hybridlab.emit.file import GeneratedFile
from hybridlab.emit.header import HEADER
from hybridlab.emit.nixos import (
    boot,
    firewall,
    gpu,
    kubernetes,
    microvm,
    microvms,
    network,
    secrets,
    users,
)
from hybridlab.emit.nixos import cluster as cluster_wide
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Machine
from hybridlab.nixlang import File, NixPath, nix_options, print_file
from hybridlab.nixlang.build import Options

FOLDER = "modules/generated"

# Each returns the option values of one machine as groups, with a blank line between them; no group, no file.
CONCERNS: dict[str, Callable[[Cluster, Machine], tuple[Options, ...]]] = {
    "boot.nix": boot.options,
    "firewall.nix": firewall.options,
    "gpu.nix": gpu.options,
    "kubernetes.nix": kubernetes.options,
    "microvm.nix": microvm.options,
    "microvms.nix": microvms.options,
    "network.nix": network.options,
    "secrets.nix": secrets.options,
    "users.nix": users.options,
}


def emit_nixos(cluster: Cluster) -> Iterator[GeneratedFile]:
    """Yield the modules that all machines share, and each machine's own."""
    yield _file("cluster.nix", cluster_wide.options(cluster))
    if cluster.kubernetes is not None:
        yield _file("kubernetes.nix", kubernetes.shared_options(cluster))
    for machine in cluster.machines:
        yield from _machine_files(cluster, machine)


def _machine_files(cluster: Cluster, machine: Machine) -> Iterator[GeneratedFile]:
    imports = ["../cluster.nix"]
    if machine.membership is not None:
        imports.append("../kubernetes.nix")
    for name, options in CONCERNS.items():
        if groups := options(cluster, machine):
            imports.append(f"./{name}")
            yield _file(f"{machine.name}/{name}", groups)
    yield _file(f"{machine.name}/default.nix", ({"imports": [NixPath(path) for path in imports]},))


def _file(name: str, groups: tuple[Options, ...]) -> GeneratedFile:
    return GeneratedFile(f"{FOLDER}/{name}", print_file(File(nix_options(*groups), HEADER)))

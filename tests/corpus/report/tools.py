"""The other tools, each with its version and how it is asked."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from corpus.report import manifest_tools, nix_tool
from corpus.report.complaints import Tool
from corpus.report.generated import MANIFESTS, MODULES
from corpus.report.schemas import write_schemas
from corpus.report.server import Server
from kubernetes.control_plane import api_server
from nix.flakes import Nix
from programs import BUILD

# Of Kubernetes: of the newest NixOS release, which the API server is of, too.
MINOR = "1.36"


@contextmanager
def tools() -> Iterator[tuple[Tool, ...]]:
    """Start what has to run, and yield every tool."""
    with TemporaryDirectory() as name:
        scratch = Path(name)
        for part in ("schemas", "api", "nix"):
            scratch.joinpath(part).mkdir()
        schemas = scratch / "schemas"
        write_schemas(MINOR, schemas)
        validator = manifest_tools.KubernetesValidate(MINOR)
        nix = Nix(scratch / "nix", {})
        built, kubernetes = BUILD.parent / manifest_tools.BUILT, BUILD.parent / "kubernetes"
        of_kubernetes = _required("k8s.io/kubernetes", kubernetes)
        with api_server(scratch / "api") as api:
            server = Server.on(api)
            yield (
                Tool(
                    "kubeconform",
                    _required("github.com/yannh/kubeconform", built),
                    f"strict, with the schemas of Kubernetes {MINOR} that kubernetes-validate brings along",
                    MANIFESTS,
                    lambda folder, _: manifest_tools.kubeconform(folder, schemas),
                ),
                Tool(
                    "kubernetes-validate",
                    metadata.version("kubernetes-validate"),
                    f"strict, for Kubernetes {MINOR}; what it only warns of does not count",
                    MANIFESTS,
                    lambda folder, _: validator.look(folder),
                ),
                Tool(
                    "kube-score",
                    _required("github.com/zegl/kube-score", built),
                    f"for Kubernetes {MINOR}, its default checks; critical and warning",
                    MANIFESTS,
                    lambda folder, _: manifest_tools.kube_score(folder, MINOR),
                ),
                Tool(
                    "kustomize",
                    of_kubernetes,
                    "`kubectl kustomize`, of this version of kubectl",
                    MANIFESTS,
                    lambda folder, _: manifest_tools.kustomize(folder),
                ),
                Tool(
                    "API server",
                    of_kubernetes,
                    "what `kubectl apply --server-side --validate=strict -k` says on an empty cluster, "
                    "kustomize included; applied for real, and no controllers run",
                    MANIFESTS,
                    lambda folder, _: manifest_tools.kubectl_apply(folder, server),
                ),
                Tool(
                    "Nix",
                    _nix_version(),
                    "evaluates every machine with our modules, on the stand-ins for NixOS in tests/nix",
                    MODULES,
                    lambda folder, cluster: nix_tool.evaluate(folder, cluster, nix),
                ),
            )


def _required(module: str, folder: Path) -> str:
    """Return the version of a Go module that programs are built from."""
    text = (folder / "go.mod").read_text(encoding="utf-8")
    [version] = re.findall(rf"^\s*{re.escape(module)} v(\S+)", text, re.MULTILINE)
    return str(version)


def _nix_version() -> str:
    words = subprocess.run(
        ["nix-instantiate", "--version"], capture_output=True, text=True, check=True
    ).stdout
    return words.split()[-1]

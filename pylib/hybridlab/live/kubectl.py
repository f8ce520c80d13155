"""Runs kubectl with the user's own configuration; what is applied are files, which are not known here."""

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import frozen

from hybridlab.errors import LiveError
from hybridlab.model.cluster import Cluster

# The server merges, and keeps books of who owns which field: this is our name there.
_SERVER_SIDE = ("--server-side", "--field-manager=hybridlab")
# On every object of a cluster, by the kustomization.
_LABEL = "app.kubernetes.io/part-of"
# Kinds that hybridlab generates; another kind with our label was made by somebody else.
_KINDS = "namespaces,deployments.apps,daemonsets.apps,services"
_DIFFERS = 1  # kubectl diff: 0 no difference, 1 differences, above that an error


@frozen
class Kubectl:
    """kubectl on one cluster: that of `context`, or of the current one in the user's configuration."""

    context: str | None = None

    def server(self) -> str:
        """Return the address of the API server. Raises: LiveError."""
        run = self._run("config", "view", "--minify", "--output", "json")
        clusters = json.loads(run.stdout).get("clusters") if run.returncode == 0 else None
        if not clusters:
            raise LiveError(
                f"kubectl knows no cluster ({_said(run)}): name one in KUBECONFIG or with --context"
            )
        return str(clusters[0]["cluster"]["server"])

    def nodes(self) -> frozenset[str]:
        """Return the names of the nodes. Raises: LiveError."""
        return frozenset(item["metadata"]["name"] for item in self._json("get", "nodes")["items"])

    def missing(self, namespaces: Iterable[str]) -> tuple[str, ...]:
        """Return those of the namespaces that do not exist. Raises: LiveError."""
        there = {item["metadata"]["name"] for item in self._json("get", "namespaces")["items"]}
        return tuple(sorted({*namespaces} - there))

    def difference(self, folder: Path) -> str:
        """Return how what is in the cluster would change, as a unified diff; empty if nothing would.

        Fields that others own are shown as if taken. The namespaces have to exist. Raises: LiveError.
        """
        run = self._run("diff", *_SERVER_SIDE, "--force-conflicts", "--kustomize", str(folder))
        if run.returncode > _DIFFERS:
            raise _failure("compare the manifests with the cluster", run)
        return run.stdout

    def apply(self, folder: Path, *, force: bool = False) -> str:
        """Apply the kustomization in `folder`, and return what kubectl says.

        With `force` fields that others own are taken from them. Raises: LiveError.
        """
        forced = ["--force-conflicts"] if force else []
        run = self._run("apply", *_SERVER_SIDE, "--validate=strict", *forced, "--kustomize", str(folder))
        if run.returncode:
            raise _failure("apply the manifests", run)
        return run.stdout

    def left_over(self, cluster: Cluster, folder: Path) -> tuple[str, ...]:
        """Return what has the cluster's label and is no longer generated, as `kind/name -n namespace`.

        Raises: LiveError.
        """
        labelled = self._json("get", _KINDS, "--all-namespaces", "-l", f"{_LABEL}={cluster.name}")["items"]
        generated = self._json("get", "--ignore-not-found", "--kustomize", str(folder))
        # One object is not wrapped into a list, and none is nothing.
        ours = {_key(item) for item in generated.get("items", [generated] if generated else [])}
        return tuple(sorted(_shown(item) for item in labelled if _key(item) not in ours))

    def _json(self, *words: str) -> Any:
        run = self._run(*words, "--output", "json")
        if run.returncode:
            raise _failure(f"{words[0]} {words[1]}", run)
        return json.loads(run.stdout or "{}")

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        if shutil.which("kubectl") is None:
            raise LiveError(
                "kubectl is not installed: run this in `nix develop`, or install the package kubectl"
            )
        chosen = [f"--context={self.context}"] if self.context is not None else []
        try:
            return subprocess.run(
                ["kubectl", *chosen, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise LiveError(f"can not run kubectl: {error.strerror}") from error


def check_is(cluster: Cluster, nodes: Iterable[str], server: str) -> None:
    """Raise LiveError unless some node of the spec is in the cluster that kubectl talks to."""
    expected = [node.name for node in cluster.nodes]
    if not {*expected} & {*nodes}:
        raise LiveError(
            f"the cluster at {server} has none of the nodes of {cluster.name} ({', '.join(expected)}): is it "
            f"another one? Name the right one in KUBECONFIG or with --context"
        )


def _key(item: Any) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


def _shown(item: Any) -> str:
    kind, namespace, name = _key(item)
    return f"{kind.lower()}/{name}" + (f" -n {namespace}" if namespace else "")


def _failure(purpose: str, run: subprocess.CompletedProcess[str]) -> LiveError:
    return LiveError(f"kubectl could not {purpose}: {_said(run)}")


def _said(run: subprocess.CompletedProcess[str]) -> str:
    return " ".join(run.stderr.split()) or "it does not say why"

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
_MANAGER = "hybridlab"
_SERVER_SIDE = ("--server-side", f"--field-manager={_MANAGER}")
# On every object of a cluster, by the kustomization.
_LABEL = "app.kubernetes.io/part-of"
# Never looked through: we make none, and would hold their values.
_NOT_OURS = frozenset({"secrets", "events", "events.events.k8s.io"})
# What kubectl says of a custom resource whose definition comes with it.
_UNKNOWN_KIND = "ensure CRDs are installed first"
_OTHER_SHAPES = (KeyError, TypeError, AttributeError, ValueError)
_DIFFERS = 1  # kubectl diff: 0 no difference, 1 differences, above that an error


@frozen(order=True)
class LeftOver:
    """An object in the cluster that is no longer generated; `kind` as kubectl has it (`deployment.apps`)."""

    kind: str
    namespace: str
    name: str

    @property
    def holds_others(self) -> bool:
        """Whether things that are not ours may go with it: all in a namespace, all of a kind."""
        return self.kind in ("namespace", "customresourcedefinition.apiextensions.k8s.io")

    @property
    def words(self) -> tuple[str, ...]:
        """What kubectl takes to name it."""
        return (f"{self.kind}/{self.name}", *(("-n", self.namespace) if self.namespace else ()))

    def __str__(self) -> str:
        return " ".join(self.words)


@frozen
class Kubectl:
    """kubectl on one cluster: that of `context`, or of the current one in the user's configuration.

    `kubeconfig`: a file with a configuration that counts instead of the user's.
    """

    context: str | None = None
    kubeconfig: Path | None = None

    def server(self) -> str:
        """Return the address of the API server. Raises: LiveError."""
        run = self._run("config", "view", "--minify", "--output", "json")
        clusters = _parsed(run.stdout).get("clusters") if run.returncode == 0 else None
        if not clusters:
            raise LiveError(
                f"kubectl knows no cluster ({_said(run)}): name one in KUBECONFIG or with --context"
            )
        return str(clusters[0]["cluster"]["server"])

    def nodes(self) -> frozenset[str]:
        """Return the names of the nodes. Raises: LiveError."""
        return frozenset(_names(self._json("get", "nodes")))

    def missing(self, namespaces: Iterable[str]) -> tuple[str, ...]:
        """Return those of the namespaces that do not exist. Raises: LiveError."""
        there = {*_names(self._json("get", "namespaces"))}
        return tuple(sorted({*namespaces} - there))

    def difference(self, folder: Path) -> str:
        """Return how what is in the cluster would change, as a unified diff; empty if nothing would.

        Fields that others own are shown as if taken. The namespaces have to exist; of kinds whose definition
        comes with them nothing can be compared, which the text then says. Raises: LiveError.
        """
        run = self._run("diff", *_SERVER_SIDE, "--force-conflicts", "--kustomize", str(folder))
        if _UNKNOWN_KIND in run.stderr:
            return f"{run.stdout}new, and so not compared: kinds that the manifests define"
        if run.returncode > _DIFFERS:
            raise _failure("compare the manifests with the cluster", run)
        return run.stdout

    def apply(self, folder: Path, *, force: bool = False) -> str:
        """Apply the kustomization in `folder`, and return what kubectl says.

        With `force` fields that others own are taken from them. Raises: LiveError.
        """
        forced = ["--force-conflicts"] if force else []
        words = ("apply", *_SERVER_SIDE, "--validate=strict", *forced, "--kustomize", str(folder))
        run = self._run(*words)
        if run.returncode and _UNKNOWN_KIND in run.stderr:
            # All else has been applied, definitions among it: the rest can be once the server serves them.
            self._run("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
            run = self._run(*words)
        if run.returncode:
            raise _failure("apply the manifests", run)
        return run.stdout

    def left_over(self, cluster: Cluster, folder: Path) -> tuple["LeftOver", ...]:
        """Return what was applied for this cluster once, and is no longer generated into `folder`.

        Nothing, while the server does not know all kinds in it: then that can not be told. Raises: LiveError.
        """
        generated: Any = {}
        if cluster.workloads:  # kubectl refuses a kustomization of nothing
            run = self._run("get", "--ignore-not-found", f"--kustomize={folder}", "--output=json")
            if _UNKNOWN_KIND in run.stderr:
                return ()
            if run.returncode:
                raise _failure("look for what is generated", run)
            generated = _parsed(run.stdout)
        kinds = self._run("api-resources", "--verbs=list,delete", "--output=name")
        if kinds.returncode:
            raise _failure("list the kinds of objects", kinds)
        types = sorted({*kinds.stdout.split()} - _NOT_OURS)
        found = self._json(
            "get",
            ",".join(types),
            "--all-namespaces",
            f"--selector={_LABEL}={cluster.name}",
            "--show-managed-fields",
        )
        try:
            labelled = [item for item in found["items"] if _is_applied(item)]
            # One object is not wrapped into a list, and none is nothing.
            ours = {_left_over(item) for item in generated.get("items", [generated] if generated else [])}
            return tuple(sorted({_left_over(item) for item in labelled} - ours))
        except _OTHER_SHAPES as error:
            raise _not_understood() from error

    def delete(self, left: "LeftOver") -> None:
        """Remove an object. Raises: LiveError."""
        run = self._run("delete", *left.words, "--ignore-not-found")
        if run.returncode:
            raise _failure(f"delete {left}", run)

    def _json(self, *words: str) -> Any:
        run = self._run(*words, "--output", "json")
        if run.returncode:
            raise _failure(f"{words[0]} {words[1]}", run)
        return _parsed(run.stdout)

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        if shutil.which("kubectl") is None:
            raise LiveError(
                "kubectl is not installed: run this in `nix develop`, or install the package kubectl"
            )
        chosen = [f"--context={self.context}"] if self.context is not None else []
        if self.kubeconfig is not None:
            chosen.append(f"--kubeconfig={self.kubeconfig}")
        try:
            return subprocess.run(
                ["kubectl", *chosen, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="backslashreplace",
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


def _parsed(text: str) -> Any:
    """Return the object in what kubectl wrote. Raises: LiveError if that is something else."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise _not_understood() from error
    if not isinstance(found, dict):
        raise _not_understood()
    return found


def _names(found: Any) -> list[str]:
    try:
        return [str(item["metadata"]["name"]) for item in found["items"]]
    except _OTHER_SHAPES as error:
        raise _not_understood() from error


def _not_understood() -> LiveError:
    return LiveError("kubectl shows objects in another way than is known")


def _left_over(item: Any) -> LeftOver:
    metadata, (group, _, _) = item["metadata"], item["apiVersion"].rpartition("/")
    kind = f"{item['kind'].lower()}.{group}" if group else item["kind"].lower()
    return LeftOver(kind, metadata.get("namespace", ""), metadata["name"])


def _is_applied(item: Any) -> bool:
    """Whether we have applied it: what the cluster makes of ours, like EndpointSlices, may have our label."""
    fields = item["metadata"].get("managedFields", ())
    return any((field.get("manager"), field.get("operation")) == (_MANAGER, "Apply") for field in fields)


def _failure(purpose: str, run: subprocess.CompletedProcess[str]) -> LiveError:
    return LiveError(f"kubectl could not {purpose}: {_said(run)}")


def _said(run: subprocess.CompletedProcess[str]) -> str:
    return " ".join(run.stderr.split()) or "it does not say why"

"""The admin's kubeconfig: fetched from a control plane, made fit for use from outside, kept in private files.

It holds a private key that opens the whole cluster. It is never an argument, in the environment or in a
message; a file with it is private from its first byte on. Who uses it, and what for, is not known here.
"""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hybridlab.errors import LiveError
from hybridlab.live.chain.redact import redacted
from hybridlab.live.checks.answers import shorten
from hybridlab.live.paths import ADMIN_KUBECONFIG
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.live.targets import address_of
from hybridlab.model.cluster import Cluster, Node
from hybridlab.model.flows import Flow
from hybridlab.spec.scalars import in_url

# How the model calls it (tables.ports).
_API_SERVER = "Kubernetes API server"
_SECONDS = 30
# Nothing else is taken from a machine: kubectl would run programs (`exec`), send files of ours (`tokenFile`),
# or trust anybody, because it says so.
_OF_CLUSTER = ("certificate-authority-data",)
_OF_USER = ("client-certificate-data", "client-key-data", "token")
_IGNORED, _NOT_IGNORED = 0, 1  # git check-ignore


def api_server_of(cluster: Cluster) -> Flow | None:
    """Return how the admin reaches the API server, from the first of their VLANs; None if they may not.

    Of all addresses of a control plane the one on the VLAN of Kubernetes counts: it is the advertised one,
    which NixOS puts into the certificate (nixpkgs, cluster/kubernetes/apiserver.nix).
    """
    for node in cluster.control_plane[:1]:
        wanted = (node.name, node.membership.leg, "admin", _API_SERVER)
        for flow in cluster.flows:
            if (flow.destination, flow.leg, flow.who, flow.service) == wanted:
                return flow
    return None


def server_of(cluster: Cluster) -> str:
    """Return the URL at which the admin reaches the API server. Raises: LiveError if they may not."""
    flow = api_server_of(cluster)
    if flow is None:
        raise LiveError(f"no VLAN of admin.sshFrom may use the API server on {_control_plane(cluster).name}")
    return f"https://{in_url(flow.leg.address)}:{flow.port}"


def fetch(cluster: Cluster, ssh: Ssh) -> str:
    """Return the admin's kubeconfig as JSON, which YAML is, too: with certificates and key in it.

    Raises: LiveError if the control plane does not give it.
    """
    node, server = _control_plane(cluster), server_of(cluster)
    words = ["kubectl", "config", "view", f"--kubeconfig={ADMIN_KUBECONFIG}"]
    words += ["--raw", "--flatten", "--minify", "--output=json"]
    run = ssh.run(address_of(cluster, node.machine), words, seconds=_SECONDS)
    if isinstance(run, Unreachable):
        raise LiveError(f"{node.name} can not be reached: {run}; {run.advice}")
    if run.status:
        # kubectl quotes a file that it can not read.
        said = shorten(redacted(run.stderr)) or f"status {run.status}"
        raise LiveError(f"{node.name} does not give the admin's kubeconfig: {said}")
    try:
        found = json.loads(run.stdout)
        [[given], [user]] = found["clusters"], found["users"]
        if {*user["user"]} & {*_OF_USER}:
            place = {**_only(given["cluster"], _OF_CLUSTER), "server": server}
            return _for_outside(cluster.name, place, _only(user["user"], _OF_USER))
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    # Not from the error, which may show what was read.
    raise LiveError(f"{node.name} gives something that is no kubeconfig of one cluster and one user")


def _only(data: Mapping[str, Any], keys: Iterable[str]) -> dict[str, str]:
    """Return what is known of these; what is no text raises TypeError."""
    known = {key: data[key] for key in keys if key in data}
    if not all(isinstance(value, str) for value in known.values()):
        raise TypeError("a value is no text")
    return known


def _control_plane(cluster: Cluster) -> Node:
    if not cluster.control_plane:
        raise LiveError(f"{cluster.name} has no control plane, and so no kubeconfig")
    return cluster.control_plane[0]


def _for_outside(name: str, cluster: Any, user: Any) -> str:
    admin = f"{name}-admin"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": admin, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": admin}}],
        "current-context": name,
    }
    return json.dumps(config, indent=2) + "\n"


def default_path(cluster: Cluster) -> Path:
    """Return where it is kept unless somebody says otherwise: beside kubectl's own, and in no repository."""
    return Path.home() / ".kube" / f"hybridlab-{cluster.name}"


def save(text: str, path: Path, *, replace: bool = False) -> None:
    """Write a kubeconfig to `path`, readable for its owner alone, whatever the umask is.

    A file that is there is only replaced, as a whole, with `replace`. Raises: LiveError for one that is
    there, and for a place that git would commit; OSError.
    """
    _refuse_commit(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not replace:
        try:
            _create(path, text)
        except FileExistsError:
            raise LiveError(f"{path} is there already: --force replaces it") from None
        return
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    _create(new, text)
    try:
        new.replace(path)
    except OSError:
        new.unlink()
        raise


@contextmanager
def temporary(cluster: Cluster, ssh: Ssh) -> Iterator[Path]:
    """Fetch the admin's kubeconfig into a file in a folder that only we can look into, gone afterwards.

    It is in memory where the session has a folder for that. Raises: LiveError, OSError.
    """
    text = fetch(cluster, ssh)
    session = os.environ.get("XDG_RUNTIME_DIR")
    within = session if session and os.access(session, os.W_OK | os.X_OK) else None
    with tempfile.TemporaryDirectory(prefix="hybridlab-", dir=within) as folder:
        path = Path(folder, "kubeconfig")
        _create(path, text)
        yield path


def _create(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def _refuse_commit(path: Path) -> None:
    """Raise LiveError for a file in a repository that git does not ignore: `git add --all` would take it."""
    # As `..` and links lead. What does not exist yet is in no repository of its own.
    folder = path.absolute().parent.resolve()
    there = next(above for above in (folder, *folder.parents) if above.is_dir())
    if not any((above / ".git").exists() for above in (there, *there.parents)):
        return
    if shutil.which("git") is None:
        raise LiveError(f"{path} is in a repository, and there is no git here to ask whether it is ignored")
    command = ["git", "-C", str(there), "check-ignore", "--quiet", "--", str(folder / path.name)]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if run.returncode == _NOT_IGNORED:
        raise LiveError(
            f"{path} would be committed with the next `git add --all`, and holds the key to the whole "
            f"cluster: name another place, or add it to .gitignore first"
        )
    if run.returncode != _IGNORED:
        said = next((line for line in run.stderr.splitlines() if line.strip()), f"status {run.returncode}")
        raise LiveError(f"git can not say whether it ignores {path}: {said}")

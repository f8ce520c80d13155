"""A real Kubernetes on this machine: etcd, API server, controllers, scheduler, and hollow nodes.

Everything listens on loopback, lies in a folder of the test, and dies with the test, however that ends: the
kernel kills each program when the one that started it is gone.
"""

import contextlib
import json
import random
import secrets
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from attrs import field, frozen

from hybridlab.model.cluster import Node
from hybridlab.spec.scalars import Taint
from programs import need_program

# In seconds, for what takes at most 5 on two idle cores; a loaded machine takes longer.
PATIENCE = 60
CONTROLLERS = (
    "deployment-controller,replicaset-controller,daemonset-controller,namespace-controller,"
    "node-lifecycle-controller,serviceaccount-controller,garbage-collector-controller"
)


class RefusedError(Exception):
    """The API server's answer to a request that it does not take."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


@frozen
class Api:
    """An API server, spoken to as a member of system:masters."""

    url: str
    kubeconfig: Path
    token: str = field(repr=False)
    context: ssl.SSLContext = field(repr=False)

    def request(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Any:
        """Return what the server answers; `body` is plain data. Raises: RefusedError."""
        # Not in ASCII: what the server reads as YAML may have no surrogate pairs.
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                answer_text = error.read().decode()
            try:
                message = json.loads(answer_text)["message"]
            except (ValueError, KeyError):
                message = answer_text
            raise RefusedError(error.code, message) from None
        return json.loads(text) if text.startswith(b"{") else text.decode()

    def apply(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> Any:
        """Apply a resource server-side, with strict validation of its fields. Raises: RefusedError."""
        query = "?fieldManager=hybridlab&fieldValidation=Strict&force=true" + (
            "&dryRun=All" if dry_run else ""
        )
        return self.request("PATCH", path_of(manifest) + query, manifest, "application/apply-patch+yaml")

    def kubectl(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [need_program("kubectl"), "--kubeconfig", str(self.kubeconfig), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)

    def pods(self, namespace: str) -> list[Any]:
        pods: list[Any] = self.request("GET", f"/api/v1/namespaces/{namespace}/pods")["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


# Plural names of the kinds that we write, and which have no namespace.
_PLURALS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "DaemonSet": "daemonsets",
    "Deployment": "deployments",
    "Namespace": "namespaces",
    "Node": "nodes",
    "Pod": "pods",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
}


def path_of(manifest: Mapping[str, Any]) -> str:
    """Return the path of a resource in the API."""
    version, metadata = manifest["apiVersion"], manifest["metadata"]
    group = f"/apis/{version}" if "/" in version else f"/api/{version}"
    place = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{group}{place}/{_PLURALS[manifest['kind']]}/{metadata['name']}"


@frozen
class Programs:
    """Programs that run until the test ends; each writes to a log in `folder`."""

    folder: Path
    stack: ExitStack = field(repr=False)

    def start(self, name: str, *options: str, log: str | None = None) -> subprocess.Popen[bytes]:
        file: IO[bytes] = self.stack.enter_context((self.folder / f"{log or name}.log").open("wb"))
        # Not ours alone: pytest is killed, too.
        command = [need_program("setpriv"), "--pdeathsig", "KILL", need_program(name), *options]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=self.folder
        )
        self.stack.callback(_end, process)
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(timeout=30)


@contextmanager
def api_server(folder: Path, *, privileged: bool = True) -> Iterator[Api]:
    """Run etcd and an API server, which allows privileged pods or not; skip the test without the programs."""
    for name in ("setpriv", "openssl", "etcd", "kube-apiserver"):
        need_program(name)
    with ExitStack() as stack:
        programs = Programs(folder, stack)
        client, peer, port = free_ports(3)
        programs.start(
            "etcd",
            f"--data-dir={folder}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
        )
        token = secrets.token_hex(16)
        _write(folder / "tokens.csv", f'{token},admin,admin,"system:masters"\n')
        key = folder / "service-account.key"
        openssl = [need_program("openssl"), "genpkey", "-algorithm", "RSA", "-out", str(key)]
        subprocess.run(openssl, check=True, capture_output=True, timeout=PATIENCE)
        server = programs.start(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{client}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={folder}/certificates",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/12",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC",
            f"--allow-privileged={str(privileged).lower()}",
        )
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it made its certificate itself
        url = f"https://127.0.0.1:{port}"
        kubeconfig = folder / "kubeconfig"
        _write(kubeconfig, json.dumps(_kubeconfig(url, token)))
        api = Api(url, kubeconfig, token, context)
        until(lambda: _is_ready(api, server, folder), "the API server is ready")
        yield api


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _kubeconfig(url: str, token: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "current-context": "test",
    }


def _is_ready(api: Api, server: subprocess.Popen[bytes], folder: Path) -> bool:
    if server.poll() is not None:
        raise AssertionError((folder / "kube-apiserver.log").read_text()[-2000:])
    try:
        # While it starts, the answer lists its parts, each with the word ok.
        return bool(api.request("GET", "/readyz") == "ok") and bool(
            api.request("GET", "/api/v1/namespaces/kube-system")
        )
    except (RefusedError, OSError):
        return False


@contextmanager
def controllers(api: Api, folder: Path) -> Iterator[Programs]:
    """Run the controllers that we need and the scheduler, and whatever is started with what is returned."""
    with scheduler(api, folder) as programs:
        programs.start("kube-controller-manager", *_client(api), f"--controllers={CONTROLLERS}")
        yield programs


@contextmanager
def scheduler(api: Api, folder: Path) -> Iterator[Programs]:
    """Run the scheduler alone, and whatever is started with what is returned."""
    with ExitStack() as stack:
        programs = Programs(folder, stack)
        programs.start("kube-scheduler", *_client(api))
        yield programs


def _client(api: Api) -> tuple[str, ...]:
    [port] = free_ports(1)
    return (
        f"--kubeconfig={api.kubeconfig}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
    )


def taints_of(node: Node) -> list[Taint]:
    """Return the taints that a node registers with: the spec's, and NixOS's of one that takes no pods."""
    return [*node.membership.registered_taints]


def hollow_node(
    programs: Programs,
    api: Api,
    name: str,
    *,
    labels: Mapping[str, str],
    taints: Sequence[Taint] = (),
    resources: Mapping[str, int] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a kubelet over a container runtime that pretends; its pods are Running and have no process."""
    [port] = free_ports(1)
    return programs.start(
        "kubemark",
        "--morph=kubelet",
        "--use-host-image-service=false",
        f"--name={name}",
        f"--kubeconfig={api.kubeconfig}",
        f"--node-labels={','.join(f'{key}={value}' for key, value in labels.items())}",
        f"--register-with-taints={','.join(f'{t.key}={t.value}:{t.effect}' for t in taints)}",
        f"--extended-resources={','.join(f'{key}={count}' for key, count in (resources or {}).items())}",
        f"--kubelet-port={port}",
        "--kubelet-read-only-port=0",
        log=f"node-{name}",
    )


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody has just now, from where no outgoing connection gets its own."""
    found: list[int] = []
    for port in random.sample(range(20_000, 30_000), 1000):
        if len(found) == count:
            return found
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
    raise AssertionError("no port of loopback is free")


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait for something, and return it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what}"
        time.sleep(0.02)
    return found

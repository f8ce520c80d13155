"""Run modules/pod-secrets.sh, which brings secrets into the cluster, with kubectl on a real API server."""

import base64
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from canary import Canary
from kubernetes.control_plane import (
    Api,
    RefusedError,
    api_server,
    controllers,
    free_ports,
    hollow_node,
    until,
)
from programs import need_program

SCRIPT = Path(__file__).parents[2] / "modules" / "pod-secrets.sh"
MARK = "hybridlab-restart"
RESTARTED = "kubectl.kubernetes.io/restartedAt"

# By workload and key: what lies decrypted on the machine, or None where nothing does.
Values = Mapping[str, Mapping[str, bytes | None]]


@frozen
class Cluster:
    """A cluster that nobody else brings secrets to, with a namespace of the same name for its workloads."""

    api: Api
    folder: Path
    name: str

    def bring(self, values: Values, *words: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the script as the unit does, with `words` as further arguments and `path` as its PATH."""
        return subprocess.run(
            [*self.prepare(values), *words],
            capture_output=True,
            text=True,
            env=environment(path),
            check=False,
            timeout=120,
        )

    def prepare(self, values: Values) -> list[str]:
        """Write the files and their list, and return the command."""
        lines = []
        for workload, keys in values.items():
            for key, value in keys.items():
                file = self.folder / workload / key
                file.parent.mkdir(exist_ok=True)
                file.unlink(missing_ok=True)
                if value is not None:
                    file.write_bytes(value)
                lines.append(f"{self.name}\t{workload}\t{key}\t{file}\n")
        list_ = self.folder / "list"
        list_.write_text("".join(lines))
        return ["bash", str(SCRIPT), str(self.api.kubeconfig), self.name, str(list_)]

    def secret(self, name: str) -> Any:
        return self.api.request("GET", f"/api/v1/namespaces/{self.name}/secrets/{name}")

    def values(self, name: str) -> dict[str, bytes]:
        return {key: base64.b64decode(value) for key, value in self.secret(name)["data"].items()}

    def version(self, name: str) -> str:
        return str(self.secret(name)["metadata"]["resourceVersion"])

    def names(self) -> set[str]:
        found = self.api.request("GET", f"/api/v1/namespaces/{self.name}/secrets")["items"]
        return {secret["metadata"]["name"] for secret in found}

    def make_secret(self, name: str, labels: Mapping[str, str], **fields: object) -> None:
        body = {"metadata": {"name": name, "labels": labels}, "data": {"KEY": "b2xk"}, **fields}
        self.api.request("POST", f"/api/v1/namespaces/{self.name}/secrets", body)

    def deploy(self, name: str, replicas: int = 0) -> None:
        """Make a Deployment whose container takes a variable from its Secret, with the namespace for it."""
        self.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}})
        source = {"secretKeyRef": {"name": name, "key": "KEY"}}
        container = {"name": name, "image": name, "env": [{"name": "KEY", "valueFrom": source}]}
        # The token takes a ConfigMap of a controller that does not run here.
        pod = {"automountServiceAccountToken": False, "containers": [container]}
        labels = {"app": name}
        self.api.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": name, "namespace": self.name},
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": pod},
                },
            }
        )

    def restarted(self, name: str) -> str | None:
        """When the Deployment was restarted."""
        path = f"/apis/apps/v1/namespaces/{self.name}/deployments/{name}"
        template = self.api.request("GET", path)["spec"]["template"]["metadata"]
        found: str | None = template.get("annotations", {}).get(RESTARTED)
        return found


def environment(path: str | None = None) -> dict[str, str]:
    """The little that systemd gives a unit: no home, above all."""
    kubectl = Path(need_program("kubectl")).parent
    return {"PATH": f"{kubectl}:{os.environ['PATH']}" if path is None else path}


def shim(folder: Path, text: str) -> str:
    """Put a script in front of kubectl, which it can run as $kubectl; return the PATH."""
    folder.mkdir()
    kubectl = folder / "kubectl"
    kubectl.write_text(f"#!/bin/sh\nkubectl={need_program('kubectl')}\n{text}")
    kubectl.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.fixture
def cluster(api: Api, tmp_path: Path) -> Cluster:
    return Cluster(api, tmp_path, f"pods-{secrets.token_hex(4)}")


def good(run: subprocess.CompletedProcess[str]) -> None:
    assert (run.returncode, run.stderr) == (0, "")


BYTES = {
    "PLAIN": b"value",
    "NEWLINE": b"value\n",
    "NEWLINES": b"\n\nva\nlue\r\n\n",
    "NUL": b"\0va\0lue\0",
    "BINARY": bytes(range(256)),
    "QUOTES": b'"it\'s" `id` \\n %s',
    "SHELL": b"${x} $(id) $x;",
    "BLANKS": b"  a  b\t",
    "YAML": b"- a: {b: [*c, &d]} # e\n---\n",
    "number": b"0123",
    "dots.and-dashes_9": "gemütlich".encode(),
}


def test_values_arrive_byte_for_byte(cluster: Cluster) -> None:
    good(cluster.bring({"app": BYTES}))
    assert cluster.values("app") == BYTES
    secret = cluster.secret("app")
    assert secret["type"] == "Opaque"
    assert secret["metadata"]["labels"] == {
        "app.kubernetes.io/part-of": cluster.name,
        "app.kubernetes.io/managed-by": "hybridlab-pod-secrets",
    }
    # With which kubectl would have kept the values a second time.
    assert "annotations" not in secret["metadata"]


def test_a_large_value_arrives(cluster: Cluster) -> None:
    """Just below the most that a Secret takes, which is more than fits into an argument."""
    value = secrets.token_bytes(1024 * 1024 - 100)
    good(cluster.bring({"app": {"KEY": value}}))
    assert cluster.values("app") == {"KEY": value}


def test_again_without_a_change_changes_nothing_and_says_nothing(cluster: Cluster) -> None:
    cluster.deploy("app")
    good(cluster.bring({"app": BYTES, "other": {"KEY": b"b"}}))
    before = [cluster.version("app"), cluster.version("other")]
    again = cluster.bring({"app": BYTES, "other": {"KEY": b"b"}})
    good(again)
    assert again.stdout == ""
    assert [cluster.version("app"), cluster.version("other")] == before
    assert cluster.restarted("app") is None


def test_a_changed_value_restarts_its_deployment_and_no_other(cluster: Cluster) -> None:
    for name in ("app", "other"):
        cluster.deploy(name)
    good(cluster.bring({"app": {"KEY": b"a"}, "other": {"KEY": b"b"}}))
    # They are new: who uses them has waited.
    assert (cluster.restarted("app"), cluster.restarted("other")) == (None, None)
    other = cluster.version("other")

    good(cluster.bring({"app": {"KEY": b"changed"}, "other": {"KEY": b"b"}}))
    assert cluster.values("app") == {"KEY": b"changed"}
    assert cluster.version("other") == other
    assert cluster.restarted("app") is not None
    assert cluster.restarted("other") is None
    assert MARK not in cluster.secret("app")["metadata"].get("annotations", {})

    restarted = cluster.restarted("app")
    good(cluster.bring({"app": {"KEY": b"changed"}, "other": {"KEY": b"b"}}))
    assert cluster.restarted("app") == restarted


def test_a_changed_value_without_a_deployment_is_just_changed(cluster: Cluster) -> None:
    good(cluster.bring({"app": {"KEY": b"a"}}))
    good(cluster.bring({"app": {"KEY": b"changed"}}))
    assert cluster.values("app") == {"KEY": b"changed"}
    # A Deployment that comes later starts with the new value.
    cluster.deploy("app")
    good(cluster.bring({"app": {"KEY": b"changed"}}))
    assert cluster.restarted("app") is None


def test_a_dropped_key_goes_and_a_new_one_comes(cluster: Cluster) -> None:
    cluster.deploy("app")
    good(cluster.bring({"app": {"KEY": b"a", "OLD": b"b"}}))
    good(cluster.bring({"app": {"KEY": b"a", "NEW": b"c"}}))
    assert cluster.values("app") == {"KEY": b"a", "NEW": b"c"}
    assert cluster.restarted("app") is not None


def test_what_was_changed_by_hand_is_put_right(cluster: Cluster) -> None:
    good(cluster.bring({"app": {"KEY": b"a"}}))
    path = f"/api/v1/namespaces/{cluster.name}/secrets/app"
    patch = {"data": {"KEY": "b2xk", "HAND": "b2xk"}}
    cluster.api.request("PATCH", path, patch, "application/merge-patch+json")
    good(cluster.bring({"app": {"KEY": b"a"}}))
    # A key that we never gave is somebody else's.
    assert cluster.values("app") == {"KEY": b"a", "HAND": b"old"}
    version = cluster.version("app")
    good(cluster.bring({"app": {"KEY": b"a"}}))
    assert cluster.version("app") == version


def test_a_dropped_workload_s_secret_is_removed_and_nobody_else_s(cluster: Cluster) -> None:
    good(cluster.bring({"app": {"KEY": b"a"}, "old": {"KEY": b"b"}}))
    part_of = {"app.kubernetes.io/part-of": cluster.name}
    managed_by = {"app.kubernetes.io/managed-by": "hybridlab-pod-secrets"}
    cluster.make_secret("without-labels", {})
    cluster.make_secret("of-the-cluster", part_of)
    cluster.make_secret("of-another-cluster", managed_by | {"app.kubernetes.io/part-of": "other"})
    others = {"without-labels", "of-the-cluster", "of-another-cluster"}

    good(cluster.bring({"app": {"KEY": b"a"}}))
    assert cluster.names() == {"app"} | others
    good(cluster.bring({}))
    assert cluster.names() == others


def test_a_workload_that_moved_leaves_nothing_in_its_old_namespace(cluster: Cluster) -> None:
    good(cluster.bring({"app": {"KEY": b"a"}}))
    moved = f"{cluster.name}-new"
    command = cluster.prepare({"app": {"KEY": b"a"}})
    list_ = cluster.folder / "list"
    list_.write_text(list_.read_text().replace(f"{cluster.name}\t", f"{moved}\t", 1))
    subprocess.run(command, env=environment(), check=True, timeout=120)
    assert cluster.names() == set()
    assert cluster.api.request("GET", f"/api/v1/namespaces/{moved}/secrets/app")["data"]


def test_an_existing_namespace_is_left_as_it_is(cluster: Cluster) -> None:
    metadata = {"name": cluster.name, "labels": {"mine": "yes"}}
    cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    path = f"/api/v1/namespaces/{cluster.name}"
    before = cluster.api.request("GET", path)
    good(cluster.bring({"app": {"KEY": b"a"}}))
    assert cluster.api.request("GET", path) == before


def test_a_namespace_that_was_made_can_be_applied_without_force(cluster: Cluster) -> None:
    good(cluster.bring({"app": {"KEY": b"a"}}))
    manifest = cluster.folder / "namespace.json"
    metadata = {"name": cluster.name, "labels": {"app.kubernetes.io/part-of": cluster.name}}
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
    applied = cluster.api.kubectl("apply", "--server-side", "--field-manager=hybridlab", "-f", str(manifest))
    assert applied.returncode == 0, applied.stderr


@pytest.mark.parametrize(("value", "reason"), [(None, "does not exist"), (b"", "is empty")])
def test_a_file_that_is_not_there_is_named_and_the_others_are_brought(
    cluster: Cluster, value: bytes | None, reason: str
) -> None:
    good(cluster.bring({"app": {"KEY": b"a", "MORE": b"b"}}))
    run = cluster.bring({"app": {"KEY": b"changed", "MORE": value}, "other": {"KEY": b"c"}})
    assert run.returncode == 1
    [line] = run.stderr.splitlines()
    assert line.startswith(
        f"pod secrets: {cluster.folder}/app/MORE, for MORE of {cluster.name}/app, {reason}"
    )
    assert cluster.values("other") == {"KEY": b"c"}
    # Not half of it, and not removed either.
    assert cluster.values("app") == {"KEY": b"a", "MORE": b"b"}


def test_a_list_that_is_not_there_removes_nothing(cluster: Cluster) -> None:
    good(cluster.bring({"app": {"KEY": b"a"}}))
    command = cluster.prepare({})
    (cluster.folder / "list").unlink()
    run = subprocess.run(command, env=environment(), capture_output=True, check=False, timeout=120)
    assert run.returncode == 1
    assert cluster.names() == {"app"}


def test_a_secret_that_the_server_refuses_is_named_and_the_others_are_brought(cluster: Cluster) -> None:
    cluster.deploy("app")
    cluster.make_secret("app", {}, immutable=True)
    canary = Canary()
    run = cluster.bring({"app": {"KEY": canary.value.encode()}, "other": {"KEY": b"b"}})
    assert run.returncode == 1
    assert "field is immutable" in run.stderr
    assert f"pod secrets: {cluster.name}/app could not be brought into the cluster" in run.stderr
    assert not canary.in_bytes((run.stdout + run.stderr).encode())
    assert cluster.values("other") == {"KEY": b"b"}
    assert cluster.restarted("app") is None


def test_a_value_that_is_too_large_is_refused(cluster: Cluster) -> None:
    canary = Canary()
    run = cluster.bring({"app": {"KEY": canary.value.encode() + b"x" * 1024 * 1024}})
    assert run.returncode == 1
    assert "Too long: may not be more than 1048576 bytes" in run.stderr
    assert not canary.in_bytes((run.stdout + run.stderr).encode())
    assert cluster.names() == set()


def test_no_program_is_shown_a_value(cluster: Cluster) -> None:
    """Record arguments and environment of every program that the script runs, on each of its ways."""
    log = cluster.folder / "log"
    record = f'{{ echo "$0 $*"; env; }} >>{shlex.quote(str(log))}\n'
    path = shim(cluster.folder / "bin", f'{record}exec $kubectl "$@"\n')
    for program in ("sha256sum", "sleep"):
        real = shutil.which(program)
        assert real is not None
        recorder = cluster.folder / "bin" / program
        recorder.write_text(f'#!/bin/sh\n{record}exec {real} "$@"\n')
        recorder.chmod(0o755)
    old, new = Canary(), Canary()
    cluster.deploy("app")
    for canary in (old, new):
        run = cluster.bring({"app": {"KEY": canary.value.encode()}, "gone": {"KEY": b"a"}}, path=path)
        assert run.returncode == 0, run.stderr
        assert not canary.in_bytes((run.stdout + run.stderr).encode())
    run = cluster.bring({"app": {"KEY": new.value.encode()}}, path=path)
    assert run.returncode == 0, run.stderr
    recorded = log.read_bytes()
    for words in (
        "create secret",
        "label --local",
        "apply --server-side",
        "rollout restart",
        "delete secret",
    ):
        assert words.encode() in recorded
    assert not old.in_bytes(recorded) and not new.in_bytes(recorded)


def test_nothing_is_written_where_it_runs(cluster: Cluster) -> None:
    command = cluster.prepare({"app": {"KEY": b"a"}})
    root, tmp = cluster.folder / "root", cluster.folder / "tmp"
    root.mkdir()
    tmp.mkdir()
    env = environment() | {"TMPDIR": str(tmp)}
    subprocess.run(command, cwd=root, env=env, check=True, timeout=120)
    assert [*root.iterdir(), *tmp.iterdir()] == []


# Calls of kubectl on the way of a changed value, by a pattern of their arguments.
CALLS = {
    "the mark": "*=pending",
    "the change": "*jsonpath={.metadata.annotations*",
    "the restart": "*rollout\\ restart*",
    "the end of the mark": f"*{MARK}-",
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_killed_around_a_change_the_next_run_does_the_rest(cluster: Cluster, call: str, when: str) -> None:
    cluster.deploy("app")
    good(cluster.bring({"app": {"KEY": b"a"}}))
    first = '$kubectl "$@"; ' if when == "after" else ""
    text = f'case "$*" in {CALLS[call]}) {first}kill -KILL 0;; esac\nexec $kubectl "$@"\n'
    path = shim(cluster.folder / "bin", text)
    killed = subprocess.Popen(
        cluster.prepare({"app": {"KEY": b"changed"}}),
        env=environment(path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert killed.wait(timeout=60) == -signal.SIGKILL
    done = (call, when) == ("the end of the mark", "after")
    assert (MARK in cluster.secret("app")["metadata"].get("annotations", {})) is (
        not done and (call, when) != ("the mark", "before")
    )

    # As systemd does: kubectl refuses a second restart within a second.
    until(lambda: cluster.bring({"app": {"KEY": b"changed"}}).returncode == 0, "a run without failure")
    assert cluster.values("app") == {"KEY": b"changed"}
    assert cluster.restarted("app") is not None
    assert MARK not in cluster.secret("app")["metadata"].get("annotations", {})


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("answers", ["nobody", "a server that is silent"])
def test_a_server_that_does_not_answer_is_waited_for_and_no_longer(
    cluster: Cluster, listener: socket.socket, answers: str
) -> None:
    [free] = free_ports(1)
    port = free if answers == "nobody" else listener.getsockname()[1]
    config = json.loads(cluster.api.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    kubeconfig = cluster.folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    command = cluster.prepare({"app": {"KEY": b"a"}})
    command[2] = str(kubeconfig)
    started = time.monotonic()
    run = subprocess.run(
        [*command, "2"], env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 1
    assert run.stderr.startswith("pod secrets: the API server was not ready for 2 s: ")
    # One more try than there was time for.
    assert 2 <= time.monotonic() - started < 15


def test_a_server_that_comes_late_is_waited_for(cluster: Cluster) -> None:
    tried = cluster.folder / "tried"
    refuse = f'case "$*" in *readyz*) [ -e {tried} ] || {{ touch {tried}; exit 1; }};; esac\n'
    path = shim(cluster.folder / "bin", f'{refuse}exec $kubectl "$@"\n')
    good(cluster.bring({"app": {"KEY": b"a"}}, path=path))
    assert tried.exists()
    assert cluster.values("app") == {"KEY": b"a"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash (Debian package: bash)")
def test_wrong_usage_has_its_own_exit_code() -> None:
    run = subprocess.run(["bash", str(SCRIPT), "only-one"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr.split(":")[0]) == (2, "usage")


@pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="needs shellcheck (Debian package: shellcheck)"
)
def test_shellcheck_has_nothing_to_say() -> None:
    run = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_on_a_hollow_node_a_pod_waits_for_its_secret_and_is_replaced_after_a_change(tmp_path: Path) -> None:
    """The kubelet is real, its container runtime is not: no process ever sees the variable.

    With a control plane of its own, whose only node nobody else counts.
    """
    folder = tmp_path / "control-plane"
    folder.mkdir()
    with api_server(folder) as api, controllers(api, folder) as programs:
        hollow_node(programs, api, "hollow", labels={})
        cluster = Cluster(api, tmp_path, "app")
        cluster.deploy("app", replicas=1)

        def waiting() -> bool:
            states = [
                status["state"].get("waiting", {}).get("reason")
                for pod in api.pods("app")
                for status in pod["status"].get("containerStatuses", ())
            ]
            return states == ["CreateContainerConfigError"]

        def running() -> list[str]:
            pods = api.pods("app")
            return [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"]

        until(waiting, "the pod's container can not be made without its Secret")
        with pytest.raises(RefusedError, match="not found"):
            cluster.secret("app")
        good(cluster.bring({"app": {"KEY": b"a"}}))
        [first] = until(running, "the pod runs, now that its Secret is there", 180)
        assert cluster.restarted("app") is None

        good(cluster.bring({"app": {"KEY": b"changed"}}))
        until(lambda: running() not in ([], [first]) and first not in running(), "another pod runs", 180)

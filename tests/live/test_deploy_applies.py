"""Deployments down to the manifests, which the real kubectl applies to a real API server."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from kubernetes.control_plane import Api, RefusedError, api_server
from live.deployer import QUICK, Deployer, settled
from live.standin import recorded_cluster as recorded
from live.standin.lab import Lab, wait_for
from live.test_deploy import until_said
from live.world import HOST, MASTER, OTHER, add_node
from nix.flakes import REPOSITORY
from programs import need_program

pytestmark = pytest.mark.slow

OLLAMA = "/apis/apps/v1/namespaces/ollama/deployments/ollama"
# The API server listens elsewhere than the spec has it. `refuses` and `waits` are files of the test.
KUBECTL = """\
#!/bin/sh
for word; do
  shift
  case $word in --kubeconfig=*) ;; *) set -- "$@" "$word" ;; esac
done
if [ "$1" = apply ] && [ -e FOLDER/refuses ]; then
  echo "error: planted by the test" >&2
  exit 1
fi
if [ "$1" = apply ] && [ -e FOLDER/waits ]; then
  touch FOLDER/applying
  sleep 30
fi
exec PROGRAM --kubeconfig=KUBECONFIG "$@"
"""


@frozen
class Running:
    """The example's machines, to be deployed, and an API server, which their nodes have joined."""

    deployer: Deployer
    api: Api
    folder: Path

    @property
    def host(self) -> str:
        """What the host has settled on."""
        return settled(self.deployer.lab.machine(HOST))

    @property
    def is_applied(self) -> bool:
        try:
            return bool(self.api.request("GET", OLLAMA))
        except RefusedError:
            return False

    def node(self, name: str) -> Any:
        return self.api.request("GET", f"/api/v1/nodes/{name}")

    def kill(self, process: Any) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def running(example: Lab, tmp_path: Path) -> Iterator[Running]:
    folder = tmp_path / "kubectl"
    (tmp_path / "server").mkdir()
    folder.mkdir()
    with api_server(tmp_path / "server") as api:
        words = {"FOLDER": folder, "PROGRAM": need_program("kubectl"), "KUBECONFIG": api.kubeconfig}
        text = KUBECTL
        for word, path in words.items():
            text = text.replace(word, str(path))
        program = folder / "kubectl"
        program.write_text(text)
        program.chmod(0o755)
        for node in example.cluster.nodes:
            add_node(api, example.cluster, node.name)
            ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
            path = f"/api/v1/nodes/{node.name}/status"
            api.request("PATCH", path, ready, "application/strategic-merge-patch+json")
        recorded.serve(example.machine(MASTER), api.kubeconfig)
        made = Deployer.of(example, (REPOSITORY / "cluster.yaml").read_text(), tmp_path / "own")
        made = evolve(made, environment={**made.environment, "PATH": f"{folder}:{made.environment['PATH']}"})
        made.offer({"would": f"would stop the following units: microvm@{OTHER}.service\n"})
        yield Running(made, api, folder)


def is_cordoned(node: Any) -> bool:
    return bool(node["spec"].get("unschedulable"))


def test_manifests_that_are_refused_leave_the_hosts_new_and_the_next_run_applies_them(
    running: Running,
) -> None:
    refuses = running.folder / "refuses"
    refuses.touch()
    refused = running.deployer.deploy()
    assert (refused.returncode, running.host) == (1, "second"), refused.stdout + refused.stderr
    assert f"taking the pods off node {OTHER}" in refused.stderr
    assert "kubectl could not apply the manifests: error: planted by the test" in refused.stderr
    [row] = [line for line in refused.stdout.splitlines() if line.startswith(f"{HOST} ")]
    assert row.split()[1:4] == ["the", "new", "system"]
    assert not running.is_applied
    assert not is_cordoned(running.node(OTHER))
    refuses.unlink()
    applied = running.deployer.deploy()
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "deployment.apps/ollama serverside-applied" in applied.stdout
    assert running.is_applied
    again = running.deployer.deploy()
    assert again.returncode == 0, again.stderr
    assert "is as generated" in again.stderr
    assert "serverside-applied" not in again.stdout


def test_a_host_that_goes_back_has_nothing_applied(running: Running) -> None:
    running.deployer.offer({"status": 1})
    run = running.deployer.deploy()
    assert (run.returncode, running.host) == (1, "first"), run.stdout + run.stderr
    assert not running.is_applied


@pytest.mark.parametrize("moment", ["drain", "apply"])
def test_killed_among_nodes_or_manifests_the_next_run_goes_on(running: Running, moment: str) -> None:
    if moment == "drain":
        running.deployer.lab.machine(MASTER).plant("session", "kubectl.* drain ", "slow", seconds=3)
    else:
        (running.folder / "waits").touch()
    process = running.deployer.start("deploy", *QUICK)
    if moment == "drain":
        until_said(process, "taking the pods off node")
        wait_for(lambda: is_cordoned(running.node(OTHER)) or process.poll(), "it is cordoned")
    else:
        wait_for((running.folder / "applying").exists, "it applies", seconds=120)
    running.kill(process)
    assert running.host == ("first" if moment == "drain" else "second")
    assert not running.is_applied
    (running.folder / "waits").unlink(missing_ok=True)
    again = running.deployer.deploy()
    assert again.returncode == 0, again.stdout + again.stderr
    assert (running.host, running.is_applied) == ("second", True)
    assert not is_cordoned(running.node(OTHER))

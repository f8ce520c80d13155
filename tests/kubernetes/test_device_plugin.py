"""The DaemonSet's mounts lead to where a kubelet listens: its real device manager, and a fake plugin.

No images, containers or AMD plugin here. As AMD's does (kubevirt/device-plugin-manager, pkg/dpm/plugin.go),
the fake one goes by the constants of deviceplugin/v1beta1, with the mounts and privileges of its container.
"""

import copy
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from kubernetes.control_plane import PATIENCE, until
from kubernetes.test_manifests import example, manifests
from programs import need_program

# A folder that every machine has; what the kubelet and the container have there, they have in memory.
_STATE = "/var/lib"
_HOST = f"mount -t tmpfs tmpfs {_STATE} && exec " + '"$@"'
# What a container runtime does: a file system of the container's own, with folders of the host in it. The
# plugin's folder is there without its volume, too, as in an image.
_CONTAINER = f"""
set -e
root={_STATE}/container
mkdir $root
mount -t tmpfs tmpfs $root
mkdir -p $root/kubelet/device-plugins
while [ "$1" != -- ]; do
  mkdir -p "$1" "$root${{2#{_STATE}}}"
  mount --bind "$1" "$root${{2#{_STATE}}}"
  shift 2
done
shift
mount --rbind $root {_STATE}
exec "$@"
"""


@frozen
class Running:
    """One of our programs, with a line of JSON on its stdout for each that it reads, and one at first."""

    process: subprocess.Popen[str]

    def says(self) -> Any:
        """What it says next; it ends by itself before one waits for ever."""
        assert self.process.stdout is not None and self.process.stderr is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()[-2000:]
        return json.loads(line)

    def asked(self) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.says()


@contextmanager
def running(command: Sequence[str]) -> Iterator[Running]:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield Running(process)
        finally:
            process.kill()
            process.wait(timeout=PATIENCE)


def program(mode: str, *privileges: str) -> list[str]:
    # Last, for a new namespace's privileges would undo it: pytest is killed, too.
    setpriv = [need_program("setpriv"), "--pdeathsig", "KILL", *privileges, "--"]
    return [*setpriv, need_program("device-registration"), mode]


def with_mounts_of_its_own(script: str, *words: str) -> list[str]:
    """Run a script where its mounts are nobody else's; the machine's are not touched."""
    mine = [] if os.geteuid() == 0 else ["--map-root-user"]
    options = ["--mount", "--propagation=private", *mine]
    return [need_program("unshare"), *options, "--", "sh", "-c", script, "sh", *words]


@pytest.fixture
def kubelet() -> Iterator[Running]:
    """A real device manager on a host of its own; nobody has registered there."""
    for name in ("setpriv", "unshare", "nsenter", "device-registration"):
        need_program(name)
    attempt = with_mounts_of_its_own(_HOST, "true")
    tried = subprocess.run(attempt, capture_output=True, text=True, check=False, timeout=PATIENCE)
    if tried.returncode != 0:
        required = "unshare" in os.environ.get("HYBRIDLAB_REQUIRE", "").split()
        remedy = f"run as root, or allow user namespaces: {tried.stderr.strip()}"
        (pytest.fail if required else pytest.skip)(f"no mount namespace can be made here: {remedy}")
    with running(with_mounts_of_its_own(_HOST, *program("real-device-manager"))) as manager:
        assert manager.says() == {"capacity": {}, "allocatable": {}}
        yield manager


def daemon_set() -> Any:
    [found] = [one for one in manifests(example()) if one["kind"] == "DaemonSet"]
    return found["spec"]["template"]["spec"]


def fake_plugin(kubelet: Running, pod: Any) -> list[str]:
    """The command that runs the fake plugin beside that kubelet, as the pod says."""
    [container] = pod["containers"]
    hosts = {volume["name"]: volume["hostPath"] for volume in pod["volumes"]}
    mounts: list[str] = []
    for mount in container["volumeMounts"]:
        host, inside = hosts[mount["name"]]["path"], mount["mountPath"]
        if mount.get("readOnly"):
            continue  # no socket can be made there: /sys, of which the fake plugin knows nothing
        assert hosts[mount["name"]]["type"] == "DirectoryOrCreate"
        # Nothing outside is in memory.
        assert Path(host).is_relative_to(_STATE) and Path(inside).is_relative_to(_STATE)
        mounts += [host, inside]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    privileges = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    enter = [need_program("nsenter"), f"--target={kubelet.process.pid}", *user, "--mount", "--"]
    options = ["--mount", "--propagation=private", "--", "sh", "-c", _CONTAINER, "sh", *mounts, "--"]
    return [*enter, need_program("unshare"), *options, *program("fake-plugin", *privileges)]


def test_the_manifest_s_paths_are_the_kubelet_s_constants() -> None:
    command = [need_program("device-registration"), "constants"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    constants = json.loads(run.stdout)
    [volume] = [one["hostPath"]["path"] for one in daemon_set()["volumes"] if one["name"] == "device-plugins"]
    assert constants == {"devicePluginPath": f"{volume}/", "kubeletSocket": f"{volume}/kubelet.sock"}


def test_a_fake_plugin_with_the_manifest_s_mounts_registers_with_a_real_device_manager(
    kubelet: Running,
) -> None:
    one, none = {"amd.com/gpu": "1"}, {"amd.com/gpu": "0"}
    with running(fake_plugin(kubelet, daemon_set())) as plugin:
        assert plugin.says() == {"registered": "amd.com/gpu"}
        until(
            lambda: kubelet.asked() == {"capacity": one, "allocatable": one},
            "the kubelet has heard of the GPU",
        )
    # It was this plugin's.
    until(lambda: kubelet.asked() == {"capacity": one, "allocatable": none}, "the kubelet misses the plugin")


def without_the_volume(pod: Any) -> None:
    mounts = pod["containers"][0]["volumeMounts"]
    mounts[:] = [mount for mount in mounts if mount["name"] != "device-plugins"]


def of_another_folder(pod: Any) -> None:
    [host] = [volume["hostPath"] for volume in pod["volumes"] if volume["name"] == "device-plugins"]
    host["path"] = "/var/lib/kubelet/plugins"


def on_another_folder(pod: Any) -> None:
    [mount] = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "device-plugins"]
    mount["mountPath"] = "/var/lib/device-plugins"


@pytest.mark.parametrize("change", [without_the_volume, of_another_folder, on_another_folder])
def test_with_other_mounts_it_finds_no_kubelet(kubelet: Running, change: Callable[[Any], None]) -> None:
    pod = copy.deepcopy(daemon_set())
    change(pod)
    run = subprocess.run(
        fake_plugin(kubelet, pod),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (run.returncode, run.stdout) == (1, ""), run.stderr
    assert run.stderr.strip() == (
        "dial unix /var/lib/kubelet/device-plugins/kubelet.sock: connect: no such file or directory"
    )
    assert kubelet.asked() == {"capacity": {}, "allocatable": {}}

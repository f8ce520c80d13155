"""Planted faults of machines, secrets and GPU: each is reported once, by the check that is about it.

The machines are stand-ins behind a real sshd (tests/live/standin); what is asked, and judged, is the real
`verify` with the checks of these three phases.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from hybridlab import Cluster, parse_spec, resolve
from hybridlab.live.checks import gpu, machines, secrets
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Result, Skipped
from hybridlab.live.verify import verify
from live.standin.lab import Lab, Played, lab
from live.standin.machine import Link
from nix.flakes import REPOSITORY

Fault = Callable[[Lab], object]


def all_checks(cluster: Cluster) -> list[Check]:
    return [check for phase in (machines, secrets, gpu) for check in phase.checks(cluster)]


def look(lab: Lab) -> Mapping[Key, Result]:
    """Return what verify says, by check."""
    results = verify(all_checks(lab.cluster), lab.cluster, lab.ssh)
    return {result.check.key: result for result in results}


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The example's machines, for tests that leave them as they were (`mended`)."""
    with lab(cluster, tmp_path_factory.mktemp("shared") / "lab") as running:
        yield running


@contextmanager
def mended(lab: Lab) -> Iterator[None]:
    """Leave state and files of all machines as they were."""
    before = {one: (one.state, _files(one)) for one in lab.machines.values()}
    try:
        yield
    finally:
        for one, (old, files) in before.items():
            with one.changing() as state:
                state.clear()
                state.update(old)
            for path, content in files.items():
                if _content(path) != content:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.unlink(missing_ok=True)
                    path.symlink_to(content) if isinstance(content, Path) else path.write_bytes(content)


def _files(machine: Played) -> Mapping[Path, bytes | Path]:
    found = (
        path for name in ("etc", "proc", "run", "sys", "var") for path in (machine.root / name).rglob("*")
    )
    return {path: content for path in found if (content := _content(path)) is not None}


def _content(path: Path) -> bytes | Path | None:
    if path.is_symlink():
        return path.readlink()
    return path.read_bytes() if path.is_file() else None


def with_state(machine: str, *keys: str, value: object) -> Fault:
    """Return the fault that something of a machine's state has another value."""

    def plant(lab: Lab) -> None:
        with lab.machine(machine).changing() as state:
            for key in keys[:-1]:
                state = state[key]  # noqa: PLW2901
            state[keys[-1]] = value

    return plant


def with_file(machine: str, path: str, content: str | Link) -> Fault:
    """Return the fault that a file of a machine has another content."""
    return lambda lab: lab.machine(machine).write(path, content)


def without(machine: str, *paths: str) -> Fault:
    """Return the fault that files of a machine are missing."""

    def plant(lab: Lab) -> None:
        for path in paths:
            lab.machine(machine).remove(path)

    return plant


def without_module(machine: str, name: str) -> Fault:
    """Return the fault that a module of the kernel is not loaded."""
    return lambda lab: shutil.rmtree(lab.machine(machine).machine.path(f"/sys/module/{name}"))


def unit(machine: str, name: str, **values: str) -> Fault:
    """Return the fault that a unit is in another state."""

    def plant(lab: Lab) -> None:
        with lab.machine(machine).changing() as state:
            state["units"].setdefault(name, {"LoadState": "loaded", "Description": name, "Result": "success"})
            state["units"][name] |= values

    return plant


FAILED = {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}
DEAD = {"ActiveState": "inactive", "SubState": "dead"}
GIB = 1024**3
KFD = "/dev/kfd"
AT_CERTMGR = "/var/lib/kubernetes/secrets/apitoken.secret"
TOKEN = "/run/secrets/k8s/join-token"
NODES = "/sys/class/kfd/kfd/topology/nodes"
DRIVER = "/sys/bus/pci/devices/0000:c4:00.0/driver"
BOUND = "/sys/bus/pci/drivers/amdgpu/0000:c4:00.0"
SIZES = {"size": 100 * GIB, "avail": GIB, "itotal": 1000, "iavail": 900}


def another_kernel(lab: Lab) -> None:
    """Let the current system have another kernel than the one that was booted."""
    host = lab.machine("homelab")
    booted = host.machine.path("/run/current-system").readlink()
    for name in ("initrd", "kernel-modules", "kernel-params"):
        file = host.machine.path(f"{booted}/{name}")
        host.write(
            f"/nix/store/other/{name}", Link(str(file.readlink())) if file.is_symlink() else file.read_text()
        )
    host.write("/nix/store/other/kernel", Link("/nix/store/another-linux/bzImage"))
    host.write("/run/current-system", Link("/nix/store/other"))


def gone_driver(lab: Lab) -> None:
    """Let vfio have the GPU."""
    host: Played = lab.machine("homelab")
    host.remove(BOUND)
    host.write(DRIVER, Link("../../drivers/vfio-pci"))


# Each fault with the check that reports it, and a part of what that says it found.
FAULTS: list[tuple[str, Fault, Key, str]] = [
    (
        "release",
        with_file("k8s-master", "/etc/os-release", 'ID=nixos\nVERSION_ID="25.11"\n'),
        Key("nixos.release", "k8s-master"),
        "nixos 25.11",
    ),
    (
        "failed unit",
        unit("homelab", "fwupd.service", **FAILED),
        Key("system.running", "homelab"),
        "fwupd.service",
    ),
    (
        "clock",
        with_state("k8s-worker-1", "clock", "NTPSynchronized", value="no"),
        Key("clock", "k8s-worker-1"),
        "not synchronised",
    ),
    ("reboot", another_kernel, Key("reboot", "homelab"), "kernel of an earlier one"),
    (
        "parameters",
        with_file("homelab", "/proc/cmdline", "init=/x amd_iommu=on\n"),
        Key("kernel.parameters", "homelab"),
        "no iommu=pt",
    ),
    (
        "module",
        without_module("k8s-worker-2", "br_netfilter"),
        Key("kernel.module", "k8s-worker-2", "br_netfilter"),
        "not loaded",
    ),
    (
        "sysctl",
        with_state("k8s-master", "sysctl", "net.ipv4.ip_forward", value=0),
        Key("sysctl", "k8s-master", "net.ipv4.ip_forward"),
        "= 0",
    ),
    (
        "bridge's filter",
        with_state("homelab", "sysctl", "net.ipv4.conf.br0.rp_filter", value=2),
        Key("sysctl", "homelab", "net.ipv4.conf.br0.rp_filter"),
        "= 2",
    ),
    (
        "swap",
        with_file("k8s-master", "/proc/swaps", "Filename Type\n/dev/vdb partition 1048572 0 -2\n"),
        Key("swap", "k8s-master"),
        "/dev/vdb",
    ),
    (
        "disk",
        with_state("k8s-worker-1", "disks", "/var/lib", value=SIZES),
        Key("disk", "k8s-worker-1"),
        "1.0 GiB of 100.0 GiB free",
    ),
    (
        "inodes",
        with_state("homelab", "disks", "/", "iavail", value=10),
        Key("disk", "homelab"),
        "10 of 1000000 inodes",
    ),
    (
        "stale guest",
        with_file("homelab", "/var/lib/microvms/k8s-worker-1/booted", Link("/nix/store/old")),
        Key("guest.current", "homelab", "k8s-worker-1"),
        "/nix/store/old",
    ),
    (
        "guest's unit",
        unit("homelab", "microvm@k8s-worker-1.service", **FAILED),
        Key("unit.active", "homelab", "microvm@k8s-worker-1.service"),
        "failed, exit-code",
    ),
    (
        "machine id",
        with_file("k8s-master", "/etc/machine-id", "0" * 32),
        Key("machine-id", "k8s-master"),
        "0" * 32,
    ),
    (
        "mac",
        with_file("k8s-master", "/sys/class/net/vlan20/address", "02:00:00:00:00:01\n"),
        Key("mac", "k8s-master"),
        "02:00:00:00:00:01",
    ),
    (
        "memory",
        with_file("k8s-master", "/proc/meminfo", "MemTotal:  2000000 kB\n"),
        Key("memory", "k8s-master"),
        "1953 MiB",
    ),
    (
        "secrets not decrypted",
        unit("k8s-worker-1", "sops-install-secrets.service", **FAILED),
        Key("unit.active", "k8s-worker-1", "sops-install-secrets.service"),
        "failed, exit-code",
    ),
    (
        "key of a guest",
        without("homelab", "/run/secrets/k8s-worker-1/age-key"),
        Key("secret.file", "homelab", "/run/secrets/k8s-worker-1/age-key"),
        "not there",
    ),
    (
        "owner of a guest's key",
        with_state("homelab", "owners", "/run/secrets/k8s-master/age-key", "owner", value="root"),
        Key("secret.file", "homelab", "/run/secrets/k8s-master/age-key"),
        "root:kvm 0400",
    ),
    (
        "empty token",
        with_file("k8s-worker-2", TOKEN, ""),
        Key("secret.file", "k8s-worker-2", TOKEN),
        "empty",
    ),
    (
        "mode of the token",
        with_state("homelab", "owners", TOKEN, "mode", value="444"),
        Key("secret.file", "homelab", TOKEN),
        "root:root 0444",
    ),
    (
        "token not delivered",
        unit("homelab", "hybridlab-join-token.service", **DEAD),
        Key("unit.active", "homelab", "hybridlab-join-token.service"),
        "inactive",
    ),
    (
        "node that has not joined",
        with_file("k8s-worker-1", AT_CERTMGR, ""),
        Key("secret.file", "k8s-worker-1", AT_CERTMGR),
        "0 bytes",
    ),
    (
        "other token",
        with_file("k8s-worker-1", AT_CERTMGR, f"{'f' * 32}\n"),
        Key("token.same", "k8s-worker-1"),
        "sha256 ",
    ),
    (
        "no link for certmgr",
        without("k8s-master", AT_CERTMGR),
        Key("secret.file", "k8s-master", AT_CERTMGR),
        "not there",
    ),
    (
        "secrets not brought",
        unit(
            "k8s-master", "hybridlab-pod-secrets.service", ActiveState="activating", SubState="auto-restart"
        ),
        Key("unit.active", "k8s-master", "hybridlab-pod-secrets.service"),
        "activating (auto-restart)",
    ),
    ("GPU at vfio", gone_driver, Key("gpu.driver", "homelab"), "vfio-pci drives 0000:c4:00.0"),
    (
        "no driver",
        without_module("homelab", "amdgpu"),
        Key("kernel.module", "homelab", "amdgpu"),
        "not loaded",
    ),
    ("no kfd", with_state("homelab", "owners", KFD, value={}), Key("gpu.devices", "homelab"), "not there"),
    (
        "group of kfd",
        with_state("homelab", "owners", KFD, "group", value="root"),
        Key("gpu.devices", "homelab"),
        "/dev/kfd (root)",
    ),
    (
        "other chip",
        with_file("homelab", f"{NODES}/1/properties", "gfx_target_version 100305\n"),
        Key("gpu.chip", "homelab"),
        "gfx1035",
    ),
    (
        "no memory",
        with_file("homelab", "/sys/class/drm/card1/device/mem_info_vram_total", "0\n"),
        Key("gpu.memory", "homelab"),
        "0 B",
    ),
    (
        "rocm-smi",
        with_state(
            "homelab", "gpu", "rocm-smi", value=["", "ERROR:root:Driver not initialized (amdgpu …)\n"]
        ),
        Key("gpu.rocm-smi", "homelab"),
        "none",
    ),
    (
        "clinfo",
        with_state("homelab", "gpu", "clinfo", value="Number of platforms          0\n"),
        Key("gpu.opencl", "homelab"),
        "no OpenCL device",
    ),
    (
        "groups",
        with_file("homelab", "/etc/group", "root:x:0:\nusers:x:100:\nvideo:x:26:limjihoon\nrender:x:303:\n"),
        Key("gpu.users", "homelab"),
        "not in render",
    ),
]


def test_healthy_lab_is_well(example: Lab) -> None:
    """Also: nothing but what probes may run is run, over one connection to each machine."""
    bad = {key: one.verdict for key, one in look(example).items() if not isinstance(one.verdict, Ok)}

    assert bad == {}
    assert {one.name: (one.unplayed, one.logins) for one in example.machines.values()} == dict.fromkeys(
        example.machines, ((), 1)
    )


@pytest.mark.parametrize(
    ("plant", "key", "found"), [fault[1:] for fault in FAULTS], ids=[f[0] for f in FAULTS]
)
def test_fault_is_reported_once_by_its_check(shared: Lab, plant: Fault, key: Key, found: str) -> None:
    with mended(shared):
        plant(shared)
        results = look(shared)

    failed = {one: result.verdict for one, result in results.items() if isinstance(result.verdict, Failed)}
    assert [*failed] == [key]
    verdict = failed[key]
    assert isinstance(verdict, Failed)
    assert found in verdict.found
    assert verdict.expected
    assert "`" in verdict.advice
    unknown = {one: r.verdict for one, r in results.items() if isinstance(r.verdict, CouldNotLook)}
    assert unknown == {}


def test_every_kind_of_check_is_shown_to_fail_for_its_fault(cluster: Cluster) -> None:
    codes = {check.key.code for check in all_checks(cluster)}

    # The name comes from the machine's own kernel here: tests/unit/live/test_checks_machines.py. Of a closed
    # port, and a GPU that is passed through, tests follow.
    assert codes - {key.code for _, _, key, _ in FAULTS} == {"hostname", "ssh"}


def test_closed_port(example: Lab) -> None:
    example.machine("homelab").close_port()

    results = look(example)

    assert [key for key, one in results.items() if isinstance(one.verdict, Failed)] == [Key("ssh", "homelab")]


def test_guest_that_is_down_is_reported_by_its_host(example: Lab) -> None:
    example.machine("k8s-worker-1").power_off()
    unit("homelab", "microvm@k8s-worker-1.service", **FAILED)(example)

    results = look(example)

    failed = [key for key, one in results.items() if isinstance(one.verdict, Failed)]
    assert failed == [Key("unit.active", "homelab", "microvm@k8s-worker-1.service")]
    of_guest = [one.verdict for key, one in results.items() if key.machine == "k8s-worker-1"]
    assert all(isinstance(verdict, Skipped) for verdict in of_guest)


def test_what_a_fault_spoils_waits_for_it(shared: Lab) -> None:
    with mended(shared):
        without("homelab", TOKEN)(shared)
        results = look(shared)

    for key in (Key("unit.active", "homelab", "hybridlab-join-token.service"), Key("token.same", "homelab")):
        assert isinstance(results[key].verdict, Skipped)


def test_starting_machine_is_to_be_waited_for(shared: Lab) -> None:
    with mended(shared):
        with_state("homelab", "manager", "SystemState", value="starting")(shared)
        verdict = look(shared)[Key("system.running", "homelab")].verdict

    assert isinstance(verdict, CouldNotLook)
    assert "wait" in verdict.reason


def test_passed_through_gpu(make_lab: Callable[[Cluster], Lab]) -> None:
    text = (REPOSITORY / "cluster.yaml").read_text().replace("mode: host #", "mode: passthrough #")
    text = text.replace('ids: ["1002:1900"]', 'ids: ["1002:1900"], guest: k8s-worker-1')
    made = make_lab(resolve(parse_spec(text)))

    assert {key for key, one in look(made).items() if not isinstance(one.verdict, Ok)} == set()

    with_file("homelab", "/sys/module/amdgpu/initstate", "live\n")(made)
    failed = [key for key, one in look(made).items() if isinstance(one.verdict, Failed)]
    assert failed == [Key("gpu.kept", "homelab")]

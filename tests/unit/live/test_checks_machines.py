"""What verify asks of machines as systems, derived from the model, and how answers are judged."""

import json
from pathlib import Path

import pytest

from hybridlab import Cluster, load_spec, parse_spec, resolve
from hybridlab.live.checks.all import all_checks
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Skipped, Verdict
from hybridlab.live.checks.machines import checks, units_checked_elsewhere
from hybridlab.live.probe import Output
from nix.flakes import REPOSITORY

GIB = 1024**3


@pytest.fixture(scope="module")
def example() -> Cluster:
    return resolve(load_spec(REPOSITORY / "cluster.yaml"))


def of(cluster: Cluster, code: str, machine: str, subject: str = "") -> Check:
    """Return the check with this key."""
    return next(check for check in checks(cluster) if check.key == Key(code, machine, subject))


def out(stdout: str = "", stderr: str = "", status: int = 0) -> Output:
    return Output(status, stdout, stderr)


def passthrough(cluster: Path = REPOSITORY / "cluster.yaml") -> Cluster:
    """Return the example with its GPU given to a guest."""
    text = cluster.read_text().replace("mode: host #", "mode: passthrough #")
    return resolve(parse_spec(text.replace('ids: ["1002:1900"]', 'ids: ["1002:1900"], guest: k8s-worker-1')))


def test_keys_differ(example: Cluster) -> None:
    keys = [check.key for check in checks(example)]

    assert len({*keys}) == len(keys)


def test_every_machine_is_logged_in_to_by_a_probe_that_does_nothing(example: Cluster) -> None:
    logins = [check for check in checks(example) if check.key.code == "ssh"]

    assert {check.key.machine for check in logins} == {machine.name for machine in example.machines}
    assert {look.probe.words for check in logins for look in check.looks} == {
        ("readlink", "/run/current-system")
    }


def test_guest_that_does_not_run_is_reported_by_its_host_alone(example: Cluster) -> None:
    running = Key("unit.active", "homelab", "microvm@k8s-master.service")

    assert running in {check.key for check in checks(example)}
    assert of(example, "ssh", "k8s-master").needs == (running,)


@pytest.mark.parametrize(
    ("code", "machine", "subject", "answers"),
    [
        ("ssh", "homelab", "", [out("/nix/store/abc-nixos-system-homelab-26.05\n")]),
        ("hostname", "homelab", "", [out("homelab\n")]),
        ("nixos.release", "homelab", "", [out('ID=nixos\nVERSION_ID="26.05"\n')]),
        ("system.running", "homelab", "", [out("running\n"), out("[]\n")]),
        ("clock", "homelab", "", [out("NTP=yes\nNTPSynchronized=yes\n")]),
        ("reboot", "homelab", "", [out("k\ni\nm\nk\ni\nm\n"), out("ab  x\nab  y\n")]),
        ("kernel.parameters", "homelab", "", [out("init=/x amd_iommu=on iommu=pt loglevel=4\n")]),
        ("kernel.parameters", "k8s-master", "", [out("console=ttyS0 init=/x\n")]),
        ("kernel.module", "homelab", "amdgpu", [out("/sys/module/overlay\n/sys/module/amdgpu\n")]),
        ("sysctl", "k8s-master", "net.ipv4.ip_forward", [out("net.ipv4.ip_forward = 1\n")]),
        ("sysctl", "homelab", "net.ipv4.conf.br0.rp_filter", [out("net.ipv4.conf.br0.rp_filter = 0\n")]),
        ("swap", "homelab", "", [out("Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")]),
        ("guest.current", "homelab", "k8s-master", [out("/nix/store/r\n/nix/store/r\n")]),
        ("memory", "k8s-master", "", [out("MemTotal:        4020000 kB\nMemFree: 1 kB\n")]),
        ("machine-id", "k8s-master", "", [out("88c7f9093019f15880b9af2dfde32b69\n")]),
        ("mac", "k8s-master", "", [out("02:a5:71:27:05:59\n")]),
        (
            "unit.active",
            "homelab",
            "microvm@k8s-master.service",
            [out("LoadState=loaded\nActiveState=active\nSubState=running\n")],
        ),
    ],
)
def test_well(example: Cluster, code: str, machine: str, subject: str, answers: list[Output]) -> None:
    assert isinstance(of(example, code, machine, subject).judge(*answers), Ok)


@pytest.mark.parametrize(
    ("code", "machine", "subject", "answers", "found"),
    [
        ("hostname", "homelab", "", [out("nixos\n")], "nixos"),
        ("nixos.release", "homelab", "", [out("ID=nixos\nVERSION_ID=25.11\n")], "nixos 25.11"),
        ("nixos.release", "homelab", "", [out("ID=debian\nVERSION_ID=13\nPRETTY_NAME=Debian\n")], "Debian"),
        ("system.running", "homelab", "", [out("maintenance\n"), out("[]")], "maintenance"),
        ("clock", "homelab", "", [out("NTP=no\nNTPSynchronized=no\n")], "no service that would do it"),
        ("reboot", "homelab", "", [out("k\ni\nm\nK\ni\nm\n"), out("ab  x\nab  y\n")], "kernel of an earlier"),
        ("reboot", "homelab", "", [out("k\ni\nm\nk\ni\nm\n"), out("ab  x\ncd  y\n")], "kernel-params of an"),
        ("kernel.parameters", "homelab", "", [out("iommu=pt vfio-pci.ids=1002:1900\n")], "no amd_iommu=on"),
        ("kernel.parameters", "k8s-master", "", [out("vfio-pci.ids=1002:1900\n")], "vfio-pci.ids=1002:1900"),
        ("kernel.module", "homelab", "amdgpu", [out("", "'/sys/module/amdgpu': No such", 2)], "not loaded"),
        ("sysctl", "k8s-master", "net.ipv4.ip_forward", [out("net.ipv4.ip_forward = 0\n")], "forward = 0"),
        ("swap", "homelab", "", [out("Filename Type\n/dev/sda2 partition 1 0 -2\n")], "/dev/sda2"),
        ("guest.current", "homelab", "k8s-master", [out("/nix/store/a\n/nix/store/b\n")], "/nix/store/a"),
        ("memory", "k8s-master", "", [out("MemTotal: 2000000 kB\n")], "1953 MiB"),
        ("machine-id", "k8s-master", "", [out("0" * 32)], "0" * 32),
        ("mac", "k8s-master", "", [out("02:00:00:00:00:01\n")], "02:00:00:00:00:01"),
        (
            "unit.active",
            "homelab",
            "microvm@k8s-master.service",
            [out("LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\nNRestarts=5\n")],
            "failed, exit-code, started again 5 times",
        ),
    ],
)
def test_failed(
    example: Cluster, code: str, machine: str, subject: str, answers: list[Output], found: str
) -> None:
    verdict = of(example, code, machine, subject).judge(*answers)

    assert isinstance(verdict, Failed)
    assert found in verdict.found
    assert verdict.expected != verdict.found
    assert "`" in verdict.advice


def failed_units(*names: str) -> Output:
    return out(json.dumps([{"unit": name, "load": "loaded", "active": "failed"} for name in names]))


def system(cluster: Cluster, machine: str, state: str, *failed: str) -> Verdict:
    verdict: Verdict = of(cluster, "system.running", machine).judge(out(state), failed_units(*failed))
    return verdict


def test_failed_units_are_named_but_for_those_with_a_check_of_their_own(example: Cluster) -> None:
    verdict = system(example, "homelab", "degraded\n", "kubelet.service", "fwupd.service")

    assert isinstance(verdict, Failed)
    assert verdict.found == "failed: fwupd.service"
    assert isinstance(system(example, "homelab", "degraded\n", "kubelet.service"), Ok)


def test_no_unit_is_left_to_others_who_do_not_check_it(example: Cluster) -> None:
    """But for the parts of a guest's unit, which fails with each of them."""
    checked = {(key.machine, key.subject) for key in (check.key for check in all_checks(example))}
    for machine in example.machines:
        elsewhere = {(machine.name, unit) for unit in units_checked_elsewhere(example, machine)}

        assert all(unit.startswith("microvm-") for _, unit in elsewhere - checked)


def test_unit_of_a_part_that_a_machine_has_not_is_named(example: Cluster) -> None:
    assert "etcd.service" in units_checked_elsewhere(example, example.machine("k8s-master"))
    assert isinstance(system(example, "homelab", "degraded\n", "etcd.service"), Failed)


@pytest.mark.parametrize("state", ["starting", "initializing"])
def test_starting_is_no_failure(example: Cluster, state: str) -> None:
    verdict = system(example, "homelab", state)

    assert isinstance(verdict, CouldNotLook)
    assert "wait" in verdict.reason


def test_balloon_may_take_memory_away() -> None:
    text = (REPOSITORY / "cluster.yaml").read_text()
    cluster = resolve(
        parse_spec(text.replace("address: 10.0.20.10\n", "address: 10.0.20.10\n    balloon: true\n"))
    )

    assert isinstance(of(cluster, "memory", "k8s-master").judge(out("MemTotal: 2000000 kB\n")), Ok)


def test_interface_that_is_not_there_is_left_to_the_network(example: Cluster) -> None:
    missing = out("", "cat: /sys/class/net/vlan20/address: No such file or directory", 1)

    assert isinstance(of(example, "mac", "k8s-master").judge(missing), Skipped)


def test_passed_through_gpu_asks_for_vfio() -> None:
    cluster = passthrough()
    parameters = of(cluster, "kernel.parameters", "homelab")

    assert isinstance(parameters.judge(out("amd_iommu=on iommu=pt vfio-pci.ids=1002:1900")), Ok)
    assert isinstance(parameters.judge(out("amd_iommu=on iommu=pt")), Failed)
    modules = {check.key.subject for check in checks(cluster) if check.key.code == "kernel.module"}
    assert "vfio_pci" in modules
    assert "amdgpu" not in modules


def test_machine_outside_the_cluster_needs_nothing_of_a_node() -> None:
    text = (REPOSITORY / "cluster.yaml").read_text()
    text = text.replace("    kubernetes: {role: worker}\n", "", 1)
    cluster = resolve(parse_spec(text))
    codes = {check.key.code for check in checks(cluster) if check.key.machine == "k8s-worker-1"}

    assert not codes & {"swap", "sysctl", "kernel.module"}


def df(*lines: str) -> Output:
    return out("\n".join(("1B-blocks Avail Inodes IFree File Mounted on", *lines)))


def disk(machine: str, *lines: str) -> Verdict:
    cluster = resolve(load_spec(REPOSITORY / "cluster.yaml"))
    verdict: Verdict = of(cluster, "disk", machine).judge(df(*lines))
    return verdict


HOST_DISKS = {
    "/": f"{500 * GIB} {200 * GIB} 1000 900 / /",
    "/boot": f"{GIB} {GIB // 2} - - /boot /boot",
    "/nix/store": f"{500 * GIB} {200 * GIB} 1000 900 /nix/store /",
    "/var/lib": f"{500 * GIB} {200 * GIB} 1000 900 /var/lib /",
}


def test_disks_have_room() -> None:
    assert isinstance(disk("homelab", *HOST_DISKS.values()), Ok)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ({"/boot": f"{GIB} 1000 0 0 /boot /boot"}, "1000 B of 1.0 GiB"),
        ({path: f"{500 * GIB} {50 * GIB} 1000 900 {path} /" for path in ("/", "/var/lib")}, "50.0 GiB"),
        ({"/nix/store": f"{9 * GIB} {GIB} 0 0 /nix/store /nix"}, "1.0 GiB of 9.0"),
        ({"/var/lib": f"{500 * GIB} {200 * GIB} 1000 10 /var/lib /var"}, "10 of 1000 inodes"),
    ],
)
def test_disk_without_room(lines: dict[str, str], found: str) -> None:
    verdict = disk("homelab", *(HOST_DISKS | lines).values())

    assert isinstance(verdict, Failed)
    assert found in verdict.found


def test_boot_may_be_mounted_elsewhere_and_nothing_else_missing() -> None:
    without = {path: line for path, line in HOST_DISKS.items() if path != "/boot"}

    assert isinstance(disk("homelab", *without.values()), Ok)
    assert isinstance(disk("homelab", HOST_DISKS["/"]), CouldNotLook)


ODD = [
    out(),
    out("\n"),
    out("= \x00 | = {} [ :\n"),
    out('[{"unit": 1}, 2]'),
    out("{}"),
    out("", "something: went wrong\n", 1),
    out("1 2 3\n4 5 6\n7 8 9 10 11 12 13\n" * 3),
    out("MemTotal:\ngfx_target_version x\n"),
]


@pytest.mark.parametrize("odd", ODD)
def test_odd_answers_are_neither_well_nor_raise(example: Cluster, odd: Output) -> None:
    for check in checks(example):
        # A guest's command line may have any words but those of a GPU.
        if check.key.code != "kernel.parameters":
            assert not isinstance(check.judge(*(odd for _ in check.looks)), Ok), check.key

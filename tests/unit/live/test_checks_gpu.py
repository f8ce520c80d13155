"""What verify asks of a host's GPU, derived from its mode, and how answers are judged."""

import json

import pytest

from hybridlab import Cluster, parse_spec, resolve
from hybridlab.live.checks.check import Check, Failed, Key, Ok
from hybridlab.live.checks.gpu import checks, gfx_name, gfx_version
from hybridlab.live.probe import Output
from hybridlab.tables.gpu import GPU_MODELS
from nix.flakes import REPOSITORY

ADDRESS = "0000:c4:00.0"
CPU = "cpu_cores_count 16\ngfx_target_version 0\n"


def cluster(mode: str = "host", *, address: bool = True, count: int = 1) -> Cluster:
    text = (REPOSITORY / "cluster.yaml").read_text()
    text = text.replace("mode: host #", f'count: {count}\n      mode: "{mode}" #')
    if not address:
        text = "\n".join(line for line in text.splitlines() if "passthrough: {address" not in line)
    if mode == "passthrough":
        text = text.replace('ids: ["1002:1900"]', 'ids: ["1002:1900"], guest: k8s-worker-1')
    return resolve(parse_spec(text))


def of(found: Cluster, code: str) -> Check:
    return next(check for check in checks(found) if check.key == Key(code, "homelab"))


def out(stdout: str = "", stderr: str = "", status: int = 0) -> Output:
    return Output(status, stdout, stderr)


GOOD = {
    "gpu.driver": [out("0000:c4:00.0\nbind\nmodule\nnew_id\n"), out("../../../../bus/pci/drivers/amdgpu\n")],
    "gpu.devices": [
        out("660|root|render|0|character special file|/dev/kfd\n"),
        out(
            "total 0\ndrwxr-xr-x 2 root root 80 Nov 25 12:00 by-path\n"
            "crw-rw----+ 1 root video 226, 1 Nov 25 12:00 card1\n"
            "crw-rw-rw- 1 root render 226, 128 Nov 25 12:00 renderD128\n"
        ),
    ],
    "gpu.chip": [out(f"{CPU}simd_count 24\ngfx_target_version 110003\n", "cat: 2: No such file", 1)],
    "gpu.memory": [out("4294967296\n", "cat: card0: No such file or directory", 1)],
    "gpu.rocm-smi": [out(json.dumps({"card0": {"Card Series": "Phoenix3", "GFX Version": "gfx1103"}}))],
    "gpu.opencl": [out("Number of platforms  1\n  Device Name                    gfx1103\n")],
    "gpu.users": [out("users wheel video render\n")],
}


def test_mode_decides_what_is_asked() -> None:
    assert {check.key.code for check in checks(cluster())} == {*GOOD}
    assert {check.key.code for check in checks(cluster("passthrough"))} == {"gpu.driver", "gpu.kept"}
    assert list(checks(cluster("off"))) == []


def test_a_chip_that_opencl_of_rocm_leaves_aside_is_not_asked_for() -> None:
    """Only ROC_ENABLE_PRE_VEGA brings these back."""
    text = (REPOSITORY / "cluster.yaml").read_text().replace("radeon-780m", "radeon-rx-580")
    text = text.replace("1002:1900", "1002:67df")
    codes = {check.key.code for check in checks(resolve(parse_spec(text)))}
    assert codes == {*GOOD} - {"gpu.opencl"}


@pytest.mark.parametrize("code", GOOD)
def test_well(code: str) -> None:
    assert isinstance(of(cluster(), code).judge(*GOOD[code]), Ok)


BAD = [
    ("gpu.driver", [out("bind\n"), out("../../bus/pci/drivers/vfio-pci\n")], "vfio-pci drives 0000:c4:00.0"),
    ("gpu.driver", [out("", "ls: cannot access: No such file or directory", 2), out()], "drives nothing"),
    ("gpu.devices", [out("", "'/dev/kfd': No such file", 1), GOOD["gpu.devices"][1]], "not there"),
    (
        "gpu.devices",
        [GOOD["gpu.devices"][0], out("crw-rw---- 1 root video 226, 0 x card0\n")],
        "0 in /dev/dri",
    ),
    (
        "gpu.devices",
        [out("600|root|root|0|character special file|/dev/kfd\n"), GOOD["gpu.devices"][1]],
        "/dev/kfd (root)",
    ),
    (
        "gpu.devices",
        [GOOD["gpu.devices"][0], out("crw------- 1 root render 226, 128 x renderD128\n")],
        "renderD128",
    ),
    ("gpu.chip", [out(f"{CPU}gfx_target_version 100305\n")], "gfx1035"),
    ("gpu.chip", [out(CPU)], "processors alone"),
    ("gpu.memory", [out("0\n")], "0 B"),
    ("gpu.memory", [out("", "No such file or directory", 1)], "no card has it"),
    ("gpu.rocm-smi", [out("", "ERROR:root:Driver not initialized (amdgpu not found)\n")], "it sees none"),
    ("gpu.rocm-smi", [out("ERROR: No DRM devices available. Exiting\n", "", 1)], "it sees none"),
    ("gpu.rocm-smi", [out("{}")], "0 of them"),
    ("gpu.opencl", [out("Number of platforms    0\n", "", 1)], "no OpenCL device"),
    ("gpu.opencl", [out("  Device Name    gfx1030\n")], "gfx1030"),
    ("gpu.users", [out("users wheel video\n")], "not in render"),
    ("gpu.users", [out("", "id: 'limjihoon': no such user", 1)], "no such user"),
]


@pytest.mark.parametrize(("code", "answers", "found"), BAD)
def test_failed(code: str, answers: list[Output], found: str) -> None:
    verdict = of(cluster(), code).judge(*answers)

    assert isinstance(verdict, Failed)
    assert found in verdict.found
    assert "`" in verdict.advice


@pytest.mark.parametrize(
    "odd", [out(), out("\n"), out("{ ["), out("[1]"), out("", "?", 1), out('{"card0": 1')]
)
def test_odd_answers_are_neither_well_nor_raise(odd: Output) -> None:
    for code in ("host", "passthrough"):
        for check in checks(cluster(code)):
            assert not isinstance(check.judge(*(odd for _ in check.looks)), Ok), check.key


@pytest.mark.parametrize("address", [True, False])
def test_gpus_of_the_driver_are_counted_wherever_they_are(address: bool) -> None:
    """The address of `passthrough` is of no use in another mode, and may be anything."""
    driver = of(cluster(address=address, count=2), "gpu.driver")

    assert isinstance(driver.judge(out("0000:03:00.0\n0000:c4:00.0\nbind\n")), Ok)
    verdict = driver.judge(out("0000:03:00.0\nbind\n"))
    assert isinstance(verdict, Failed)
    assert verdict.found == "amdgpu drives 0000:03:00.0"


def test_passed_through_gpu_is_driven_by_vfio() -> None:
    found = cluster("passthrough")
    driver, kept = of(found, "gpu.driver"), of(found, "gpu.kept")

    assert isinstance(driver.judge(out(f"{ADDRESS}\n"), out("../../bus/pci/drivers/vfio-pci")), Ok)
    verdict = driver.judge(out("0000:01:00.0\nbind\n"), out("../../bus/pci/drivers/amdgpu"))
    assert verdict.found == "vfio-pci drives 0000:01:00.0, amdgpu drives 0000:c4:00.0"
    assert isinstance(kept.judge(out("", "ls: '/sys/module/amdgpu': No such file", 2)), Ok)
    assert isinstance(kept.judge(out("/sys/module/amdgpu\n")), Failed)


def test_both_clinfos_are_understood_and_the_override_of_a_login() -> None:
    judge = of(cluster(), "gpu.opencl").judge

    assert isinstance(judge(out("  Name:                     gfx1103\n")), Ok)
    assert isinstance(judge(out("  Device Name      gfx1100\n")), Ok)


@pytest.mark.parametrize("model", GPU_MODELS.values(), ids=lambda model: model.name)
def test_number_of_a_chip_leads_back_to_it(model: object) -> None:
    chip = getattr(model, "chip", "")
    version = gfx_version(chip)

    assert version is not None
    assert gfx_name(version) == chip


def test_numbers_of_chips() -> None:
    """Linux, amdkfd/kfd_device.c."""
    assert [gfx_version(chip) for chip in ("gfx803", "gfx90c", "gfx1103")] == [80003, 90012, 110003]
    assert gfx_version("navi31") is None

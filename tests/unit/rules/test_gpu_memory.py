"""Memory that the firmware sets apart for a GPU: the guests, the host and its pods have that much less."""

import pytest

from patched import cluster, report

# 64 GiB are installed; guests have 8, the host keeps 2 for itself.
CASES: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "as much as there is": ("hosts: {homelab: {gpu: {memory: 54GiB}}}", []),
    "one MiB more": (
        "hosts: {homelab: {gpu: {memory: 55297MiB}}}",
        [("CAP008", "hosts.homelab.gpu.memory")],
    ),
    "whoever has the GPU": (
        "hosts: {homelab: {gpu: {memory: 55GiB, mode: 'off'}}}\nworkloads: null",
        [("CAP008", "hosts.homelab.gpu.memory")],
    ),
    "guests alone are too large: that is told": (
        "hosts: {homelab: {memory: 9GiB, gpu: {memory: 1GiB}}}",
        [("CAP001", "hosts.homelab.memory")],
    ),
    "neither guests nor pods": (
        """
hosts:
  desk:
    uplink: eth0
    addresses: {services: 10.0.20.7}
    cpus: 8
    memory: 8GiB
    gpu: {model: radeon-780m, memory: 8GiB}
""",
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_finds(case: str) -> None:
    patch, expected = CASES[case]
    assert sorted((d.code, str(d.path)) for d in report(patch)) == sorted(expected)


def test_says_what_everybody_takes() -> None:
    (found,) = report("hosts: {homelab: {gpu: {memory: 55GiB}}}")
    assert found.message == (
        "host 'homelab' has 64GiB of memory, its 2 guests take 8GiB, it keeps 2GiB for itself, and its GPU "
        "takes 55GiB: 1GiB too little"
    )


def test_says_nothing_of_guests_that_there_are_not() -> None:
    alone = """
guests: null
hosts: {homelab: {gpu: {memory: 63GiB}, kubernetes: {role: control-plane, schedulable: true}}}
"""
    (found,) = report(alone)
    assert found.message == (
        "host 'homelab' has 64GiB of memory, it keeps 2GiB for itself, and its GPU takes 63GiB: 1GiB too "
        "little"
    )


def test_pods_have_that_much_less() -> None:
    plain, shared = (
        cluster(patch).machine("homelab") for patch in ("", "hosts: {homelab: {gpu: {memory: 16GiB}}}")
    )
    assert plain.memory_for_pods_mib - shared.memory_for_pods_mib == 16 * 1024
    page = """
workloads:
  page: {type: deployment, image: "nginx:1.29.1", memory: 40GiB, nodeSelector: {gpu: amd}}
"""
    assert report(page).diagnostics == ()
    (found,) = report(page + "\nhosts: {homelab: {gpu: {memory: 16GiB}}}")
    assert (found.code, str(found.path)) == ("CAP006", "workloads.page.memory")

"""Memory that a GPU takes of its host's: within it, beside guests and the host itself."""

from collections.abc import Iterable

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import HOST_RESERVE_MIB
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import counted
from hybridlab.spec.scalars import Size


@rule(
    "CAP008",
    "gpu-memory-overcommitted",
    summary="A GPU takes so much of its host's memory that the rest does not suffice for the guests.",
    rationale=f"""What the firmware sets apart for a GPU, Linux does not see: the host has that much less than
        is installed, for guests, for pods, and for itself ({Size.of_mib(HOST_RESERVE_MIB)} are kept back).
        Where it does not suffice, the kernel kills a guest, often the largest.""",
    source="""Linux, Documentation/gpu/amdgpu/driver-misc.rst (UMA carveout; totalram_pages() is without it);
        ollama/ollama#13677 (16 GiB for a Radeon 780M)""",
    bad=Example(
        """
        hosts: {homelab: {gpu: {memory: 55GiB}}}
        """,
        at=SpecPath.of("hosts", "homelab", "gpu", "memory"),
    ),
    good="""
        hosts: {homelab: {gpu: {memory: 16GiB}}}
    """,
)
def gpu_memory_overcommitted(cluster: Cluster) -> Iterable[Finding]:
    for host in cluster.hosts:
        left = host.memory_mib - host.guests_memory_mib - HOST_RESERVE_MIB
        too_little = host.gpu_memory_mib - left
        # Where guests alone are too large, CAP001 says so.
        if left < 0 or too_little <= 0 or not (host.guests or host.membership):
            continue
        guests = ""
        if host.guests:
            verb = "takes" if len(host.guests) == 1 else "take"
            guests = f"its {counted(len(host.guests), 'guest')} {verb} {_size(host.guests_memory_mib)}, "
        yield Finding(
            f"{host} has {_size(host.memory_mib)} of memory, {guests}it keeps "
            f"{_size(HOST_RESERVE_MIB)} for itself, and its GPU takes {_size(host.gpu_memory_mib)}: "
            f"{_size(too_little)} too little",
            host.path / "gpu" / "memory",
            "set apart less in the firmware, and here: while it works, a GPU takes more of what is free",
            related=(Related("what is installed", host.path / "memory"),),
        )


def _size(mib: int) -> str:
    return str(Size.of_mib(mib)) if mib > 0 else "0MiB"

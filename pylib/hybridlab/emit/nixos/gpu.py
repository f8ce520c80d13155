"""`gpu.nix`: who drives the host's GPU."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Machine
from hybridlab.nixlang.build import Options
from hybridlab.spec.gpu import GpuMode


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return the options of the module that the GPU's mode takes."""
    if isinstance(machine, Guest) or machine.gpu is None:
        return ()
    match machine.gpu.mode:
        case GpuMode.HOST:
            return ({"hybridlab": {"amdGpu": {"enable": True}}},)
        case GpuMode.PASSTHROUGH:
            ids = list(machine.gpu.passthrough_ids)
            return ({"hybridlab": {"gpuPassthrough": {"enable": True, "ids": ids}}},)
        case GpuMode.OFF:
            return ()

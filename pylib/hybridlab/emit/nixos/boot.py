"""`boot.nix`: the whole list of kernel parameters of a machine; only the GPU's mode asks for any."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Machine
from hybridlab.nixlang import Commented
from hybridlab.nixlang.build import Options
from hybridlab.spec.gpu import GpuMode


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return `boot.kernelParams`."""
    parameters: list[object] = list(machine.kernel_parameters)
    return ({"boot": {"kernelParams": Commented(parameters, _reason(machine))}},)


def _reason(machine: Machine) -> str:
    if isinstance(machine, Guest) or machine.gpu is None:
        return "no GPU here"
    match machine.gpu.mode:
        case GpuMode.OFF:
            return "the GPU is off"
        case GpuMode.HOST:
            return "the GPU is the host's own: pt leaves the addresses of its memory untranslated"
        case GpuMode.PASSTHROUGH:
            return "the GPU goes to a guest"

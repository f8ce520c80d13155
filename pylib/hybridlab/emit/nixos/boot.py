"""`boot.nix`: the whole list of kernel parameters of a machine; only the GPU's mode asks for any."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.nixlang import Commented
from hybridlab.nixlang.build import Options
from hybridlab.spec.gpu import GpuMode


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return `boot.kernelParams`."""
    match machine:
        case Guest():
            comment = "no GPU here"
            parameters: list[object] = []
        case Host():
            comment, parameters = _host_parameters(machine)
    return ({"boot": {"kernelParams": Commented(parameters, comment)}},)


def _host_parameters(host: Host) -> tuple[str, list[object]]:
    if host.gpu is None:
        return "no GPU here", []
    match host.gpu.mode:
        case GpuMode.OFF:
            return "the GPU is off", []
        case GpuMode.HOST:
            return "the GPU is the host's own: pt leaves the addresses of its memory untranslated", [
                "amd_iommu=on",
                "iommu=pt",
            ]
        case GpuMode.PASSTHROUGH:
            ids = f"vfio-pci.ids={','.join(host.gpu.passthrough_ids)}"
            return "the GPU goes to a guest", ["amd_iommu=on", "iommu=pt", ids]

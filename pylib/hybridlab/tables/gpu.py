"""What each GPU model is and what programs need to be told of it; it does not know who has one.

Read on 2026-11-24. Sources: the pci.ids database; ollama/ollama: the Dockerfile's list of chips, #15482
(11.0.0 is what works on gfx1103, whose own kernels the image lacks), #16690 (integrated GPUs are dropped
without OLLAMA_IGPU_ENABLE since 0.30.0).
"""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import field, frozen

DEFAULT_RESOURCE = "amd.com/gpu"


@frozen
class GpuModel:
    """A GPU: its chip as LLVM names it, its PCI ids, and environment variables that pods need.

    `environment` is what ROCm needs to drive it, `ollama_environment` what Ollama needs besides. They go into
    the pod, the only place where they work: a container sees nothing of the host's. `resource` is what its
    device plugin calls it in Kubernetes. `rocm` says whether Ollama's ROCm image can use it at all; one that
    it can not is driven with Vulkan.
    """

    name: str
    chip: str
    pci_ids: tuple[str, ...]
    environment: Mapping[str, str] = field(default=MappingProxyType({}))
    ollama_environment: Mapping[str, str] = field(default=MappingProxyType({}))
    resource: str = DEFAULT_RESOURCE
    rocm: bool = True


GPU_MODELS = {
    model.name: model
    for model in (
        GpuModel(
            "radeon-780m",
            chip="gfx1103",
            pci_ids=("1002:15bf", "1002:1900"),
            environment=MappingProxyType({"HSA_OVERRIDE_GFX_VERSION": "11.0.0"}),
            ollama_environment=MappingProxyType({"OLLAMA_IGPU_ENABLE": "1"}),
        ),
        GpuModel("radeon-rx-6800", chip="gfx1030", pci_ids=("1002:73bf",)),
        GpuModel("radeon-rx-7900-xtx", chip="gfx1100", pci_ids=("1002:744c",)),
    )
}

# Variables that people set for their GPU though no chip of the table reads them.
USELESS_ENVIRONMENT = {
    "ROC_ENABLE_PRE_VEGA": "it is read for GPUs older than Vega (gfx8 and before) only",
}

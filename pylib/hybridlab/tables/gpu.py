"""What each GPU model is and what programs need to be told of it; it does not know who has one.

Read on 2026-11-25. Sources: the pci.ids database (2026.08.22); for chips Linux, amdkfd/kfd_device.c, and
ollama/ollama, docs/gpu.mdx.

ollama/ollama, llama/server/CMakePresets.json (rocm_v7_2) lists the chips that its ROCm image has kernels for:
gfx908, 90a, 942, 950, 1030, 1100 to 1102, 1150, 1151, 1200, 1201. Others work as a near relative, where
somebody has seen it (#15482: gfx1103 as 11.0.0; #9184: gfx1035 as 10.3.0), or with Vulkan, as its maintainers
advise (#16771, #2453, #17010): the plain image has it, and uses it unasked. Since 0.30.0 integrated GPUs are
dropped without OLLAMA_IGPU_ENABLE (#16690).
"""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import field, frozen

DEFAULT_RESOURCE = "amd.com/gpu"


@frozen
class GpuModel:
    """A GPU: its chip as LLVM names it, its PCI ids, and environment variables that pods need.

    `environment` is what ROCm needs to drive it; it goes into the pod, the only place where it works: a
    container sees nothing of the host's. One that is `integrated` is a part of the processor (APU): it has no
    memory of its own, and there is one. `resource` is what its device plugin calls it in Kubernetes. `rocm`
    says whether Ollama's ROCm image can use it at all; one that it can not is driven with Vulkan.
    """

    name: str
    chip: str
    pci_ids: tuple[str, ...]
    environment: Mapping[str, str] = field(default=MappingProxyType({}))
    integrated: bool = False
    resource: str = DEFAULT_RESOURCE
    rocm: bool = True

    @property
    def ollama_environment(self) -> Mapping[str, str]:
        """What Ollama needs besides: it leaves a GPU without memory of its own aside."""
        return {"OLLAMA_IGPU_ENABLE": "1"} if self.integrated else {}


def _as(version: str) -> Mapping[str, str]:
    """Have ROCm take the chip for another one, for which it has kernels."""
    return MappingProxyType({"HSA_OVERRIDE_GFX_VERSION": version})


GPU_MODELS = {
    model.name: model
    for model in (
        GpuModel(
            "radeon-680m",
            chip="gfx1035",
            pci_ids=("1002:1681",),
            environment=_as("10.3.0"),
            integrated=True,
        ),
        GpuModel(
            "radeon-780m",
            chip="gfx1103",
            pci_ids=("1002:15bf", "1002:1900"),
            environment=_as("11.0.0"),
            integrated=True,
        ),
        GpuModel("radeon-890m", chip="gfx1150", pci_ids=("1002:150e",), integrated=True),
        GpuModel("radeon-8060s", chip="gfx1151", pci_ids=("1002:1586",), integrated=True),
        GpuModel(
            "radeon-vega-8",
            chip="gfx90c",
            pci_ids=("1002:1636", "1002:1638", "1002:164c", "1002:15e7"),
            integrated=True,
            rocm=False,
        ),
        GpuModel("radeon-rx-580", chip="gfx803", pci_ids=("1002:67df", "1002:6fdf"), rocm=False),
        GpuModel("radeon-rx-5700-xt", chip="gfx1010", pci_ids=("1002:731f",), rocm=False),
        GpuModel("radeon-rx-6600", chip="gfx1032", pci_ids=("1002:73ff",), rocm=False),
        GpuModel("radeon-rx-6700-xt", chip="gfx1031", pci_ids=("1002:73df",), rocm=False),
        GpuModel("radeon-rx-6800", chip="gfx1030", pci_ids=("1002:73bf",)),
        GpuModel("radeon-rx-7600", chip="gfx1102", pci_ids=("1002:7480",)),
        GpuModel("radeon-rx-7800-xt", chip="gfx1101", pci_ids=("1002:747e",)),
        GpuModel("radeon-rx-7900-xtx", chip="gfx1100", pci_ids=("1002:744c",)),
        GpuModel("radeon-rx-9070-xt", chip="gfx1201", pci_ids=("1002:7550",)),
    )
}

# Variables that people set for their GPU though no chip of the table reads them.
USELESS_ENVIRONMENT = {
    "ROC_ENABLE_PRE_VEGA": "it is read for GPUs older than Vega (gfx8 and before) only",
}

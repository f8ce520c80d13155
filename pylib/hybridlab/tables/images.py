"""Which container images workloads use unless the spec names one; pinned, so that a restart changes nothing.

Read on 2026-11-25. Sources: the release lists of ollama/ollama and ROCm/k8s-device-plugin on GitHub; a tag's
`-rocm` variant holds the ROCm libraries, the plain one Vulkan and CUDA (ollama/ollama, docs/docker.mdx); the
labeller's tag is that of helm/amd-gpu/values.yaml. Images with ROCm, and those of the plugin, are for x86_64
only: ROCm/k8s-device-plugin#151, ollama/ollama#7420 and its Dockerfile.
"""

import re

AMD_GPU_DEVICE_PLUGIN = "docker.io/rocm/k8s-device-plugin:1.31.0.9"
AMD_GPU_LABELLER = "docker.io/rocm/k8s-device-plugin:labeller-1.31.0.9"
OLLAMA = "docker.io/ollama/ollama:0.30.0"
OLLAMA_ROCM = "docker.io/ollama/ollama:0.30.0-rocm"

X86_64_ONLY = re.compile(r"(?:.*/)?rocm/k8s-device-plugin[:@].*|(?:.*/)?ollama/ollama:[^@]*-?rocm(?:@.*)?")

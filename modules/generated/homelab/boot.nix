# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  # the GPU is the host's own: pt leaves the addresses of its memory untranslated
  boot.kernelParams = [
    "amd_iommu=on"
    "iommu=pt"
  ];
}

# Keeps a GPU free for a guest: vfio takes it in the initrd, before the host's own driver could.
#
# Boot parameters are not set here: all of a machine's stand in one generated list (boot.nix). This module
# asserts the one without which it would do nothing.
{
  config,
  lib,
  ...
}:
let
  cfg = config.hybridlab.gpuPassthrough;
  machine = config.networking.hostName;

  parameter = "vfio-pci.ids=${lib.concatStringsSep "," cfg.ids}";
in
{
  options.hybridlab.gpuPassthrough = {
    enable = lib.mkEnableOption "handing PCI devices to guests instead of the host's driver";

    ids = lib.mkOption {
      type = lib.types.listOf (lib.types.strMatching "[0-9a-f]{4}:[0-9a-f]{4}");
      example = [
        "1002:1900"
        "1002:1640"
      ];
      description = ''
        PCI vendor and device ids that vfio takes, as `lspci -n` prints them. `boot.kernelParams` has to name
        them in the same order, as `vfio-pci.ids=1002:1900,1002:1640`, which is asserted.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.ids != [ ];
        message = "${machine}: hybridlab.gpuPassthrough.ids is empty";
      }
      {
        assertion = lib.elem parameter config.boot.kernelParams;
        message = "${machine}: boot.kernelParams lacks ${parameter}, so the devices would stay with the host";
      }
      {
        assertion = !config.hardware.amdgpu.initrd.enable;
        message =
          "${machine}: ${toString cfg.ids} cannot go to a guest while the host loads amdgpu "
          + "(hybridlab.amdGpu, hardware.amdgpu.initrd.enable)";
      }
    ];

    boot.initrd.kernelModules = [
      "vfio_pci"
      "vfio"
      "vfio_iommu_type1"
    ];
    boot.blacklistedKernelModules = [ "amdgpu" ];
  };
}

# An AMD GPU that the host itself computes with: driver, firmware, OpenCL and HIP, tools, device access.
# What a container needs beyond this belongs in its pod: it sees neither these packages nor variables.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.hybridlab.amdGpu;
  machine = config.networking.hostName;

  # 1002 is AMD's vendor id; a device of another vendor may well go to a guest.
  takesAmdDevice =
    parameter: lib.hasPrefix "vfio-pci.ids=" parameter && lib.hasInfix "1002:" parameter;
  vfioIds = lib.filter takesAmdDevice config.boot.kernelParams;

  # rocmPackages has no `hip` and no `clinfo`: HIP is clr with hipcc, clinfo is at the top level.
  tools = [
    pkgs.clinfo
    pkgs.rocmPackages.clr
    pkgs.rocmPackages.hipcc
    pkgs.rocmPackages.rocblas
    pkgs.rocmPackages.rocm-smi
    pkgs.rocmPackages.rocminfo
  ];
in
{
  options.hybridlab.amdGpu = {
    enable = lib.mkEnableOption "computing on this machine's AMD GPU";

    users = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
      example = [ "admin" ];
      description = ''
        Users who may open the GPU's devices, `/dev/kfd` and `/dev/dri/*`: they join the groups `render` and
        `video`.
      '';
    };

    tools = lib.mkOption {
      type = lib.types.bool;
      default = true;
      example = false;
      description = ''
        Whether to install rocm-smi, rocminfo, clinfo, HIP and rocBLAS for people on the machine. They take
        gigabytes, and pods do not need them.
      '';
    };

    environment = lib.mkOption {
      type = lib.types.attrsOf lib.types.str;
      default = { };
      example = {
        HSA_OVERRIDE_GFX_VERSION = "11.0.0";
      };
      description = ''
        Variables for login shells on this machine; neither services nor pods see them.
        `ROC_ENABLE_PRE_VEGA`, often seen, is for chips before gfx9 and does nothing for a gfx1103.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !(lib.elem "amdgpu" config.boot.blacklistedKernelModules);
        message = "${machine}: hybridlab.amdGpu needs the driver amdgpu, which boot.blacklistedKernelModules excludes";
      }
      {
        assertion = vfioIds == [ ];
        message =
          "${machine}: hybridlab.amdGpu needs the GPU for the host, but the boot parameter "
          + "${toString vfioIds} hands devices to guests";
      }
    ];

    hardware.amdgpu.initrd.enable = true;
    # Without its firmware the driver comes up without /dev/kfd.
    hardware.enableRedistributableFirmware = lib.mkDefault true;
    hardware.graphics = {
      enable = true;
      extraPackages = [
        pkgs.rocmPackages.clr
        pkgs.rocmPackages.clr.icd
      ];
    };

    users.users = lib.genAttrs cfg.users (_: {
      extraGroups = [
        "render"
        "video"
      ];
    });

    environment.systemPackages = lib.mkIf cfg.tools tools;
    environment.variables = cfg.environment;
  };
}

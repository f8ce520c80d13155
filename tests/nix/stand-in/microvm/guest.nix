# The guest's module: options of microvm.nix's nixos-modules/microvm/options.nix, and the file systems and
# settings of its mounts.nix, system.nix and optimization.nix that meet ours.
{ config, lib, ... }:
let
  inherit (lib) mkDefault mkOption types;
  cfg = config.microvm;

  option = type: default: mkOption { inherit type default; };
  required = type: mkOption { inherit type; };
  list = options: option (types.listOf (types.submodule { inherit options; })) [ ];
in
{
  options.microvm = {
    # What a host starts. Here it holds what the guest's own system does not know, and not that as well.
    declaredRunner = option types.package (derivation {
      name = "microvm-${config.networking.hostName}";
      system = config.nixpkgs.hostPlatform;
      builder = "/bin/sh";
      machine = builtins.toJSON {
        inherit (cfg)
          devices
          interfaces
          mem
          shares
          vcpu
          volumes
          ;
      };
    });
    hypervisor = option (types.enum [
      "qemu"
      "cloud-hypervisor"
      "firecracker"
      "crosvm"
      "kvmtool"
      "stratovirt"
      "alioth"
      "vfkit"
    ]) "qemu";
    vcpu = option types.ints.positive 1;
    mem = option types.ints.positive 512;
    machineId = option (types.nullOr types.str) null;
    storeOnDisk = option types.bool (!lib.any (share: share.source == "/nix/store") cfg.shares);
    balloon = option types.bool false;
    credentialFiles = option (types.attrsOf types.path) { };
    vsock.cid = option (types.nullOr types.int) null;

    devices = list {
      bus = required (
        types.enum [
          "pci"
          "usb"
        ]
      );
      path = required types.str;
    };
    interfaces = list {
      type = required (
        types.enum [
          "user"
          "tap"
          "macvtap"
          "bridge"
        ]
      );
      id = required types.str;
      mac = required types.str;
      bridge = option (types.nullOr types.str) null;
    };
    shares = list {
      tag = required types.str;
      source = required types.nonEmptyStr;
      mountPoint = required types.path;
      proto = option (types.enum [
        "9p"
        "virtiofs"
      ]) "9p";
      readOnly = option types.bool false;
    };
    volumes = list {
      image = required types.str;
      label = option (types.nullOr types.str) null;
      mountPoint = required (types.nullOr types.path);
      size = required types.int;
      fsType = option types.str "ext4";
      autoCreate = option types.bool true;
      readOnly = option types.bool false;
    };
  };

  config = {
    assertions = map (interface: {
      assertion = builtins.stringLength interface.id <= 15;
      message = "MicroVM ${config.networking.hostName}: interface name ${interface.id} is longer than 15 characters";
    }) cfg.interfaces;

    boot.blacklistedKernelModules = [
      "rfkill"
      "intel_pstate"
      "drm"
    ];
    documentation.enable = mkDefault false;
    networking.useNetworkd = mkDefault true;

    fileSystems = lib.mkMerge (
      [
        {
          "/" = mkDefault {
            device = "rootfs";
            fsType = "tmpfs";
            neededForBoot = true;
          };
        }
      ]
      ++ map (volume: {
        ${volume.mountPoint} = {
          device = "/dev/disk/by-label/${volume.label}";
          inherit (volume) fsType;
        };
      }) cfg.volumes
      ++ map (share: {
        ${share.mountPoint} = {
          device = share.tag;
          fsType = share.proto;
          neededForBoot = share.source == "/nix/store";
        };
      }) cfg.shares
    );
  };
}

# The machine under the cluster's host, which the spec does not describe: disks, boot loader, firmware. The
# host's own modules/generated/homelab is put beside it by lib.mkCluster.
{
  boot = {
    loader = {
      systemd-boot.enable = true;
      efi.canTouchEfiVariables = true;
    };
    initrd.availableKernelModules = [
      "nvme"
      "sd_mod"
      "usb_storage"
      "xhci_pci"
    ];
    kernelModules = [ "kvm-amd" ];
  };

  # By label: `mkfs.ext4 -L nixos`, `mkfs.vfat -n BOOT`.
  fileSystems = {
    "/" = {
      device = "/dev/disk/by-label/nixos";
      fsType = "ext4";
    };
    "/boot" = {
      device = "/dev/disk/by-label/BOOT";
      fsType = "vfat";
      # Whoever reads it can read the seed of the random number generator.
      options = [ "umask=0077" ];
    };
  };

  # No swap: the kubelet refuses to start with it.
  swapDevices = [ ];

  hardware.cpu.amd.updateMicrocode = true;
  hardware.enableRedistributableFirmware = true;
}

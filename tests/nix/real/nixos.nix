# What NixOS has besides ../stand-in/nixpkgs/options.nix, as far as microvm.nix and sops-nix set or read it: the
# options with their types in NixOS, a package set, and a toplevel that holds nothing.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkOption;
  inherit (lib.types)
    anything
    attrsOf
    bool
    enum
    lines
    listOf
    nullOr
    package
    raw
    str
    submodule
    ;

  option = type: default: mkOption { inherit type default; };
  group = options: submodule { inherit options; };
  pkgs = import ./packages.nix {
    inherit lib;
    system = config.nixpkgs.hostPlatform;
  };
in
{
  options = {
    boot = {
      initrd.systemd.enable = option bool false;
      initrd.systemd.tpm2.enable = option bool true;
      kernelPackages = option raw { inherit (pkgs) kernel; };
      loader.grub.enable = option bool true;
      postBootCommands = option lines "";
      swraid.enable = option bool false;
    };

    fileSystems = mkOption {
      type = attrsOf (group {
        noCheck = option bool false;
        overlay = option (nullOr raw) null;
      });
    };

    hardware.ksm.enable = option bool false;
    networking.hostId = option (nullOr str) null;

    nix = {
      enable = option bool true;
      optimise.automatic = option bool false;
      package = option package pkgs.nix;
      settings.auto-optimise-store = option bool false;
    };

    security = {
      pam.loginLimits = option (listOf (attrsOf str)) [ ];
      virtualisation.flushL1DataCache = option (nullOr str) null;
      wrappers = option (attrsOf (attrsOf str)) { };
    };

    system = {
      activationScripts = option (attrsOf raw) { };
      boot.loader.initrdFile = option str "initrd";
      boot.loader.kernelFile = option str "bzImage";
      nixos.label = option str lib.trivial.release;
      switch.enable = option bool true;
    };

    systemd = {
      mounts = option (listOf anything) [ ];
      network.wait-online.enable = option bool true;
      services = mkOption {
        type = attrsOf (group {
          enable = option bool true;
          environment = option (attrsOf (nullOr str)) { };
          overrideStrategy = option (enum [
            "asDropinIfExists"
            "asDropin"
          ]) "asDropinIfExists";
          partOf = option (listOf str) [ ];
          requires = option (listOf str) [ ];
          restartIfChanged = option bool true;
          restartTriggers = option (listOf raw) [ ];
        });
      };
      sockets = option (attrsOf anything) { };
      targets = option (attrsOf anything) { };
      tmpfiles.settings = option (attrsOf anything) { };
      tpm2.enable = option bool true;
    };

    users.users = mkOption {
      type = attrsOf (group {
        group = option str "";
        isSystemUser = option bool false;
      });
    };

    virtualisation.rosetta.enable = option bool false;
  };

  config = {
    _module.args = { inherit pkgs; };
    # NixOS itself: normal users are in `users`, and root in `root`.
    system.build = {
      initialRamdisk = pkgs.initrd;
      toplevel = pkgs.toplevel;
    };
  };
}

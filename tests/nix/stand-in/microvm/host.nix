# The host's module: options of microvm.nix's nixos-modules/host/options.nix, and the unit by which a host's
# derivation holds those of its guests.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options.microvm.vms = mkOption {
    default = { };
    type = types.attrsOf (
      types.submodule {
        options = {
          autostart = mkOption {
            type = types.bool;
            default = true;
          };
          evaluatedConfig = mkOption {
            type = types.nullOr types.raw;
            default = null;
          };
          # True by default for a guest that is given as a module; ours come evaluated.
          restartIfChanged = mkOption {
            type = types.bool;
            default = false;
          };
        };
      }
    );
  };

  # Whom the hypervisors run as, and whose the guests' keys are.
  config.users.users.microvm = { };

  config.systemd.services = lib.mapAttrs' (name: vm: {
    name = "install-microvm-${name}";
    value = {
      description = "Install MicroVM '${name}'";
      wantedBy = [ "microvms.target" ];
      script = "ln -sTf ${vm.evaluatedConfig.config.system.build.toplevel} toplevel";
    };
  }) config.microvm.vms;
}

# What every MicroVM guest needs because its root is a tmpfs: state under /var/lib, on a volume; knows
# neither sizes nor addresses, which the generated files set.
#
# /etc/machine-id needs nothing here: microvm.nix writes it from microvm.machineId (its system.nix).
{
  config,
  lib,
  options,
  ...
}:
let
  cfg = config.hybridlab.guest;
  machine = config.networking.hostName;
  stateDir = "/var/lib";
in
{
  options.hybridlab.guest = {
    enable = lib.mkEnableOption "the defaults of a MicroVM guest";

    sshHostKey = lib.mkOption {
      type = lib.types.strMatching "${stateDir}/.+";
      default = "${stateDir}/ssh/ssh_host_ed25519_key";
      description = ''
        Where the SSH host key lies, on the volume: the guest stays the same machine for its clients, and
        sops finds the age key that it derives from the host key. sshd makes the key on the first boot.
      '';
    };
  };

  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      {
        assertions = [
          {
            assertion = (config.fileSystems.${stateDir}.device or null) != null;
            message = "${machine}: no volume is mounted at ${stateDir}, so its state would be lost on every restart";
          }
        ];

        # Before activation, which reads the host key for sops and the list of user ids in /var/lib/nixos.
        fileSystems.${stateDir}.neededForBoot = true;

        services.openssh = {
          enable = lib.mkDefault true;
          hostKeys = [
            {
              path = cfg.sshHostKey;
              type = "ed25519";
            }
          ];
        };

        # Guests have static addresses; the catch-all DHCP of NixOS would match links that it should not.
        networking.useNetworkd = lib.mkDefault true;
        networking.useDHCP = lib.mkDefault false;

        # A persistent journal would lie in the tmpfs root and grow to a tenth of it.
        services.journald.storage = lib.mkDefault "volatile";
        environment.etc."systemd/journald.conf.d/50-hybridlab.conf".text = ''
          [Journal]
          RuntimeMaxUse=64M
        '';

        documentation.enable = lib.mkDefault false;
      }
      # Only where sops-nix is imported, so that the module can be used without it.
      (lib.optionalAttrs (options ? sops) {
        sops.age.sshKeyPaths = [ cfg.sshHostKey ];
      })
    ]
  );
}

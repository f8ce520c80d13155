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
  credential = cfg.ageKeyCredential;
in
{
  options.hybridlab.guest = {
    enable = lib.mkEnableOption "the defaults of a MicroVM guest";

    sshHostKey = lib.mkOption {
      type = lib.types.strMatching "${stateDir}/.+";
      default = "${stateDir}/ssh/ssh_host_ed25519_key";
      description = ''
        Where the SSH host key lies, on the volume: the guest stays the same machine for its clients. sshd
        makes the key on the first boot.
      '';
    };

    ageKeyCredential = lib.mkOption {
      type = lib.types.nullOr (lib.types.strMatching "[A-Za-z0-9._-]{1,28}");
      default = null;
      example = "sops-age-key";
      description = ''
        Name of the credential in which the host hands over the age private key for sops-nix, as
        `microvm.credentialFiles` lists it. It is there at the first boot, and nowhere on a volume. With
        `null`, sops-nix uses the SSH host key: then a new guest's key has to become a recipient after its
        first boot.
      '';
    };
  };

  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      {
        assertions = [
          {
            assertion =
              credential == null || lib.hasAttr credential (config.microvm.credentialFiles or { });
            message = "${machine}: microvm.credentialFiles has no ${toString credential}, so sops would find no key";
          }
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

        # systemd would make a second way to sshd of the guest's vsock, past the firewall
        # (systemd-ssh-generator(8)).
        systemd.generators = lib.mkIf (!(config.microvm.vsock.ssh.enable or false)) {
          systemd-ssh-generator = lib.mkDefault "/dev/null";
        };

        # Beside the kubelet's other files: /var/log is in the memory of the guest, whatever the kubelet counts.
        services.kubernetes.kubelet.extraConfig = lib.mkIf config.services.kubernetes.kubelet.enable {
          podLogsDir = lib.mkDefault "${config.services.kubernetes.dataDir}/pod-logs";
        };

        # QEMU shows credentials as files of its firmware, for which systemd wants this driver early.
        boot.initrd.availableKernelModules = lib.mkIf (credential != null) [ "qemu_fw_cfg" ];

        documentation.enable = lib.mkDefault false;
      }
      # Only where sops-nix is imported, so that the module can be used without it.
      (lib.optionalAttrs (options ? sops) {
        sops =
          if credential == null then
            { age.sshKeyPaths = [ cfg.sshHostKey ]; }
          else
            {
              age = {
                # systemd puts the credentials of a machine here, before it starts any unit (systemd.exec(5)).
                keyFile = "/run/credentials/@system/${credential}";
                sshKeyPaths = [ ];
              };
              # Not on activation: without a systemd in the initrd that is before there are credentials.
              useSystemdActivation = true;
            };
      })
    ]
  );
}

# Brings secrets that were decrypted on the control plane into the cluster, one Secret for each workload; knows
# only paths, never a value. The work is done by pod-secrets.sh.
#
# What it writes lies in etcd like any Secret, and whoever may read Secrets in the namespace reads it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.hybridlab.podSecrets;
  kubernetes = config.services.kubernetes;
  inherit (kubernetes.pki) etcClusterAdminKubeconfig;
  machine = config.networking.hostName;

  label = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?";
  labelType = lib.types.strMatching label;
  # IsConfigMapKey in kubernetes/apimachinery, pkg/util/validation: neither `.` nor what begins with `..`.
  key = "\\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,251}";

  # Names of attributes have no type. They end up in the list, whose separators they could hold.
  not = pattern: name: builtins.match pattern name == null;
  badNames = lib.filter (not label) (lib.attrNames cfg.secrets);
  all = f: lib.concatLists (lib.mapAttrsToList f cfg.secrets);
  badKeys = lib.filter (not key) (all (_: secret: lib.attrNames secret.files));
  inStore = lib.filter (lib.hasPrefix "${builtins.storeDir}/") (
    all (_: secret: lib.attrValues secret.files)
  );

  line =
    name: secret: key: path:
    lib.concatStringsSep "\t" [
      secret.namespace
      name
      key
      path
    ];
  list = pkgs.writeText "pod-secrets" (
    lib.concatLines (all (name: secret: lib.mapAttrsToList (line name secret) secret.files))
  );
in
{
  options.hybridlab.podSecrets = {
    enable = lib.mkEnableOption "bringing decrypted secrets into the cluster" // {
      default = cfg.secrets != { };
      defaultText = lib.literalMD "`true` if there are `secrets`; set it, and the last one is removed, too";
    };

    cluster = lib.mkOption {
      type = labelType;
      example = "homelab";
      description = ''
        Name of the cluster: the label `app.kubernetes.io/part-of` of each Secret. Secrets with this label, and
        with `hybridlab-pod-secrets` as `app.kubernetes.io/managed-by`, are removed when they are not listed.
      '';
    };

    secrets = lib.mkOption {
      type = lib.types.attrsOf (
        lib.types.submodule {
          options = {
            namespace = lib.mkOption {
              type = labelType;
              example = "paperless";
              description = "Namespace of the Secret, which is made if there is none.";
            };
            files = lib.mkOption {
              # No Nix path, which would be copied to the store, and nothing that a shell would split.
              type = lib.types.attrsOf (lib.types.strMatching "/[A-Za-z0-9/._@+-]+");
              example = {
                PAPERLESS_SECRET_KEY = "/run/secrets/workloads/paperless/PAPERLESS_SECRET_KEY";
              };
              description = ''
                For each key of the Secret, where its value lies at run time. It arrives byte for byte, also a
                newline at its end.
              '';
            };
          };
        }
      );
      default = { };
      example = {
        paperless = {
          namespace = "paperless";
          files.PAPERLESS_SECRET_KEY = "/run/secrets/workloads/paperless/PAPERLESS_SECRET_KEY";
        };
      };
      description = ''
        What to bring, by the name of a workload: the Secret is called like it, and so is the Deployment that is
        restarted when a value changes. After a change of a file, restart `hybridlab-pod-secrets.service`.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = inStore == [ ];
        message =
          "${machine}: hybridlab.podSecrets has ${toString inStore}, which lies in the Nix store, which everybody "
          + "can read";
      }
      {
        assertion = badNames == [ ];
        message =
          "${machine}: hybridlab.podSecrets.secrets has ${builtins.toJSON badNames}: names are lower-case letters, "
          + "digits and dashes, at most 63";
      }
      {
        assertion = badKeys == [ ];
        message =
          "${machine}: files of hybridlab.podSecrets have the keys ${builtins.toJSON badKeys}: a key of a Secret "
          + "is letters, digits, dashes, underscores and dots, and does not begin with two dots";
      }
      {
        assertion = kubernetes.apiserver.enable;
        message = "${machine}: hybridlab.podSecrets is for the machine of the API server, which is off here";
      }
      {
        assertion = kubernetes.pki.enable;
        message =
          "${machine}: hybridlab.podSecrets uses the cluster-admin certificate of services.kubernetes.easyCerts, "
          + "which is off";
      }
      {
        # Without an API server there is none; that has been said.
        assertion = kubernetes.apiserver.enable -> etcClusterAdminKubeconfig != null;
        message =
          "${machine}: hybridlab.podSecrets needs services.kubernetes.pki.etcClusterAdminKubeconfig, which is null";
      }
    ];

    systemd.services.hybridlab-pod-secrets = {
      description = "Bring secrets into the Kubernetes cluster";
      wantedBy = [ "multi-user.target" ];
      wants = [ "kube-apiserver.service" ];
      after = [
        "kube-apiserver.service"
        # The unit that decrypts secrets where sops-nix does not do it on activation.
        "sops-install-secrets.service"
      ];
      path = [ kubernetes.package ];
      # On a first boot the API server waits for its certificates, and this unit for both.
      unitConfig.StartLimitIntervalSec = 0;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart =
          "${pkgs.runtimeShell} ${./pod-secrets.sh} /etc/${toString etcClusterAdminKubeconfig} ${cfg.cluster} "
          + "${list}";
        Restart = "on-failure";
        RestartSec = 10;
        NoNewPrivileges = true;
        PrivateTmp = true;
        ProtectHome = true;
      };
    };
  };
}

# Puts the cluster's join token where easyCerts looks for it, before cfssl and certmgr first start; knows
# only paths, never the token. The work is done by join-token.sh.
#
# nixpkgs' cluster/kubernetes/pki.nix has the control plane make a random token, and wants it carried to
# each node by hand. cfssl takes an empty token for a valid one and then signs for anybody, so without a
# good token nothing that would use it may start.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.hybridlab.joinToken;
  kubernetes = config.services.kubernetes;
  machine = config.networking.hostName;
  isServer = cfg.role == "server";

  # Names as in pki.nix. On the server its bootstrap unit links the second place to the first.
  target =
    if isServer then
      "${config.services.cfssl.dataDir}/apitoken.secret"
    else
      "${kubernetes.secretsPath}/apitoken.secret";
  owner = if isServer then "cfssl" else "root";

  readers = [
    "certmgr.service"
    "kube-certmgr-bootstrap.service"
  ]
  ++ lib.optional isServer "cfssl.service";
in
{
  options.hybridlab.joinToken = {
    enable = lib.mkEnableOption "delivering the join token of easyCerts";

    role = lib.mkOption {
      type = lib.types.enum [
        "server"
        "client"
      ];
      example = "client";
      description = "`server` on the control plane, which checks tokens; `client` on a node that shows one.";
    };

    file = lib.mkOption {
      # No Nix path, which would be copied to the store, and nothing that systemd would expand.
      type = lib.types.strMatching "/[A-Za-z0-9/._@+-]+";
      example = "/run/secrets/k8s/join-token";
      description = ''
        Where the token lies at run time: 32 hex digits, the same on all machines
        (`openssl rand -hex 16`). When it changes, restart `hybridlab-join-token.service`.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !(lib.hasPrefix "${builtins.storeDir}/" cfg.file);
        message = "${machine}: hybridlab.joinToken.file ${cfg.file} lies in the Nix store, which everybody can read";
      }
      {
        assertion = kubernetes.pki.enable;
        message = "${machine}: hybridlab.joinToken is for services.kubernetes.easyCerts, which is off";
      }
      {
        assertion = isServer == kubernetes.apiserver.enable;
        message =
          "${machine}: hybridlab.joinToken.role is ${cfg.role}, but the API server, beside which cfssl runs, is "
          + (if kubernetes.apiserver.enable then "on" else "off");
      }
    ];

    services.kubernetes.pki = lib.mkIf isServer { genCfsslAPIToken = false; };

    systemd.services.hybridlab-join-token = {
      description = "Deliver the Kubernetes join token";
      # Required, not wanted: if this fails, the readers do not start; if it is restarted, they are.
      requiredBy = readers;
      before = readers;
      # The unit that decrypts secrets where sops-nix does not do it on activation.
      after = [ "sops-install-secrets.service" ];
      unitConfig.RequiresMountsFor = [ target ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${pkgs.runtimeShell} ${./join-token.sh} ${cfg.file} ${target} ${owner}";
        NoNewPrivileges = true;
        PrivateNetwork = true;
        PrivateTmp = true;
        ProtectHome = true;
      };
    };
  };
}

# Options of sops-nix's modules/sops/default.nix. Like that one it reads each secret's file when a machine is
# evaluated, so a file that is missing is an error.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.sops;

  option = type: default: mkOption { inherit type default; };

  secret =
    { config, name, ... }:
    {
      options = {
        key = option types.str name;
        mode = option types.str "0400";
        owner = option (types.nullOr types.str) null;
        path = option types.str "/run/secrets/${name}";
        sopsFile = option types.path cfg.defaultSopsFile;
        sopsFileHash = option types.str (builtins.hashFile "sha256" config.sopsFile);
        restartUnits = option (types.listOf types.str) [ ];
        reloadUnits = option (types.listOf types.str) [ ];
      };
    };
in
{
  options.sops = {
    defaultSopsFile = mkOption { type = types.path; };
    secrets = option (types.attrsOf (types.submodule secret)) { };
    useSystemdActivation = option types.bool false;
    age.keyFile = option (types.nullOr types.path) null;
    # The host keys of this machine, where sshd runs.
    age.sshKeyPaths = option (types.listOf types.path) (
      if config.services.openssh.enable then
        map (key: key.path) (lib.filter (key: key.type == "ed25519") config.services.openssh.hostKeys)
      else
        [ ]
    );
  };

  config.assertions = lib.optional (cfg.secrets != { }) {
    assertion = cfg.age.keyFile != null || cfg.age.sshKeyPaths != [ ];
    message = "No key source configured for sops.";
  };
}

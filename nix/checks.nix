# The checks of one cluster on one system. They evaluate its machines and build none.
{
  pkgs,
  root,
  constants,
  nixosConfigurations,
}:
let
  inherit (pkgs) lib;

  source = builtins.path {
    path = root;
    name = "source";
  };

  # A check is a command that fails.
  check =
    name: tools: command:
    pkgs.runCommand "${constants.name}-${name}" { nativeBuildInputs = tools; } ''
      ${command}
      touch $out
    '';

  hybridlab = pkgs.callPackage ./package.nix { };
  validator = pkgs.python3.withPackages (packages: [ packages.kubernetes-validate ]);

  # The path of a derivation as mere text: to have it the machine must evaluate, but nobody builds it.
  evaluated =
    machine: builtins.unsafeDiscardStringContext machine.config.system.build.toplevel.drvPath;
in
{
  generated = check "generated" [ hybridlab ] ''
    hybridlab --spec ${source}/cluster.yaml generate --check --diff
  '';
  rules = check "rules" [ hybridlab ] ''
    hybridlab --spec ${source}/cluster.yaml check
  '';
  # Of sops files it sees who can read them, never what is in them.
  secrets = check "secrets" [ hybridlab ] ''
    hybridlab --spec ${source}/cluster.yaml secrets check
  '';
}
// lib.optionalAttrs (constants ? kubernetes) {
  manifests = check "manifests" [ validator ] ''
    python3 ${./validate_manifests.py} ${constants.kubernetes.minor} ${source}/k8s
  '';
}
// lib.mapAttrs' (name: machine: {
  name = "machine-${name}";
  value = check "machine-${name}" [ ] "echo ${evaluated machine}";
}) nixosConfigurations

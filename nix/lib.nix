# lib.mkCluster: a folder with cluster.yaml and its generated files becomes nixosConfigurations, nixosModules,
# checks and what other deployment tools read. It reads what was generated and never the spec;
# docs/decisions/0002-flake.md says why.
{ inputs, eachSystem }:
let
  inherit (inputs) microvm nixpkgs sops-nix;
  inherit (nixpkgs) lib;

  handWritten = lib.attrValues (import ../modules);
in
{
  # The folder that holds cluster.yaml and modules/generated: `./.` or `self`.
  root,
  # For each machine, a module or a list of them: its hardware, and whatever else the spec does not know.
  modules ? { },
  # Further arguments of those modules.
  specialArgs ? { },
  # The flake of colmena, for the output colmenaHive; and that of deploy-rs, for the output deploy.
  colmena ? null,
  deploy-rs ? null,
}:
let
  generated = root + "/modules/generated";

  constants =
    if builtins.pathExists (generated + "/constants.nix") then
      import (generated + "/constants.nix")
    else
      throw ''
        mkCluster: modules/generated/constants.nix is missing: run `hybridlab generate`, and in a git
        repository `git add` what it writes'';
  inherit (constants) machines;

  guestsOf = host: lib.filterAttrs (_: machine: machine.host or null == host) machines;

  # What a machine is made of: what was generated for it, all modules whose options that sets, the user's own.
  machineModule =
    name: machine:
    let
      guests = guestsOf name;
    in
    {
      imports =
        handWritten
        ++ [
          (generated + "/${name}")
          sops-nix.nixosModules.sops
        ]
        ++ lib.optional (machine.kind == "guest") microvm.nixosModules.microvm
        ++ lib.optionals (guests != { }) [
          microvm.nixosModules.host
          # The very configuration of nixosConfigurations, so that a guest built alone is what its host runs.
          {
            microvm.vms = lib.mapAttrs (guest: _: {
              evaluatedConfig = nixosConfigurations.${guest};
            }) guests;
          }
        ]
        ++ lib.toList (modules.${name} or [ ]);
    };

  strangers = lib.attrNames (removeAttrs modules (lib.attrNames machines));
  release = lib.trivial.release;

  # Every configuration and module waits for this: it is what was generated, for the release it was meant for.
  sound =
    if strangers != [ ] then
      throw ''
        mkCluster: modules.${lib.head strangers} is for no machine of the cluster ${constants.name}, which has
        ${lib.concatStringsSep ", " (lib.attrNames machines)}''
    else
      lib.warnIf (constants.nixos.release != release)
        "mkCluster: ${constants.name} was generated for NixOS ${constants.nixos.release}, but nixpkgs is ${release}"
        (import ./index.nix { inherit lib root; });

  nixosConfigurations = lib.mapAttrs (
    name: machine:
    builtins.seq sound (
      lib.nixosSystem {
        inherit specialArgs;
        modules = [ (machineModule name machine) ];
      }
    )
  ) machines;

  moduleOf = name: builtins.seq sound (machineModule name machines.${name});
in
{
  inherit nixosConfigurations;

  nixosModules = lib.mapAttrs' (name: _: {
    name = "machine-${name}";
    value = moduleOf name;
  }) machines;

  checks = eachSystem (
    pkgs:
    import ./checks.nix {
      inherit
        pkgs
        root
        constants
        nixosConfigurations
        ;
    }
  );
}
// import ./deploy.nix {
  inherit
    nixpkgs
    constants
    nixosConfigurations
    moduleOf
    specialArgs
    colmena
    deploy-rs
    ;
}

# What colmena and deploy-rs read of a flake: the hosts, each with its guests inside it. Neither tool has an
# order of hosts; docs/other-deployers.md says how to keep it, and what only `hybridlab deploy` does.
{
  nixpkgs,
  constants,
  nixosConfigurations,
  # From a machine's name, what nixosConfigurations is made of.
  moduleOf,
  specialArgs,
  # The flakes of these tools, or null.
  colmena,
  deploy-rs,
}:
let
  inherit (nixpkgs) lib;
  inherit (constants.nixos) system;

  hosts = lib.filterAttrs (_: machine: machine ? deploy) constants.machines;

  # Names that mean something else in a hive (colmena, src/nix/hive/eval.nix).
  reserved = lib.filter (name: hosts ? ${name}) [
    "defaults"
    "meta"
    "network"
  ];

  hive = lib.mapAttrs colmenaNode (removeAttrs hosts reserved) // {
    # Reached only by colmena, so that other people's hosts may have these names.
    meta =
      if reserved == [ ] then
        {
          inherit (constants) name;
          nixpkgs = import nixpkgs { inherit system; };
          # The flake's library knows its revision, which goes into a system's version; colmena's does not.
          specialArgs = {
            inherit lib;
          }
          // specialArgs;
        }
      else
        throw "mkCluster: colmena can deploy no host that is called ${lib.head reserved}: it is a name of its own";
  };

  colmenaNode = name: machine: {
    imports = [
      (moduleOf name)
      # nixpkgs.lib.nixosSystem sets this beside a machine's modules, and colmena calls something else.
      { nixpkgs.flake.source = nixpkgs.outPath; }
    ];
    deployment = {
      targetHost = machine.deploy.address or null;
      targetUser = "root";
      inherit (machine.deploy) tags;
    };
  };

  deployNode = name: machine: {
    hostname =
      if machine.deploy ? address then
        machine.deploy.address
      else
        throw "mkCluster: ${name} has no address in a VLAN of the admin, and deploy-rs needs one";
    profilesOrder = [ "system" ];
    profiles.system.path = deploy-rs.lib.${system}.activate.nixos nixosConfigurations.${name};
  };
in
{
  colmena = hive;
}
// lib.optionalAttrs (colmena != null) {
  colmenaHive = colmena.lib.makeHive hive;
}
// lib.optionalAttrs (deploy-rs != null) {
  deploy = {
    sshUser = "root";
    user = "root";
    nodes = lib.mapAttrs deployNode hosts;
  };
}

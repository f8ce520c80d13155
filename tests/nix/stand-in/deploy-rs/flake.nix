# A stand-in for deploy-rs, for tests without network: it proves shape, not deployment (../README.md).
{
  description = "Stand-in for deploy-rs";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs";

  outputs =
    { nixpkgs, ... }:
    {
      lib = nixpkgs.lib.mapAttrs (_: pkgs: {
        # Wraps the system, like the real one, which besides puts two scripts of its own beside it.
        activate.nixos =
          machine:
          let
            inherit (machine.config.system.build) toplevel;
          in
          pkgs.runCommand "activatable-${toplevel.name}" { inherit toplevel; } "mkdir $out";
      }) nixpkgs.legacyPackages;
    };
}

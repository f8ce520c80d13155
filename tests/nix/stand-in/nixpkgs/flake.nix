# A stand-in for nixpkgs, for tests without network: it proves shape, not NixOS (../README.md).
{
  description = "Stand-in for nixpkgs";

  outputs =
    { self }:
    let
      plain = import ./lib.nix;
    in
    {
      # As in the real one, a machine made by the flake's library knows version and place of nixpkgs.
      lib = plain // {
        trivial = plain.trivial // {
          versionSuffix = ".19700101.standin";
        };
        nixosSystem =
          machine:
          plain.nixosSystem (
            machine
            // {
              modules = machine.modules ++ [ { nixpkgs.flake.source = self.outPath; } ];
              specialArgs = {
                inherit (self) lib;
              }
              // machine.specialArgs or { };
            }
          );
      };
      legacyPackages = plain.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
        system: import ./packages.nix { inherit system; }
      );
    };
}

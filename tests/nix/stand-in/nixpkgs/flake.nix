# A stand-in for nixpkgs, for tests without network: it proves shape, not NixOS (../README.md).
{
  description = "Stand-in for nixpkgs";

  outputs = _: {
    lib = import ./lib.nix;
    legacyPackages = (import ./lib.nix).genAttrs [ "x86_64-linux" "aarch64-linux" ] (
      system: import ./packages.nix { inherit system; }
    );
  };
}

# A stand-in for sops-nix, for tests without network: it proves shape, not secrecy (../README.md).
{
  description = "Stand-in for sops-nix";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs";

  outputs = _: {
    nixosModules.sops = ./sops.nix;
  };
}

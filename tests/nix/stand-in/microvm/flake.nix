# A stand-in for microvm.nix, for tests without network: it proves shape, not MicroVMs (../README.md).
{
  description = "Stand-in for microvm.nix";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs";

  outputs = _: {
    nixosModules = {
      host = ./host.nix;
      microvm = ./guest.nix;
    };
  };
}

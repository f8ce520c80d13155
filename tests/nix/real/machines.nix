# Evaluates every machine of a repository with nixpkgs' own library and the real microvm.nix and sops-nix, each
# where a checkout is named; the stand-ins take the place of what is not here (../stand-in/README.md).
{
  # The repository, the stand-ins with their host.nix, and the folder of a cluster with the modules of its hosts.
  repository,
  standIns,
  root,
  modules ? { },
  # Paths of checkouts: of nixpkgs or its library alone, and of the two others.
  nixpkgs ? null,
  microvm ? null,
  sopsNix ? null,
  # What types are asked about, as in report.nix.
  rows ? [ ],
  probes ? [ ],
  # What is wanted of the configurations; by default the report of each.
  answer ? null,
}:
let
  lib = import (if nixpkgs == null then standIns + "/nixpkgs/lib.nix" else nixpkgs + "/lib");

  # A checkout of nixpkgs brings NixOS and needs no stand-in; its library alone does not.
  evalConfig = nixpkgs + "/nixos/lib/eval-config.nix";
  isWhole = nixpkgs != null && builtins.pathExists evalConfig;

  nixosSystem =
    {
      modules,
      specialArgs ? { },
    }:
    if isWhole then
      import evalConfig {
        inherit lib modules specialArgs;
        system = null;
      }
    else
      lib.evalModules {
        inherit specialArgs;
        modules = [
          (standIns + "/nixpkgs/options.nix")
          (standIns + "/nixpkgs/kubernetes.nix")
          ./nixos.nix
        ]
        ++ modules;
      };

  inputs = {
    nixpkgs.lib = lib // {
      inherit nixosSystem;
    };
    microvm.nixosModules =
      if microvm == null then
        {
          microvm = standIns + "/microvm/guest.nix";
          host = standIns + "/microvm/host.nix";
        }
      else
        {
          microvm = microvm + "/nixos-modules/microvm";
          host = microvm + "/nixos-modules/host";
        };
    sops-nix.nixosModules.sops =
      if sopsNix == null then standIns + "/sops-nix/sops.nix" else sopsNix + "/modules/sops";
  };

  mkCluster = import (repository + "/nix/lib.nix") {
    inherit inputs;
    eachSystem = _: { };
  };
  cluster = mkCluster { inherit root modules; };
  report = import ./report.nix { inherit lib rows probes; };
in
if answer == null then
  builtins.mapAttrs (_: report) cluster.nixosConfigurations
else
  answer cluster.nixosConfigurations

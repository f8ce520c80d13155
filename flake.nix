{
  description = "One typed spec for a hybrid homelab: NixOS modules and Kubernetes manifests, proven consistent";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    microvm = {
      url = "github:microvm-nix/microvm.nix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
    sops-nix = {
      url = "github:Mic92/sops-nix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    inputs@{ nixpkgs, ... }:
    let
      inherit (nixpkgs.lib) attrValues genAttrs mapAttrs;
      eachSystem =
        build: genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: build nixpkgs.legacyPackages.${system});

      mkCluster = import ./nix/lib.nix { inherit inputs eachSystem; };
      # This repository's own cluster, like anybody else's.
      cluster = mkCluster {
        root = ./.;
        modules.homelab = ./hardware/homelab.nix;
      };

      modules = import ./modules;
    in
    {
      lib = { inherit mkCluster; };

      inherit (cluster) colmena nixosConfigurations;
      nixosModules =
        mapAttrs (_: module: { imports = [ module ]; }) modules
        // {
          default.imports = attrValues modules;
        }
        // cluster.nixosModules;

      packages = eachSystem (pkgs: rec {
        hybridlab = pkgs.callPackage ./nix/package.nix { };
        default = hybridlab;
      });
      apps = eachSystem (pkgs: rec {
        hybridlab = {
          type = "app";
          program = "${pkgs.callPackage ./nix/package.nix { }}/bin/hybridlab";
        };
        default = hybridlab;
      });
      devShells = eachSystem (pkgs: {
        default = pkgs.callPackage ./nix/devshell.nix { };
      });
      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);

      checks = eachSystem (
        pkgs:
        cluster.checks.${pkgs.stdenv.hostPlatform.system}
        // {
          python = pkgs.callPackage ./nix/python-tests.nix { };
        }
      );
    };
}

# What a machine's network is made of, as JSON: the options of every machine of a cluster, evaluated with our
# modules on the stand-ins for NixOS (../nix/stand-in/README.md).
{
  # The folder that holds cluster.yaml and modules/generated.
  root,
}:
let
  standIns = ../nix/stand-in;
  lib = import (standIns + "/nixpkgs/lib.nix");

  mkCluster = import ../../nix/lib.nix {
    eachSystem = _: { };
    inputs = {
      nixpkgs = { inherit lib; };
      microvm.nixosModules = {
        microvm = standIns + "/microvm/guest.nix";
        host = standIns + "/microvm/host.nix";
      };
      sops-nix.nixosModules.sops = standIns + "/sops-nix/sops.nix";
    };
  };
  cluster = mkCluster {
    inherit root;
    modules.homelab = ../../hardware/homelab.nix;
  };
in
lib.mapAttrs (_: machine: {
  inherit (machine.config.networking) firewall nftables;
  inherit (machine.config.systemd) network;
  inherit (machine.config.boot.kernel) sysctl;
}) cluster.nixosConfigurations

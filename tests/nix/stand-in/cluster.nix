# A cluster evaluated by our mkCluster on these stand-ins, for those who want option values rather than a flake.
{
  # The folder that holds cluster.yaml and modules/generated.
  root,
  # As of mkCluster; the example's host has its hardware anyway.
  modules ? { },
}:
let
  lib = import ./nixpkgs/lib.nix;
  mkCluster = import ../../../nix/lib.nix {
    eachSystem = _: { };
    inputs = {
      nixpkgs = { inherit lib; };
      microvm.nixosModules = {
        microvm = ./microvm/guest.nix;
        host = ./microvm/host.nix;
      };
      sops-nix.nixosModules.sops = ./sops-nix/sops.nix;
    };
  };
in
mkCluster {
  inherit root;
  modules = modules // {
    homelab = [ ../../../hardware/homelab.nix ] ++ lib.toList (modules.homelab or [ ]);
  };
}

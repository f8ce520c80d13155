# A cluster evaluated by our mkCluster on these stand-ins, for those who want option values rather than a flake.
{
  # The folder that holds cluster.yaml and modules/generated.
  root,
  # As of mkCluster; hosts have the example's hardware anyway.
  modules ? { },
  hosts ? [ "homelab" ],
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
  modules =
    modules
    // lib.genAttrs hosts (
      host: [ ../../../hardware/homelab.nix ] ++ lib.toList (modules.${host} or [ ])
    );
}

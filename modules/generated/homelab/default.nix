# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  imports = [
    ../cluster.nix
    ../kubernetes.nix
    ./boot.nix
    ./firewall.nix
    ./gpu.nix
    ./kubernetes.nix
    ./microvms.nix
    ./network.nix
    ./secrets.nix
    ./users.nix
  ];
}

# What a machine's network and its part in Kubernetes are made of, as JSON: the options of every machine of a
# cluster, evaluated with our modules on the stand-ins for NixOS (stand-in/README.md).
{
  # The folder that holds cluster.yaml and modules/generated.
  root,
}:
let
  cluster = import ./stand-in/cluster.nix { inherit root; };
in
builtins.mapAttrs (_: machine: {
  inherit (machine.config.networking) firewall nftables;
  inherit (machine.config.systemd) network;
  inherit (machine.config.boot.kernel) sysctl;
  inherit (machine.config.hardware) enableRedistributableFirmware;
  inherit (machine.config.services.kubernetes) kubelet;
  generators = machine.config.systemd.generators;
  # Without what a unit runs, which names packages.
  services = builtins.mapAttrs (_: unit: {
    inherit (unit) after restartTriggers wants;
  }) machine.config.systemd.services;
}) cluster.nixosConfigurations

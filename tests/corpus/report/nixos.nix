# What Nix says of every machine of a cluster, on the stand-ins for NixOS: assertions that fail, and warnings.
{
  # The folder that holds cluster.yaml and modules/generated.
  root,
  # Their names.
  hosts,
}:
let
  cluster = import ../../nix/stand-in/cluster.nix { inherit root hosts; };
in
builtins.mapAttrs (_: machine: {
  failed = map (one: one.message) (builtins.filter (one: !one.assertion) machine.config.assertions);
  inherit (machine.config) warnings;
}) cluster.nixosConfigurations

# For each fault, a module that somebody adds to a machine: the assertions that then fail, and the warnings.
{
  # The folder that holds cluster.yaml and modules/generated.
  root,
  # A list of { machine; fault; }, the latter the path of a module.
  faults,
}:
let
  said =
    { machine, fault }:
    let
      cluster = import ./stand-in/cluster.nix {
        inherit root;
        modules.${machine} = [ fault ];
      };
      inherit (cluster.nixosConfigurations.${machine}) config;
    in
    {
      failed = map (one: one.message) (builtins.filter (one: !one.assertion) config.assertions);
      inherit (config) warnings;
    };
in
map said faults

# For each case, what `check --deep` asks Nix of machines, one of which has a module of somebody's own.
{
  # From modules of machines, as of mkCluster, to the configurations that come of them.
  configurationsOf,
  # live/deep/look.nix, and the paths of options that it is asked for, as JSON.
  look,
  asked,
  # A list of { machines; module; who; }: the machines to look at, and those that have the module.
  cases,
}:
map (
  {
    machines,
    module,
    who,
  }:
  import look {
    asked = builtins.fromJSON asked;
    names = machines;
  } (
    configurationsOf (
      builtins.listToAttrs (
        map (name: {
          inherit name;
          value = [ module ];
        }) who
      )
    )
  )
) cases

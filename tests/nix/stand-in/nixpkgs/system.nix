# What evaluating a machine means here: all assertions hold, and every option that has a value has one of its
# type. The derivation holds all values as text, so that it is another one when any of them changes.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  failed = map (one: one.message) (lib.filter (one: !one.assertion) config.assertions);

  values =
    tree:
    lib.mapAttrs (
      _: branch:
      if branch._type or null != "option" then
        values branch
      else if branch.isDefined then
        plain branch.value
      else
        "not set"
    ) tree;

  plain =
    value:
    if lib.isDerivation value then
      value.outPath
    else if value._type or null == "configuration" then
      plain value.config.system.build.toplevel
    else if builtins.isAttrs value then
      lib.mapAttrs (_: plain) value
    else if builtins.isList value then
      map plain value
    else
      value;
in
{
  _module.args.pkgs = import ./packages.nix { system = config.nixpkgs.hostPlatform; };

  assertions = [
    {
      assertion = config.fileSystems ? "/";
      message = "The `fileSystems' option does not specify your root file system.";
    }
  ];

  system.build.toplevel =
    if failed != [ ] then
      throw "Failed assertions:\n${lib.concatLines (map (message: "- ${message}") failed)}"
    else
      pkgs.runCommand "nixos-system-${config.networking.hostName}-${lib.trivial.release}" {
        version = lib.trivial.release + lib.trivial.versionSuffix;
        configuration = builtins.toJSON (
          values (
            # What is colmena's own, beside NixOS, goes into no system.
            removeAttrs options [
              "_module"
              "deployment"
            ]
            // {
              system = removeAttrs options.system [ "build" ];
            }
          )
        );
      } "echo $configuration > $out";
}

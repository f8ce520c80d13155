# What one evaluated machine says: its failed assertions, its warnings, the values of all options that are set with
# the files that declare them, and what types take. To have an option's value means that it is of its type.
{
  lib,
  # Paths of options as lists of names, where "<name>" is any attribute and "[]" any item; and values to try.
  rows,
  probes,
}:
machine:
let
  inherit (machine) config options;

  # What we write to or what follows from it; the rest of NixOS would take packages.
  roots = [
    "boot.kernelParams"
    "environment.systemPackages"
    "fileSystems"
    "hybridlab"
    "microvm"
    "networking"
    "services.flannel"
    "services.kubernetes"
    "services.openssh"
    "sops"
    "systemd.network"
    "systemd.services"
    "time"
    "users.users"
  ];
  optionsAt = root: setOptions (lib.attrByPath (lib.splitString "." root) { } options);

  # The options at and below `tree` that somebody has set. Defaults are not looked at: some are packages.
  setOptions =
    tree:
    if lib.isOption tree then
      lib.optional (tree.highestPrio < (lib.mkOptionDefault null).priority && tree.isDefined) tree
    else
      lib.concatMap setOptions (lib.attrValues tree);

  # A runner for every hypervisor there is: those that are not asked for may well refuse the guest.
  isForced = option: lib.showOption option.loc != "microvm.runner";

  # JSON of a value: of a package its path, of what no JSON can hold its kind.
  plain =
    value:
    if lib.isDerivation value then
      value.drvPath
    else if builtins.isAttrs value then
      # An interface of microvm.nix always has this part, and no values in it unless it is a macvtap.
      value._type or (lib.mapAttrs (_: plain) (removeAttrs value [ "macvtap" ]))
    else if builtins.isList value then
      map plain value
    else if builtins.isFunction value then
      "function"
    else if builtins.isPath value then
      toString value
    else
      value;

  described = option: {
    name = lib.showOption option.loc;
    value = {
      declarations = map toString option.declarations;
      value = plain option.value;
    };
  };

  # The option of that path, also inside of submodules.
  find =
    tree: names:
    let
      name = lib.head names;
      isAny = name == "<name>" || name == "[]";
    in
    if names == [ ] then
      if lib.isOption tree then tree else null
    else if lib.isOption tree then
      find (tree.type.getSubOptions [ ]) (if isAny then lib.tail names else names)
    else if tree ? ${name} then
      find tree.${name} (lib.tail names)
    else
      null;

  ask =
    names:
    let
      option = find options names;
    in
    if option == null then
      null
    else
      {
        declarations = map toString option.declarations;
        takes = map option.type.check probes;
      };
in
{
  failed = map (one: one.message) (lib.filter (one: !one.assertion) config.assertions);
  inherit (config) warnings;
  values = lib.listToAttrs (map described (lib.filter isForced (lib.concatMap optionsAt roots)));
  types = map ask rows;
  toplevel = config.system.build.toplevel.drvPath;
}
// lib.optionalAttrs (config.microvm ? declaredRunner) {
  # Its script is the hypervisor's command line: microvm.nix refuses here what a hypervisor cannot do.
  runner = config.microvm.declaredRunner.drvPath;
}

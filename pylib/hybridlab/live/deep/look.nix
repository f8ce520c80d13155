# What the flake makes of machines, as far as somebody asks: of each option its value, and what was defined of it
# in which file. It needs no library and knows no option; only what is asked for is evaluated.
#
# `asked`: paths of options as lists of names, which may lead on into an option's value, with "*" for each of its
# attributes or items. `names`: the machines that are meant.
{ asked, names }:
configurations:
let
  inherit (builtins)
    attrValues
    concatMap
    concatStringsSep
    elemAt
    filter
    foldl'
    head
    isAttrs
    isFunction
    isList
    isPath
    isString
    listToAttrs
    mapAttrs
    tail
    unsafeDiscardStringContext
    ;

  # Of text only the text: what it refers to need not be built.
  text = value: unsafeDiscardStringContext (toString value);

  # The option on a path, with the names that lead on into its value; null if there is none.
  find =
    tree: path:
    let
      branch = tree.${head path} or null;
    in
    if path == [ ] || branch == null then
      null
    else if branch._type or null == "option" then
      {
        option = branch;
        inside = tail path;
      }
    else
      find branch (tail path);

  # JSON of a value, or of the parts of it that a path leads to; null stands for what no JSON can hold. A
  # definition may still be wrapped in mkIf and the like, whose contents count. Where a set may also be given as
  # text (nixpkgs.hostPlatform), the text does for its parts.
  select =
    path: value:
    if isString value || isPath value then
      text value
    else if isList value then
      if path == [ ] || head path == "*" then
        map (select (if path == [ ] then [ ] else tail path)) value
      else
        null
    else if isAttrs value then
      selectIn path value
    else if path != [ ] || isFunction value then
      null
    else
      value;

  selectIn =
    path: set:
    let
      kind = set._type or null;
    in
    if kind == "if" then
      if set.condition then select path set.content else null
    else if kind == "override" || kind == "order" then
      select path set.content
    else if kind == "merge" then
      foldl' join null (map (select path) set.contents)
    else if kind != null || set.type or null == "derivation" then
      null
    else if path == [ ] then
      mapAttrs (_: select [ ]) set
    else if head path == "*" then
      mapAttrs (_: select (tail path)) set
    else if set ? ${head path} then
      select (tail path) set.${head path}
    else
      null;

  join =
    one: other:
    if one == null then
      other
    else if other == null then
      one
    else if isAttrs one && isAttrs other then
      one // mapAttrs (name: value: join (one.${name} or null) value) other
    else if isList one && isList other then
      one ++ other
    else
      other;

  answer =
    system: path:
    let
      found = find system.options path;
    in
    if found == null || !found.option.isDefined then
      null
    else
      {
        value = select found.inside found.option.value;
        # Not those that say nothing of the part that is asked for.
        definitions = filter (definition: definition.value != null || found.inside == [ ]) (
          map (definition: {
            file = text definition.file;
            value = select found.inside definition.value;
          }) found.option.definitionsWithLocations
        );
      };

  machine = system: {
    failed = map (one: text one.message) (filter (one: !one.assertion) system.config.assertions);
    options = listToAttrs (
      map (path: {
        name = concatStringsSep "." path;
        value = answer system path;
      }) asked
    );
    guests = mapAttrs (name: vm: machine (guest name vm)) (system.config.microvm.vms or { });
  };

  # As microvm.nix has it (nixos-modules/host/default.nix).
  guest =
    name: vm:
    if vm.flake or null != null then
      vm.flake.nixosConfigurations.${name}
    else if vm.evaluatedConfig or null != null then
      vm.evaluatedConfig
    else
      vm.config;

  # The files of hybridlab's own modules: what they define is no user's.
  ours =
    system:
    let
      groups = attrValues (system.options.hybridlab or { });
    in
    map text (concatMap (group: group.enable.declarations or [ ]) groups);

  known = filter (name: configurations ? ${name}) names;
in
{
  store = builtins.storeDir;
  ours = if known == [ ] then [ ] else ours configurations.${elemAt known 0};
  machines = listToAttrs (
    map (name: {
      inherit name;
      value = machine configurations.${name};
    }) known
  );
}

# A small NixOS module system, and a stricter one: every option has one declaration, every definition names an
# option, every value is of its type. Messages use the words of the real one where a test looks for them.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    filter
    functionArgs
    head
    isAttrs
    isFunction
    isPath
    length
    mapAttrs
    zipAttrsWith
    ;

  # -- what a definition may be wrapped in

  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };
  typeOf = value: value._type or null;

  # Moves the wrappers of a set to its attributes; asks for no condition, which may depend on the outcome.
  pushDown =
    value:
    if typeOf value == "merge" then
      concatMap pushDown value.contents
    else if typeOf value == "if" then
      map (mapAttrs (_: mkIf value.condition)) (pushDown value.content)
    else if typeOf value == "override" then
      map (mapAttrs (_: mkOverride value.priority)) (pushDown value.content)
    else
      [ value ];

  # Takes off the wrappers of an option's value: the values whose conditions hold, with their priorities.
  unwrap =
    value:
    if typeOf value == "merge" then
      concatMap unwrap value.contents
    else if typeOf value == "if" then
      (if value.condition then unwrap value.content else [ ])
    else if typeOf value == "override" then
      [
        {
          inherit (value) priority;
          value = value.content;
        }
      ]
    else
      [
        {
          priority = 100;
          inherit value;
        }
      ];

  # -- one option

  showOption = concatStringsSep ".";

  # The value of an option or of a part of one, from its definitions { file, value }.
  mergeDefinitions =
    loc: type: definitions:
    let
      all = concatMap (
        definition: map (one: one // { inherit (definition) file; }) (unwrap definition.value)
      ) definitions;
      strongest = builtins.foldl' (
        best: one: if one.priority < best then one.priority else best
      ) 9999 all;
      chosen = filter (one: one.priority == strongest) all;
      wrong = filter (one: !type.check one.value) chosen;
    in
    {
      isDefined = all != [ ];
      definitionsWithLocations = map (one: { inherit (one) file value; }) chosen;
      value =
        if all == [ ] then
          type.emptyValue or (throw "The option `${showOption loc}' was accessed but has no value defined.")
        else if wrong != [ ] then
          throw "A definition for option `${showOption loc}' is not of type `${type.name}', in ${(head wrong).file}"
        else
          type.merge loc chosen;
    };

  evalOption =
    loc: declaration: definitions:
    let
      default = lib.optional (declaration ? default) {
        file = "its default";
        value = mkOverride 1500 declaration.default;
      };
      merged = mergeDefinitions loc declaration.type (definitions ++ default);
    in
    declaration // merged // { inherit loc; };

  mergeOneOption =
    loc: definitions:
    if length definitions == 1 then
      (head definitions).value
    else
      throw "The option `${showOption loc}' is defined multiple times while it's expected to be unique, in ${
        concatStringsSep " and " (map (definition: definition.file) definitions)
      }";

  # -- all options

  isOption = value: typeOf value == "option";

  # Options and values at and below `loc`, and the definitions that no declaration is for.
  evalTree =
    loc: declarations: definitions:
    let
      declared = zipAttrsWith (_: trees: trees) declarations;
      defined = zipAttrsWith (_: ones: ones) (
        concatMap (
          definition:
          map (
            set:
            if !isAttrs set then
              throw "`${showOption loc}' is a set of options, but no set is given in ${definition.file}"
            else
              mapAttrs (_: value: definition // { inherit value; }) set
          ) (pushDown definition.value)
        ) definitions
      );
      branches = mapAttrs (
        name: trees:
        let
          here = loc ++ [ name ];
          options = filter isOption trees;
          ours = defined.${name} or [ ];
        in
        if options == [ ] then
          evalTree here trees ours
        else if length trees > 1 then
          throw "The option `${showOption here}' is declared twice"
        else
          rec {
            options = evalOption here (head trees) ours;
            config = options.value;
            unknown = [ ];
          }
      ) declared;
      strays = filter (name: !(declared ? ${name})) (attrNames defined);
    in
    {
      options = mapAttrs (_: branch: branch.options) branches;
      config = mapAttrs (_: branch: branch.config) branches;
      unknown =
        map (name: {
          loc = loc ++ [ name ];
          inherit (head defined.${name}) file;
        }) strays
        ++ concatMap (branch: branch.unknown) (builtins.attrValues branches);
    };

  # -- modules

  evalModules =
    {
      modules,
      specialArgs ? { },
      prefix ? [ ],
    }:
    let
      arguments = {
        inherit lib options;
        # Unchecked, as in NixOS: what a module sets may depend on what another one has set.
        inherit (tree) config;
      }
      // specialArgs;

      # A module is a file, a function or a set; { key, file, imports, options, config }.
      load =
        key: module:
        let
          isFile = isPath module || builtins.isString module;
          content = if isFile then import module else module;
          set =
            if isFunction content then
              content (
                arguments
                // mapAttrs (name: _: arguments.${name} or config._module.args.${name}) (functionArgs content)
              )
            else
              content;
          inner = removeAttrs set [
            "_file"
            "imports"
          ];
          isExplicit = set ? config || set ? options;
          strays = attrNames (
            removeAttrs inner [
              "config"
              "options"
            ]
          );
          path = builtins.unsafeDiscardStringContext (toString module);
        in
        {
          key = if isFile then path else key;
          file = set._file or (if isFile then path else key);
          imports = set.imports or [ ];
          options = set.options or { };
          config =
            if !isExplicit then
              inner
            else if strays != [ ] then
              throw "Module `${key}' has an unsupported attribute `${head strays}': put it under `config'"
            else
              set.config or { };
        };
      loadAll =
        key: list:
        lib.concatLists (
          builtins.genList (
            index:
            let
              module = load "${key}:${toString index}" (builtins.elemAt list index);
            in
            [ module ] ++ loadAll module.key module.imports
          ) (length list)
        );

      internal.options._module.args = mkOption {
        type = lib.types.attrsOf lib.types.raw;
        default = { };
      };
      # As in NixOS, an option knows the file that declares it.
      declaredIn =
        file: declared:
        if isOption declared then
          declared // { declarations = [ file ]; }
        else
          mapAttrs (_: declaredIn file) declared;
      # A file that is imported twice counts once.
      loaded =
        (builtins.foldl'
          (
            sofar: module:
            if sofar.seen ? ${module.key} then
              sofar
            else
              {
                seen = sofar.seen // {
                  ${module.key} = null;
                };
                list = sofar.list ++ [ module ];
              }
          )
          {
            seen = { };
            list = [ ];
          }
          (loadAll "module" ([ internal ] ++ modules))
        ).list;

      tree = evalTree prefix (map (module: declaredIn module.file module.options) loaded) (
        map (module: {
          inherit (module) file;
          value = module.config;
        }) loaded
      );
      inherit (tree) options;
      config =
        if tree.unknown == [ ] then
          tree.config
        else
          throw "The option `${showOption (head tree.unknown).loc}' does not exist, but is defined in ${(head tree.unknown).file}";
    in
    {
      _type = "configuration";
      inherit config options;
    };

  mkOption = declaration: declaration // { _type = "option"; };
in
{
  inherit
    evalModules
    mergeDefinitions
    mergeOneOption
    mkIf
    mkMerge
    mkOption
    mkOverride
    showOption
    ;
  mkForce = mkOverride 50;
  mkDefault = mkOverride 1000;
  mkEnableOption =
    what:
    mkOption {
      type = lib.types.bool;
      default = false;
      example = true;
      description = "Whether to enable ${what}.";
    };
  # For the documentation: what a value is, in words, and the options of a submodule in it.
  mkOptionType =
    type:
    {
      description = type.name;
      getSubOptions = _: { };
    }
    // type;
}

# Option types: what a value must be, and how several definitions of one option become one.
{ lib }:
let
  inherit (builtins)
    concatMap
    concatStringsSep
    elem
    filter
    head
    isAttrs
    isBool
    isInt
    isList
    isString
    length
    listToAttrs
    match
    ;
  inherit (lib.modules) mergeDefinitions mkOptionType showOption;

  conflict =
    loc: definitions:
    throw "The option `${showOption loc}' has conflicting definitions, in ${
      concatStringsSep " and " (map (definition: definition.file) definitions)
    }";

  mergeEqual =
    loc: definitions:
    if lib.all (one: one.value == (head definitions).value) definitions then
      (head definitions).value
    else
      conflict loc definitions;

  scalar =
    name: check:
    mkOptionType {
      inherit name check;
      merge = mergeEqual;
    };
  once =
    name: check:
    mkOptionType {
      inherit name check;
      merge = lib.mergeOneOption;
    };
  joined =
    separator:
    mkOptionType {
      name = "string";
      check = isString;
      merge = _: definitions: concatStringsSep separator (map (definition: definition.value) definitions);
    };
  # The real ones put more than these in parentheses; what we declare has no others.
  inner = type: if type.name == "submodule" then "(submodule)" else type.description;
  operand =
    type:
    if match "(list|attribute set) of .*" type.description != null then
      "(${type.description})"
    else
      inner type;
  part =
    loc: type: definitions:
    (mergeDefinitions loc type definitions).value;

  types = {
    bool = scalar "boolean" isBool;
    int = scalar "signed integer" isInt;
    str = scalar "string" isString;
    singleLineStr = scalar "single-line string" (
      text: isString text && match "[^\n\r]*\n?" text != null
    );
    nonEmptyStr = scalar "non-empty string" (text: isString text && match "[[:space:]]*" text == null);
    strMatching =
      pattern:
      scalar "string matching the pattern ${pattern}" (text: isString text && match pattern text != null);
    enum =
      values:
      scalar "one of ${builtins.toJSON values}" (value: elem value values)
      // {
        description = "one of ${concatStringsSep ", " (map builtins.toJSON values)}";
      };
    ints = {
      between =
        low: high:
        scalar "integer between ${toString low} and ${toString high}" (
          value: isInt value && low <= value && value <= high
        )
        // {
          description = "integer between ${toString low} and ${toString high} (both inclusive)";
        };
      positive = scalar "positive integer" (value: isInt value && value > 0);
      unsigned = scalar "unsigned integer" (value: isInt value && value >= 0);
    };
    port = types.ints.between 0 65535 // {
      description = "16 bit unsigned integer; between 0 and 65535 (both inclusive)";
    };
    path = scalar "absolute path" (
      value:
      builtins.isPath value || (isString value && lib.hasPrefix "/" value) || lib.isDerivation value
    );
    package = once "package" lib.isDerivation;
    raw = once "raw value" (_: true);

    lines = joined "\n";
    separatedString = joined;

    # JSON, and anything else whose sets are merged and whose other values must agree.
    anything = mkOptionType {
      name = "anything";
      check = _: true;
      merge =
        loc: definitions:
        if lib.all (one: isAttrs one.value) definitions then
          part loc (types.attrsOf types.anything) definitions
        else
          mergeEqual loc definitions;
    };
    unspecified = types.anything;
    attrs = mkOptionType {
      name = "attribute set";
      check = isAttrs;
      emptyValue = { };
      merge = _: builtins.foldl' (sum: one: sum // one.value) { };
    };

    nullOr =
      type:
      mkOptionType {
        name = "null or ${type.name}";
        description = "null or ${operand type}";
        inherit (type) getSubOptions;
        check = value: value == null || type.check value;
        emptyValue = null;
        merge =
          loc: definitions:
          let
            given = filter (one: one.value != null) definitions;
          in
          if given == [ ] then
            null
          else if length given != length definitions then
            conflict loc definitions
          else
            type.merge loc definitions;
      };

    either =
      one: other:
      mkOptionType {
        name = "${one.name} or ${other.name}";
        description = "${inner one} or ${inner other}";
        check = value: one.check value || other.check value;
        merge =
          loc: definitions:
          if lib.all (definition: one.check definition.value) definitions then
            one.merge loc definitions
          else if lib.all (definition: other.check definition.value) definitions then
            other.merge loc definitions
          else
            conflict loc definitions;
      };
    oneOf = list: builtins.foldl' types.either (head list) (builtins.tail list);

    listOf =
      type:
      mkOptionType {
        name = "list of ${type.name}";
        description = "list of ${inner type}";
        getSubOptions = prefix: type.getSubOptions (prefix ++ [ "*" ]);
        check = isList;
        emptyValue = [ ];
        merge =
          loc: definitions:
          concatMap (
            definition:
            builtins.genList (
              index:
              part (loc ++ [ "[${toString index}]" ]) type [
                {
                  inherit (definition) file;
                  value = builtins.elemAt definition.value index;
                }
              ]
            ) (length definition.value)
          ) definitions;
      };

    attrsOf =
      type:
      mkOptionType {
        name = "attribute set of ${type.name}";
        description = "attribute set of ${inner type}";
        getSubOptions = prefix: type.getSubOptions (prefix ++ [ "<name>" ]);
        check = isAttrs;
        emptyValue = { };
        merge =
          loc: definitions:
          let
            defined = builtins.zipAttrsWith (_: ones: ones) (
              map (
                definition:
                builtins.mapAttrs (_: value: {
                  inherit (definition) file;
                  inherit value;
                }) definition.value
              ) definitions
            );
            merged = builtins.mapAttrs (name: mergeDefinitions (loc ++ [ name ]) type) defined;
          in
          # What stands under a false condition is not there.
          builtins.mapAttrs (_: one: one.value) (lib.filterAttrs (_: one: one.isDefined) merged);
      };

    submodule =
      module:
      mkOptionType {
        name = "submodule";
        getSubOptions =
          prefix:
          (lib.evalModules {
            inherit prefix;
            modules = [
              module
              { _module.args.name = lib.last prefix; }
            ];
          }).options;
        check = isAttrs;
        merge =
          loc: definitions:
          let
            inherit
              (lib.evalModules {
                prefix = loc;
                modules = [
                  module
                  { _module.args.name = lib.last loc; }
                ]
                ++ map (definition: {
                  _file = definition.file;
                  config = definition.value;
                }) definitions;
              })
              config
              ;
          in
          removeAttrs config [ "_module" ];
      };
  };
in
types

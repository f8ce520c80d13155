# What we use of nixpkgs' library: functions with the names, arguments and results of the real ones.
let
  inherit (builtins)
    attrNames
    concatStringsSep
    filter
    head
    isFunction
    isList
    listToAttrs
    mapAttrs
    match
    readFile
    stringLength
    substring
    ;

  lib = {
    inherit (builtins)
      all
      any
      attrNames
      attrValues
      concatLists
      concatMap
      concatStringsSep
      elem
      filter
      hasAttr
      head
      length
      mapAttrs
      partition
      replaceStrings
      ;

    trivial = {
      release = "26.05";
      versionSuffix = "pre-git";
    };

    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: values: if condition then values else [ ];
    optionalAttrs = condition: set: if condition then set else { };
    optionalString = condition: text: if condition then text else "";
    last = list: builtins.elemAt list (builtins.length list - 1);
    toList = value: if isList value then value else [ value ];

    nameValuePair = name: value: { inherit name value; };
    mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
    mapAttrs' = f: set: listToAttrs (lib.mapAttrsToList f set);
    genAttrs = names: f: listToAttrs (map (name: lib.nameValuePair name (f name)) names);
    filterAttrs =
      keep: set:
      listToAttrs (
        map (name: lib.nameValuePair name set.${name}) (
          filter (name: keep name set.${name}) (attrNames set)
        )
      );

    makeBinPath = packages: lib.concatStringsSep ":" (map (package: "${package}/bin") packages);
    concatLines = lines: lib.concatStringsSep "" (map (line: line + "\n") lines);
    hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
    hasSuffix =
      suffix: text:
      let
        start = stringLength text - stringLength suffix;
      in
      start >= 0 && substring start (stringLength suffix) text == suffix;
    hasInfix = infix: text: lib.length (lib.splitString infix text) > 1;
    stringToCharacters = text: builtins.genList (i: substring i 1 text) (stringLength text);
    stringAsChars = f: text: concatStringsSep "" (map f (lib.stringToCharacters text));
    splitString =
      separator: text:
      filter builtins.isString (
        builtins.split (lib.stringAsChars (
          c: if match "[A-Za-z0-9]" c == null then "[${c}]" else c
        ) separator) text
      );

    importJSON = path: builtins.fromJSON (readFile path);
    warnIf =
      condition: message: value:
      if condition then builtins.trace "warning: ${message}" value else value;
    isDerivation = value: value.type or null == "derivation";
    getExe = package: "${package}/bin/${package.meta.mainProgram}";
    licenses.mit = { };

    callPackageWith =
      packages: file: overrides:
      let
        function = if isFunction file then file else import file;
      in
      function (builtins.intersectAttrs (builtins.functionArgs function) packages // overrides);

    # A file set is a list of paths here, and a path that is missing an error, as in the real one.
    fileset = {
      unions = map (
        path: if builtins.pathExists path then path else throw "fileset: ${toString path} is missing"
      );
      toSource =
        { root, fileset }:
        builtins.path {
          path = root;
          name = "source";
          filter =
            path: _:
            lib.any (
              wanted: path == wanted || lib.hasPrefix "${wanted}/" path || lib.hasPrefix "${path}/" wanted
            ) (map toString fileset);
        };
    };

    modules = import ./module-system.nix { inherit lib; };
    inherit (lib.modules)
      evalModules
      mergeOneOption
      mkDefault
      mkEnableOption
      mkForce
      mkIf
      mkMerge
      mkOption
      mkOptionType
      mkOverride
      ;
    types = import ./types.nix { inherit lib; };
    # Documentation, which nix/options.nix reads.
    literalExpression = text: {
      _type = "literalExpression";
      inherit text;
    };
    literalMD = text: {
      _type = "literalMD";
      inherit text;
    };

    nixosSystem =
      {
        modules,
        specialArgs ? { },
      }:
      lib.evalModules {
        inherit specialArgs;
        modules = [
          ./options.nix
          ./kubernetes.nix
          ./system.nix
        ]
        ++ modules;
      };
  };
in
lib

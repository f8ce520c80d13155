# From a hive as a flake's output `colmena` has it, what colmena then asks for: options, refusals and results of its
# src/nix/hive/eval.nix and options.nix, as far as our hives reach.
hive:
let
  reserved = [
    "defaults"
    "meta"
    "network"
  ];
  inherit (hive.meta) nixpkgs;
  inherit (nixpkgs) lib;
  inherit (lib) mkOption types;

  option = type: default: mkOption { inherit type default; };

  meta =
    (lib.evalModules {
      modules = [
        {
          options = {
            name = option types.str "hive";
            description = option types.str "A Colmena Hive";
            nixpkgs = option types.raw null;
            specialArgs = option (types.attrsOf types.raw) { };
            allowApplyAll = option types.bool true;
          };
        }
        hive.meta
      ];
    }).config;

  deploymentOptions =
    { name, ... }:
    {
      options.deployment = {
        targetHost = option (types.nullOr types.str) name;
        targetPort = option (types.nullOr types.ints.unsigned) null;
        targetUser = option (types.nullOr types.str) "root";
        tags = option (types.listOf types.str) [ ];
        buildOnTarget = option types.bool false;
        allowLocalDeployment = option types.bool false;
      };
    };

  nodes = lib.mapAttrs (
    name: node:
    import (nixpkgs.path + "/nixos/lib/eval-config.nix") {
      inherit (nixpkgs) system;
      modules = [
        {
          nixpkgs = {
            inherit (nixpkgs) config overlays;
          };
        }
        deploymentOptions
        node
      ];
      specialArgs = meta.specialArgs // {
        inherit name nodes;
      };
    }
  ) (removeAttrs hive reserved);
in
if nixpkgs ? outPath || nixpkgs ? outputs then
  throw "meta.nixpkgs must be an initialized package set"
else
  {
    __schema = "v0";
    inherit nodes;
    toplevel = lib.mapAttrs (_: node: node.config.system.build.toplevel) nodes;
    deploymentConfig = lib.mapAttrs (_: node: node.config.deployment) nodes;
    metaConfig = removeAttrs meta [
      "nixpkgs"
      "specialArgs"
    ];
  }

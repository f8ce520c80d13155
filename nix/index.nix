# True if every generated file is what hybridlab wrote, by the list that it leaves; throws otherwise. Files too
# many and files out of date are found by `hybridlab generate --check`, which knows the spec.
{ lib, root }:
let
  path = "modules/generated/index.json";
  index =
    if builtins.pathExists (root + "/${path}") then
      lib.importJSON (root + "/${path}")
    else
      throw "${path} is missing: run `hybridlab generate`, and in a git repository `git add` what it writes";

  problem =
    file: sha256:
    if !builtins.pathExists (root + "/${file}") then
      [ "${file} is missing" ]
    else if builtins.hashFile "sha256" (root + "/${file}") != sha256 then
      [ "${file} is not what hybridlab wrote" ]
    else
      [ ];
  problems = lib.concatLists (lib.mapAttrsToList problem index.files);
in
if index.format != 1 then
  throw "${path} has format ${toString index.format}, but this hybridlab knows format 1"
else if problems != [ ] then
  throw ''
    generated files have changed:
      ${lib.concatStringsSep "\n  " problems}
    `hybridlab generate --check --diff` shows how; change the spec instead and run `hybridlab generate`, and
    in a git repository `git add` what it writes''
else
  true

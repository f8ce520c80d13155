# The options that the hand-written modules declare, as data for docs/modules.md; options_page.py prints it.
#
# Nothing but the library is needed: types, defaults' texts and descriptions do not wait for a configuration. The
# page is made with the stand-in of the tests, so that a machine without nixpkgs makes it, too, and the same;
# the tests hold that against the real library where it is at hand.
{ lib }:
let
  unknown =
    name: throw "an option's declaration depends on `${name}': give it a defaultText, or a type that does not";
  arguments = lib.genAttrs [ "config" "options" "pkgs" ] unknown // {
    inherit lib;
  };

  declared =
    file:
    let
      module = import file;
    in
    (module (builtins.intersectAttrs (builtins.functionArgs module) arguments)).options;

  # Options at and below `path`, those of submodules included. What is in a submodule knows its own path, with
  # `*` for any element of a list and `<name>` for any attribute, as the manual of NixOS has it.
  walk =
    path: tree:
    lib.concatMap (
      name:
      let
        branch = tree.${name};
        here = branch.loc or (path ++ [ name ]);
      in
      if branch._type or null == "option" then
        [ (describe here branch) ] ++ walk here (branch.type.getSubOptions here)
      else
        walk here branch
    ) (lib.attrNames (removeAttrs tree [ "_module" ]));

  describe =
    path: option:
    {
      inherit path;
      type = option.type.description;
      description = text (option.description or "");
    }
    // (
      if option ? defaultText then
        { defaultText = text option.defaultText; }
      else
        lib.optionalAttrs (option ? default) { inherit (option) default; }
    )
    // lib.optionalAttrs (option ? example) { inherit (option) example; };

  # lib.literalExpression and lib.literalMD wrap a text.
  text = value: value.text or value;
in
lib.mapAttrsToList (name: file: {
  inherit name;
  file = "modules/${baseNameOf file}";
  options = walk [ ] (declared file);
}) (import ../modules)

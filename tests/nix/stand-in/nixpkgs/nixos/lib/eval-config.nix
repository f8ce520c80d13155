# NixOS as those have it who call it by its path, and not by the flake's library.
{
  system,
  modules,
  specialArgs ? { },
}:
assert builtins.isString system;
(import ../../lib.nix).nixosSystem { inherit modules specialArgs; }

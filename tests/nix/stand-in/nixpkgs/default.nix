# `import nixpkgs { … }`: the package set, which knows where it is from and what it was made with.
{
  system,
  config ? { },
  overlays ? [ ],
}:
import ./packages.nix { inherit system; }
// {
  inherit config overlays system;
  path = ./.;
}

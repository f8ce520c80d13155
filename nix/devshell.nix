# Everything that a recipe of the justfile may need, with the program run from the working tree.
{
  callPackage,
  git,
  kubectl,
  mkShell,
  nixos-rebuild-ng,
  openssh,
  ssh-to-age,
  writeShellScriptBin,
}:
mkShell {
  packages = callPackage ./tools.nix { } ++ [
    (writeShellScriptBin "hybridlab" ''exec python3 -m hybridlab "$@"'')
    git
    kubectl
    nixos-rebuild-ng
    openssh
    ssh-to-age
  ];

  shellHook = ''
    export PYTHONPATH="$PWD/pylib''${PYTHONPATH:+:$PYTHONPATH}"
  '';
}

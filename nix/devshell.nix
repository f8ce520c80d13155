# Everything that a recipe of the justfile may need, with the program run from the working tree.
{
  callPackage,
  etcd,
  git,
  iputils,
  kubernetes,
  mkShell,
  openssh,
  openssl,
  ssh-to-age,
  util-linux,
  writeShellScriptBin,
}:
mkShell {
  packages = callPackage ./tools.nix { } ++ [
    (writeShellScriptBin "hybridlab" ''exec python3 -m hybridlab "$@"'')
    # For tests/kubernetes: kube-apiserver and its like, kubectl among them. kubemark is not packaged.
    etcd
    git
    iputils
    kubernetes
    openssh
    openssl
    ssh-to-age
    util-linux
  ];

  shellHook = ''
    export PYTHONPATH="$PWD/pylib''${PYTHONPATH:+:$PYTHONPATH}"
  '';
}

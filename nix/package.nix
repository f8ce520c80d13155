# The command-line program with its shell completions.
{
  lib,
  age,
  git,
  installShellFiles,
  iputils,
  kubectl,
  openssh,
  python3Packages,
  sops,
  stdenv,
}:
let
  version = lib.head (
    builtins.match ".*__version__ = \"([^\"]+)\".*" (builtins.readFile ../pylib/hybridlab/_version.py)
  );
in
python3Packages.buildPythonApplication {
  pname = "hybridlab";
  inherit version;
  pyproject = true;

  # Only what the package is made of: a change to the cluster must not rebuild the program.
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../LICENSE
      ../README.md
      ../pylib
      ../pyproject.toml
    ];
  };

  build-system = [ python3Packages.hatchling ];
  dependencies = with python3Packages; [
    attrs
    cattrs
    click
    ruamel-yaml
  ];
  nativeBuildInputs = [ installShellFiles ];

  # What the program runs, but for Nix; the user's own, if there are any, come first.
  makeWrapperArgs = [
    "--suffix"
    "PATH"
    ":"
    (lib.makeBinPath [
      age
      git
      iputils
      kubectl
      openssh
      sops
    ])
  ];

  # The program prints its own completions, so it has to run where it is built.
  postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    for shell in bash zsh fish; do
      $out/bin/hybridlab completion $shell > hybridlab.$shell
    done
    installShellCompletion --cmd hybridlab \
      --bash hybridlab.bash --zsh hybridlab.zsh --fish hybridlab.fish
  '';

  pythonImportsCheck = [ "hybridlab" ];
  # checks.python runs the tests, once and with all that they need.
  doCheck = false;

  meta = {
    description = "One typed spec for a hybrid homelab: NixOS modules and Kubernetes manifests";
    license = lib.licenses.mit;
    mainProgram = "hybridlab";
  };
}

# The packages that this repository names, for one system. Most are empty; those that its checks run are
# small scripts around the programs of host.nix, which the tests write: { python = "/…/python3"; path = "/…"; }
{ system }:
let
  lib = import ./lib.nix;
  host = import ./host.nix;

  runCommand =
    name:
    {
      nativeBuildInputs ? [ ],
      meta ? { },
      ...
    }@environment:
    script:
    derivation (
      removeAttrs environment [ "meta" ]
      // {
        inherit name system;
        builder = "/bin/sh";
        args = [
          "-euc"
          ''
            export PATH=${lib.concatStringsSep "" (map (input: "${input}/bin:") nativeBuildInputs)}${host.path}
            export HOME=$TMPDIR
            ${script}
          ''
        ];
      }
    )
    // {
      inherit meta;
    };

  empty = name: runCommand name { } "mkdir $out";
  emptyPackages = names: lib.genAttrs names empty;

  # A program that calls another one.
  wrapper =
    name: command:
    runCommand name { meta.mainProgram = name; } ''
      mkdir -p $out/bin
      printf '#!/bin/sh\n%s\n' '${command}' > $out/bin/${name}
      chmod +x $out/bin/${name}
    '';

  # All of them lie in the one environment that the tests themselves run in.
  pythonPackages = emptyPackages [
    "attrs"
    "cattrs"
    "click"
    "hatchling"
    "hypothesis"
    "kubernetes-validate"
    "mypy"
    "pytest"
    "pytest-xdist"
    "pyyaml"
    "ruamel-yaml"
    "types-pyyaml"
  ];

  # Installs what the real one would: the program, and what postInstall makes of it.
  buildPythonApplication =
    {
      pname,
      version,
      pyproject,
      src,
      dependencies,
      build-system,
      makeWrapperArgs,
      nativeBuildInputs,
      postInstall,
      pythonImportsCheck,
      doCheck,
      meta,
    }:
    assert pyproject;
    runCommand "${pname}-${version}"
      {
        inherit
          dependencies
          build-system
          makeWrapperArgs
          meta
          ;
      }
      ''
        mkdir -p $out/bin
        printf '#!/bin/sh\nPYTHONPATH=%s exec %s -m %s "$@"\n' ${src}/pylib ${host.python} ${pname} > $out/bin/${pname}
        chmod +x $out/bin/${pname}

        # Takes any number of `--shell FILE`.
        installShellCompletion() {
          for file; do
            case $file in
              *.*) test -s "$file" && mkdir -p $out/share && cp "$file" $out/share/ ;;
            esac
          done
        }
        cd $TMPDIR
        ${postInstall}
      '';

  packages =
    emptyPackages [
      "age"
      "cfssl"
      "clinfo"
      "cri-tools"
      "etcd"
      "git"
      "import-linter"
      "installShellFiles"
      "iputils"
      "just"
      "kubectl"
      "kubernetes"
      "nix"
      "nixfmt"
      "nixfmt-tree"
      "openssh"
      "openssl"
      "ruff"
      "sops"
      "ssh-to-age"
      "util-linux"
    ]
    // {
      inherit lib runCommand;
      callPackage = lib.callPackageWith packages;
      runtimeShell = "/bin/sh";
      stdenv = {
        buildPlatform.canExecute = platform: platform.system == system;
        hostPlatform = { inherit system; };
      };

      python3.withPackages =
        select:
        builtins.deepSeq (map (one: one.outPath) (select pythonPackages)) (
          wrapper "python3" ''exec ${host.python} "$@"''
        );
      python3Packages = pythonPackages // {
        inherit buildPythonApplication;
      };

      mkShell = { packages, shellHook }: runCommand "shell" { inherit packages shellHook; } "mkdir $out";
      writeShellScriptBin = wrapper;
      writeText = name: text: runCommand name { inherit text; } ''printf %s "$text" > $out'';

      rocmPackages =
        emptyPackages [
          "hipcc"
          "rocblas"
          "rocm-smi"
          "rocminfo"
        ]
        // {
          clr = empty "clr" // {
            icd = empty "clr-icd";
          };
        };
    };
in
packages

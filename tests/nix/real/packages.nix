# A package set in which microvm.nix and sops-nix find what they name: derivations with the right names and
# texts, which nobody builds.
{ lib, system }:
let
  # As runCommand in nixpkgs, but that what it overrides stays as it is.
  make =
    name: arguments: script:
    let
      unchanged = make name arguments script;
      passthru = arguments.passthru or { };
      environment = removeAttrs arguments [
        "meta"
        "passthru"
      ];
      command = {
        inherit name system;
        builder = "/bin/sh";
        args = [
          "-c"
          script
        ];
      };
      attributes = {
        inherit passthru;
        dev = unchanged;
        out = unchanged;
        override = _: unchanged;
        overrideAttrs = _: unchanged;
        meta.mainProgram = name;
        # Newer than any for which microvm.nix makes a difference.
        version = "999";
      };
    in
    derivation (environment // command) // attributes // passthru;

  empty = name: make name { } "mkdir $out";
  emptyPackages = names: lib.genAttrs names empty;
  text = name: make name { };

  platform = lib.systems.elaborate system;

  packages =
    emptyPackages [
      "bubblewrap"
      "clinfo"
      "cloud-hypervisor"
      "coreutils"
      "cri-tools"
      "crosvm"
      "curl"
      "e2fsprogs"
      "erofs-utils"
      "git"
      "gnupg"
      "go"
      "initrd"
      "iproute2"
      "jq"
      "kernel"
      "kmod"
      "kubernetes"
      "libguestfs"
      "libguestfs-appliance"
      "nix"
      "openssh"
      "openssl"
      "parted"
      "qemu_kvm"
      "socat"
      "time"
      "toplevel"
      "util-linux"
      "virtiofsd"
    ]
    // {
      _type = "pkgs";
      inherit lib system;
      pkgs = packages;
      buildPackages = packages;
      buildGo125Module = module: empty module.pname;
      callPackage = lib.callPackageWith packages;
      closureInfo = _: empty "closure-info";
      linux.target = "bzImage";
      path = ./.;
      python3Packages.supervisor = empty "supervisor";
      replaceVars = file: _: file;
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
      runCommand = make;
      runCommandLocal = make;
      runtimeShell = "/bin/sh";
      stdenv = {
        inherit (platform) isLinux;
        buildPlatform = platform;
        hostPlatform = platform;
        targetPlatform = platform;
      };
      writeClosure = _: empty "closure";
      writeScript = text;
      writeShellScript = text;
      writeShellScriptBin = text;
      writeText = text;
      writeTextFile = file: text file.name file.text;
      writers.writePython3 =
        name: _: file:
        text name (toString file);
    };
in
packages

# The Python tests of this repository, all but tests/nix: those run `nix flake check`, which runs these.
{ callPackage, runCommand }:
runCommand "hybridlab-python-tests" { nativeBuildInputs = callPackage ./tools.nix { }; } ''
  cp -r ${../.} source
  chmod -R u+w source
  cd source

  # A store of their own for the tests that evaluate Nix.
  export HOME=$TMPDIR NIX_CONF_DIR=$TMPDIR NIX_LOG_DIR=$TMPDIR/log
  export NIX_STATE_DIR=$TMPDIR/state NIX_STORE_DIR=$TMPDIR/store

  python3 -m pytest --ignore=tests/nix -p no:cacheprovider
  touch $out
''

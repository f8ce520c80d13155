# What the Python tests and the development shell both need: one list, so that they cannot differ.
{
  import-linter,
  just,
  nix,
  nixfmt,
  python3,
  ruff,
}:
[
  (python3.withPackages (
    packages: with packages; [
      attrs
      cattrs
      click
      hatchling
      hypothesis
      kubernetes-validate
      mypy
      pytest
      pytest-xdist
      pyyaml
      ruamel-yaml
      types-pyyaml
    ]
  ))
  import-linter
  just
  nix
  nixfmt
  ruff
]

# What the Python tests and the development shell both need: one list, so that they cannot differ.
{
  age,
  cfssl,
  import-linter,
  just,
  nix,
  nixfmt,
  python3,
  ruff,
  sops,
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
  age
  cfssl
  import-linter
  just
  nix
  nixfmt
  ruff
  sops
]

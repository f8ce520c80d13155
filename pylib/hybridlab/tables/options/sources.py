"""Where an option is declared: a file of a project."""

import enum

from attrs import frozen


class Project(enum.Enum):
    """A project that declares options."""

    NIXPKGS = "nixpkgs"
    MICROVM = "microvm.nix"
    SOPS_NIX = "sops-nix"
    OURS = "hybridlab"


@frozen
class Source:
    """A file, by its path in the project's repository."""

    project: Project
    file: str

    def __str__(self) -> str:
        return f"{self.project.value}: {self.file}"

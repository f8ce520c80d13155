"""Which Kubernetes a NixOS release brings; it does not know which release a cluster uses.

Read on 2026-11-25. 26.05: nixpkgs took Kubernetes 1.36 in May 2026, and nixos-26.05 stays on it. 25.11:
nixpkgs took 1.34 in September 2025 (NixOS/nixpkgs#441158), and 1.35 only after the branch was made. A
release is listed once it is known that it has the options that we set: docs/decisions/0006-option-table.md.
"""

from attrs import frozen


@frozen
class NixosRelease:
    """A NixOS release and the minor version of its `kubernetes` package."""

    name: str
    kubernetes_minor: str


RELEASES = {
    release.name: release
    for release in (
        NixosRelease("25.11", kubernetes_minor="1.34"),
        NixosRelease("26.05", kubernetes_minor="1.36"),
    )
}

"""Which Kubernetes a NixOS release brings; it does not know which release a cluster uses.

Read on 2026-11-24: nixpkgs took Kubernetes 1.36 in May 2026, and nixos-26.05 stays on it. A release is listed
once the options that we set have been read in its modules.
"""

from attrs import frozen


@frozen
class NixosRelease:
    """A NixOS release and the minor version of its `kubernetes` package."""

    name: str
    kubernetes_minor: str


RELEASES = {release.name: release for release in (NixosRelease("26.05", kubernetes_minor="1.36"),)}

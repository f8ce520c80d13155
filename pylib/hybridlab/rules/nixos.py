"""Versions of NixOS: which one runs, and which one the machines were installed with."""

from collections.abc import Iterable

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.rules.rule import Example, Finding, rule

_NIXOS = SpecPath.of("nixos")


@rule(
    "NIX001",
    "state-version-from-the-future",
    summary="stateVersion is newer than the NixOS release.",
    rationale="""stateVersion is the release that a machine was first installed with. Modules choose
        defaults by it, and a later release would change them under data that was written with others.""",
    source="NixOS manual, system.stateVersion",
    bad=Example(
        """
        nixos: {stateVersion: "26.11"}
        """,
        at=_NIXOS / "stateVersion",
    ),
    good="""
        nixos: {stateVersion: "25.11"}
    """,
)
def state_version_from_the_future(cluster: Cluster) -> Iterable[Finding]:
    nixos = cluster.nixos
    # Releases are written YY.MM, so their order is that of their text.
    if nixos.state_version > nixos.release:
        yield Finding(
            f"stateVersion {nixos.state_version} is newer than the release, {nixos.release}",
            _NIXOS / "stateVersion",
            f"did you mean {nixos.release}? It is the release of the first installation",
            related=(Related("the release", _NIXOS / "release"),),
        )

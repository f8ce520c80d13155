"""What all machines have in common: versions of NixOS, and the time zone."""

import re
from collections.abc import Iterable

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import nearest
from hybridlab.tables.time_zones import TIME_ZONES

_NIXOS = SpecPath.of("nixos")
_OFFSET = re.compile(r"(?:GMT|UTC)([+-])0?([1-9]|1[0-2])")


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
            f"did you mean {nixos.release}? stateVersion is the release of the first installation",
            related=(Related("the release", _NIXOS / "release"),),
        )


@rule(
    "NIX002",
    "unknown-time-zone",
    summary="The time zone does not exist.",
    rationale="""NixOS takes any name, and links /etc/localtime to a file that is not there: every machine is
        in UTC, and what runs at a time of day runs at another one. A zone is named after a place: an
        abbreviation like CEST is that of one season.""",
    source="localtime(5); nixpkgs, nixos/modules/config/locale.nix; IANA, tz database",
    bad=Example(
        """
        nixos: {timeZone: Europe/Viena}
        """,
        at=_NIXOS / "timeZone",
    ),
    good="""
        nixos: {timeZone: Europe/Vienna}
    """,
)
def unknown_time_zone(cluster: Cluster) -> Iterable[Finding]:
    zone = cluster.nixos.time_zone
    if zone is None or zone.removeprefix("posix/").removeprefix("right/") in TIME_ZONES:
        return
    meant = _zone_meant(zone)
    hint = f"did you mean {meant}?" if meant else "write a region and a place, like Europe/Berlin"
    if (match := _OFFSET.fullmatch(zone)) is not None:
        # Signs are those of POSIX, where west is positive.
        sign = "-" if match[1] == "+" else "+"
        hint = f"did you mean Etc/GMT{sign}{match[2]}? Its sign is the other way round"
    yield Finding(f"there is no time zone {zone!r}", _NIXOS / "timeZone", hint)


def _zone_meant(zone: str) -> str | None:
    """Return the zone of the same place, or with nearly the same name."""
    place = zone.rpartition("/")[2].lower()
    zones = sorted(TIME_ZONES)
    same = [known for known in zones if known.rpartition("/")[2].lower() == place]
    if same or zone.isupper():
        return same[0] if same else None
    return nearest(zone, zones)

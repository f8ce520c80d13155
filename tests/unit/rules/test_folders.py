"""Folders of nodes: which of them two workloads may share, and which hold no data."""

import pytest

from patched import codes, report

SHARED = """
workloads:
  films: {{type: deployment, image: "{}", nodeSelector: {{gpu: amd}}, volumes: {{/a: {}}}}}
  series: {{type: deployment, image: "{}", nodeSelector: {{gpu: amd}}, volumes: {{/b: {}}}}}
"""
PROGRAM = """
workloads:
  home: {{type: deployment, image: "ghcr.io/example/home:1.2.3", privileged: {}, volumes: {{/x: {}}}}}
"""
RADARR, SONARR = "lscr.io/linuxserver/radarr:6.0.4", "lscr.io/linuxserver/sonarr:4.0.16"


@pytest.mark.parametrize("folder", ["/srv/media", "/mnt/disk/media", "/home/alex/media"])
def test_different_programs_may_share_a_library(folder: str) -> None:
    assert codes(SHARED.format(RADARR, folder, SONARR, folder)) == []


@pytest.mark.parametrize("folder", ["/var/lib/media", "/srv/films", "/srv/series/media"])
def test_what_is_kept_as_state_or_called_like_a_workload_is_no_library(folder: str) -> None:
    assert codes(SHARED.format(RADARR, folder, SONARR, folder)) == ["WKL011"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (RADARR, RADARR),
        (RADARR, "lscr.io/linuxserver/radarr:5.0.0"),
        (RADARR, "lscr.io/linuxserver/radarr@sha256:" + "0" * 64),
        ("registry.example.org:5000/radarr:1.0", "registry.example.org:5000/radarr:2.0@sha256:" + "0" * 64),
    ],
)
def test_one_program_twice_shares_nothing_in_whatever_version(one: str, other: str) -> None:
    assert codes(SHARED.format(one, "/srv/media", other, "/srv/media")) == ["WKL011"]


def test_programs_behind_one_registry_are_different() -> None:
    images = ("registry.example.org:5000/radarr:1.0", "registry.example.org:5000/sonarr:1.0")
    assert codes(SHARED.format(images[0], "/srv/media", images[1], "/srv/media")) == []


def test_the_third_is_held_against_the_one_that_is_like_it() -> None:
    third = (
        '  again: {type: deployment, image: "lscr.io/linuxserver/radarr:1.0.0", '
        "nodeSelector: {gpu: amd}, volumes: {/c: /srv/media}}"
    )
    assert codes(SHARED.format(RADARR, "/srv/media", SONARR, "/srv/media") + third) == ["WKL011"]


@pytest.mark.parametrize("folder", ["/dev/dri", "/dev/bus/usb", "/dev/serial/by-id"])
def test_devices_are_for_privileged_pods(folder: str) -> None:
    assert codes(PROGRAM.format("true", folder)) == []
    assert codes(PROGRAM.format("false", folder)) == ["WKL009"]


@pytest.mark.parametrize("folder", ["/dev", "/dev/disk", "/dev/drive", "/etc"])
def test_what_else_is_the_system_s_stays_so(folder: str) -> None:
    assert codes(PROGRAM.format("true", folder)) == ["WKL009"]


@pytest.mark.parametrize("folder", ["/run/dbus", "/run/udev", "/run/dbus/system"])
def test_sockets_are_there_anew(folder: str) -> None:
    assert codes(PROGRAM.format("false", folder)) == []


@pytest.mark.parametrize("folder", ["/run/home", "/run/dbus-data", "/tmp/home"])
def test_data_is_not_kept_among_sockets(folder: str) -> None:
    assert codes(PROGRAM.format("false", folder)) == ["WKL010"]


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("/var/lib/a", "/var/lib/a/db", ["WKL011"]),
        ("/var/lib/a/db/deep", "/var/lib/a", ["WKL011"]),
        ("/var/lib/a", "/var/lib/ab", []),
        ("/srv/media", "/srv/media/new", []),  # a library
        ("/srv/films", "/srv/films/new", ["WKL011"]),
        ("/srv/radarr", "/srv/radarr/new", []),
    ],
)
def test_a_folder_inside_that_of_another(one: str, other: str, found: list[str]) -> None:
    assert codes(SHARED.format(RADARR, one, SONARR, other)) == found


def test_the_folder_inside_is_where_it_is_told() -> None:
    (found,) = report(SHARED.format(RADARR, "/var/lib/a/db", SONARR, "/var/lib/a"))
    assert found.path[:2] == ("workloads", "films")
    assert "keeps data in /var/lib/a/db, inside a folder of" in found.message


def test_folders_of_one_workload_may_lie_in_each_other() -> None:
    patch = SHARED.format(RADARR, "/var/lib/a", SONARR, "/var/lib/b").replace(
        "volumes: {", "volumes: {/more: /var/lib/a/more, ", 1
    )
    assert codes(patch) == []


def test_a_workload_in_a_folder_of_the_system_is_told_that_alone() -> None:
    assert codes(SHARED.format(RADARR, "/var/lib", SONARR, "/var/lib/b")) == ["WKL009"]


@pytest.mark.parametrize(("name", "moving"), [("films", "series"), ("series", "films"), ("a", "series")])
def test_the_one_whose_folder_it_is_not_gets_another(name: str, moving: str) -> None:
    (found,) = report(SHARED.format(RADARR, f"/var/lib/{name}", SONARR, f"/var/lib/{name}"))
    assert found.hint == f"give workload {moving!r} a folder of its own, like /var/lib/{moving}"

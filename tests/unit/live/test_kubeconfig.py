"""The admin's kubeconfig: where it leads, and that nobody else can read what is kept of it."""

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybridlab import LiveError
from hybridlab.live.kubeconfig import api_server_of, default_path, save, server_of
from patched import cluster
from programs import need_program

KEY = "the key"


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Nobody's umask helps."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    need_program("git")
    folder = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_server_is_the_address_that_the_certificate_has() -> None:
    assert server_of(cluster("")) == "https://10.0.20.10:6443"


def test_server_on_a_host_is_the_one_of_the_vlan_of_kubernetes() -> None:
    """Not the one in the admin's own VLAN: NixOS's certificate does not have it."""
    patch = """
      hosts: {homelab: {kubernetes: {role: control-plane}}}
      guests: {k8s-master: {kubernetes: {role: worker}}}
    """
    assert server_of(cluster(patch)) == "https://10.0.20.5:6443"


def test_server_of_ipv6_is_in_brackets() -> None:
    patch = """
      networks: {vlans: {services: {cidr: "fd00:20::/64", gateway: "fd00:20::1"}}}
      hosts: {homelab: {addresses: {services: "fd00:20::5"}}}
      guests: {k8s-master: {address: "fd00:20::10"}, k8s-worker-1: {address: "fd00:20::11"}}
    """
    assert server_of(cluster(patch)) == "https://[fd00:20::10]:6443"


def test_nobody_may_use_the_api_server() -> None:
    closed = cluster("admin: {sshFrom: []}")
    assert api_server_of(closed) is None
    with pytest.raises(LiveError, match="no VLAN"):
        server_of(closed)


def test_no_control_plane() -> None:
    with pytest.raises(LiveError, match="no control plane"):
        server_of(cluster("guests: {k8s-master: {kubernetes: {role: worker}}}"))


def test_default_is_private_beside_kubectl_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = default_path(cluster(""))
    save(KEY, path)
    assert (path, path.read_text()) == (tmp_path / ".kube/hybridlab-homelab", KEY)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("mine")
    with pytest.raises(LiveError, match="--force"):
        save(KEY, path)
    assert path.read_text() == "mine"


def test_replacing_leaves_a_private_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("old")
    path.chmod(0o644)
    with path.open() as old:
        save(KEY, path, replace=True)
        assert old.read() == "old", "who has the old file open must not read the new one"
    assert (path.read_text(), mode(path), [*tmp_path.iterdir()]) == (KEY, 0o600, [path])


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("not this")
    path = tmp_path / "config"
    path.symlink_to(other)
    save(KEY, path, replace=True)
    assert (path.read_text(), other.read_text(), path.is_symlink()) == (KEY, "not this", False)


def test_what_can_not_be_replaced_leaves_no_copy(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    with pytest.raises(OSError):
        save(KEY, tmp_path / "config", replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["config"]


@pytest.mark.parametrize("name", ["config", "new/folder/config", "../repository/config"])
@pytest.mark.parametrize("force", [False, True])
def test_what_git_would_commit_is_refused(repository: Path, name: str, force: bool) -> None:
    with pytest.raises(LiveError, match="would be committed"):
        save(KEY, repository / name, replace=force)
    assert [path.name for path in repository.iterdir()] == [".git"]


def test_a_link_into_a_repository_is_seen(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").symlink_to(repository)
    with pytest.raises(LiveError, match="would be committed"):
        save(KEY, tmp_path / "outside/config")


def test_what_git_ignores_may_be_there(repository: Path) -> None:
    (repository / ".gitignore").write_text("*.kubeconfig\n")
    save(KEY, repository / "lab.kubeconfig")
    assert mode(repository / "lab.kubeconfig") == 0o600


def test_a_file_that_git_tracks_is_not_ignored(repository: Path) -> None:
    path = repository / "lab.kubeconfig"
    path.write_text("")
    subprocess.run(["git", "-C", str(repository), "add", path.name], check=True)
    (repository / ".gitignore").write_text("*.kubeconfig\n")
    with pytest.raises(LiveError, match="would be committed"):
        save(KEY, path, replace=True)

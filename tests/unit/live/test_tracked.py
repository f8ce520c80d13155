"""Which files a flake does not see."""

import subprocess
from pathlib import Path

import pytest

from hybridlab import LiveError
from hybridlab.live.tracked import untracked
from programs import need_program

ODD = 'secrets/-ö "q" *.yaml'


def test_all_is_seen_outside_a_repository(tmp_path: Path) -> None:
    assert untracked(tmp_path, ["flake.nix", "k8s/x.yaml"]) == ()


@pytest.mark.parametrize("below", ["", "homelab/"])
def test_only_what_git_tracks_is_seen_within_one(tmp_path: Path, below: str) -> None:
    git = need_program("git")
    folder = tmp_path / below
    for name in ("flake.nix", "k8s/a.yaml", "k8s/b.yaml", ODD):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    subprocess.run([git, "init", "--quiet", str(tmp_path)], check=True)
    subprocess.run([git, "-C", str(tmp_path), "add", f"{below}flake.nix", f"{below}k8s/a.yaml"], check=True)
    names = ["flake.nix", "k8s/a.yaml", "k8s/b.yaml", ODD, "not-there.nix"]
    assert untracked(folder, names) == ("k8s/b.yaml", "not-there.nix", ODD)
    subprocess.run([git, "-C", str(tmp_path), "add", "--all"], check=True)
    assert untracked(folder, names) == ("not-there.nix",)


def test_without_git_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LiveError, match="git is not installed"):
        untracked(tmp_path, ["flake.nix"])

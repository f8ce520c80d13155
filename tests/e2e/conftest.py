"""Homelabs whose sops files are real: before `secrets init`, after it, and with pods that have secrets."""

from pathlib import Path

import pytest

from sops_homelab import APP, Homelab, make_homelab


@pytest.fixture
def homelab(tmp_path: Path) -> Homelab:
    return make_homelab(tmp_path)


@pytest.fixture
def initialized(homelab: Homelab) -> Homelab:
    first = homelab.run("secrets", "init")
    homelab.add(first.stdout)
    second = homelab.run("secrets", "init")
    assert (first.returncode, second.returncode) == (1, 0), first.stderr + second.stderr
    return homelab


@pytest.fixture
def with_app(homelab: Homelab) -> Homelab:
    text = homelab.spec.read_text(encoding="utf-8")
    homelab.spec.write_text(text.replace("\nworkloads:\n", APP), encoding="utf-8")
    homelab.add(homelab.run("secrets", "init").stdout)
    return homelab


@pytest.fixture
def befriended(homelab: Homelab) -> Homelab:
    """All is there, and a friend can read it, whose key is `friend`."""
    homelab.change("\nworkloads:\n", APP)
    homelab.add(f"friend: {homelab.make_key('friend')}")
    homelab.add(homelab.run("secrets", "init").stdout)
    for *arguments, given in (
        ("init", ""),
        ("set", "app/password", "one value"),
        ("set", "app/key", "one more"),
    ):
        run = homelab.run("secrets", *arguments, key="admin", given=given)
        assert run.returncode == 0, run.stderr
    homelab.sops("set", "secrets/secrets.yaml", '["mine"]', '"kept"', key="admin")
    return homelab

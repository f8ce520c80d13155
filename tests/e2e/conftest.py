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
def befriended(with_app: Homelab) -> Homelab:
    """All is there, and a friend can read it, whose key is `friend`."""
    with_app.add(f"friend: {with_app.make_key('friend')}")
    for arguments, key in ((("rekey",), "admin"), (("init",), None)):
        run = with_app.run("secrets", *arguments, key=key)
        assert run.returncode == 0, run.stderr
    for name in ("password", "key"):
        run = with_app.run("secrets", "set", f"app/{name}", key="admin", given=f"value of {name}")
        assert run.returncode == 0, run.stderr
    with_app.sops("set", "secrets/secrets.yaml", '["mine"]', '"kept"', key="admin")
    for file in ("secrets/secrets.yaml", "secrets/workloads.yaml", "secrets/homelab-guests.yaml"):
        with_app.decrypt(file, "friend")
    assert with_app.codes() == []
    return with_app

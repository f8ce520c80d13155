"""A lab: a stand-in for every machine of a cluster, and the ssh that reaches them."""

import contextlib
import importlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen

from hybridlab import Cluster
from hybridlab.live.ssh import Ssh
from live.sshd import Reached, client_config, free_port, make_key
from live.standin.furnish import furnish
from live.standin.machine import Machine
from live.standin.played import Played, wait_for
from programs import need_program

__all__ = ["Lab", "Played", "find_plays", "lab", "wait_for"]

_CODE = Path(__file__).parent
_PYTHON = Path("/usr/bin/python3")


@frozen
class Lab:
    """The machines of a cluster; `folder` has one of theirs for each, and `_client` with what ssh needs."""

    cluster: Cluster = field(repr=False)
    folder: Path
    machines: Mapping[str, Played] = field(repr=False)

    def machine(self, name: str) -> Played:
        return self.machines[name]

    @property
    def client(self) -> Path:
        """The folder with `config`, `id` and `known_hosts`, and an empty HOME."""
        return self.folder / "_client"

    @property
    def options(self) -> tuple[str, ...]:
        """What ssh needs to know to find the machines."""
        return ("-F", str(self.client / "config"))

    @property
    def ssh(self) -> Ssh:
        return Ssh(self.options)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment in which the real command line finds the machines."""
        mine = {"NIX_SSHOPTS": shlex.join(self.options), "HOME": str(self.client / "home")}
        return {**os.environ, **mine}

    def know(self, machines: Iterable[str]) -> None:
        """Write a known_hosts with the keys that these machines have now, and no others."""
        lines = []
        for name in machines:
            kind, key, _ = (self.machine(name).folder / "sshd/host.pub").read_text().split(maxsplit=2)
            lines += [f"{address} {kind} {key}\n" for address in self.machine(name).addresses]
        (self.client / "known_hosts").write_text("".join(lines))


@contextlib.contextmanager
def lab(cluster: Cluster, folder: Path) -> Iterator[Lab]:
    """Make a lab in `folder`, which has to be empty; its machines are up, healthy and known to ssh.

    Skips the test if it is not root, or sshd, ssh or unshare are missing.
    """
    _need_what_it_takes()
    with contextlib.ExitStack() as stack:
        power = stack.enter_context(_power())
        client = folder / "_client"
        (client / "home").mkdir(parents=True)
        key = make_key(client / "id")
        plays = find_plays()
        machines = {}
        for machine in cluster.machines:
            played = Played(
                name=machine.name,
                folder=folder / machine.name,
                addresses=tuple(str(leg.address) for leg in machine.legs),
                port=free_port(),
                machine=Machine(folder / machine.name, root=folder / machine.name / "root"),
                power=power,
            )
            furnish(played, cluster, machine, plays, key)
            power("on", played.folder)
            machines[machine.name] = played
        reached = [Reached(address, one.port) for one in machines.values() for address in one.addresses]
        (client / "config").write_text(client_config(client, reached))
        made = Lab(cluster, folder, machines)
        made.know(machines)
        for played in machines.values():
            played.wait_up()
        yield made


def find_plays() -> Mapping[str, Any]:
    """Return the modules with plays, by name."""
    names = sorted(file.stem for file in _CODE.glob("plays_*.py"))
    return {name: importlib.import_module(f"live.standin.{name}") for name in names}


def _need_what_it_takes() -> None:
    """Skip the test, or fail it where HYBRIDLAB_REQUIRE has sshd, where no machines can be played."""
    for program in ("ssh", "sshd", "unshare"):
        need_program(program)
    said = ""
    if os.geteuid() != 0:
        said = "they log root in and have mounts of their own: run this as root"
    elif not _PYTHON.exists():
        said = "they run /usr/bin/python3: install python3 (Debian)"
    else:
        words = ["unshare", "--mount", "--pid", "--uts", "--fork", "mount", "--make-rprivate", "/"]
        said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20).stderr
    if said:
        required = "sshd" in os.environ.get("HYBRIDLAB_REQUIRE", "").split()
        (pytest.fail if required else pytest.skip)(f"no stand-in machines can be made here: {said}")


@contextlib.contextmanager
def _power() -> Iterator[Callable[[str, Path], None]]:
    with subprocess.Popen(
        [sys.executable, "-I", "-S", str(_CODE / "power.py")], stdin=subprocess.PIPE, text=True
    ) as process:
        orders = process.stdin
        assert orders is not None

        def order(what: str, folder: Path) -> None:
            orders.write(f"{what} {folder}\n")
            orders.flush()

        yield order

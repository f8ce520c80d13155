"""A person's own machine, from which a lab is deployed: the real command line, a real flake and a real Nix.

It has a Nix store of its own, in a mount namespace, so that what it builds has to be copied to the machines.
What the flake builds are stand-in systems (standin/plays_generations.py), one label after the other.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

import hybridlab
from hybridlab.live.targets import address_of
from hybridlab.model.node import Host
from live.standin.lab import Lab, Played, wait_for
from live.standin.machine import Link
from live.standin.plays_generations import current_generation, generations, system_files
from nix.flakes import REPOSITORY
from programs import need_program

_NIX_CONFIG = """
build-users-group =
sandbox = false
substituters =
flake-registry =
warn-dirty = false
"""
_FLAKE = """{
  outputs = { self }: {
    nixosConfigurations = builtins.mapAttrs (name: label: {
      config.system.build.toplevel = derivation {
        name = "nixos-system-${name}-26.05.${label}";
        system = "SYSTEM";
        builder = "/bin/sh";
        args = [ "-c" "/bin/cp -a $files $out" ];
        files = ./systems + "/${name}";
      };
    }) (builtins.fromJSON (builtins.readFile ./labels.json));
  };
}
"""
# What it builds lies in a store of its own.
_INSIDE = ("unshare", "--mount", "sh", "-c", 'mount --bind "$1" /nix && shift && exec "$@"', "sh")


@frozen
class Deployer:
    """Deploys the machines of `lab` from the flake in `folder`; `nix` is its store."""

    lab: Lab
    folder: Path
    nix: Path
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, lab: Lab, spec: str, folder: Path) -> "Deployer":
        """Make one in `folder`, which does not exist yet, with the spec's generated files.

        Machines see it come from the last address of the admin's VLAN, and the key of the spec is its own.
        """
        for program in ("nix", "nix-store", "unshare"):
            need_program(program)
        Path("/nix").mkdir(exist_ok=True)
        flake, nix = folder / "flake", folder / "nix"
        flake.mkdir(parents=True)
        nix.mkdir()
        for machine in lab.cluster.machines:
            address, home = address_of(lab.cluster, machine), lab.cluster.admin.vlans[0].network
            ends = f"{home[-2]} 50022 {address} 22\n"
            (lab.machine(machine.name).folder / "connection").write_text(ends)
        if lab.cluster.secrets is not None:
            shutil.copytree(REPOSITORY / "secrets", flake / "secrets")
        (flake / "flake.nix").write_text(_FLAKE.replace("SYSTEM", f"{os.uname().machine}-linux"))
        environment = {
            **lab.environment,
            "NIX_CONFIG": _NIX_CONFIG,
            "PYTHONPATH": str(REPOSITORY / "pylib"),
            "PYTHONUNBUFFERED": "1",
        }
        made = cls(lab, flake, nix, environment)
        made.write(spec)
        made.offer({})
        return made

    def write(self, spec: str) -> None:
        """Write the spec, with its admin's key replaced by that of the lab, and what is generated from it."""
        file = self.folder / "cluster.yaml"
        own = (self.lab.client / "id.pub").read_text().strip()
        file.write_text(re.sub(r"ssh-ed25519 \S+ \S+@example", own, spec))
        cluster = hybridlab.resolve(hybridlab.load_spec(file))
        hybridlab.apply(hybridlab.plan(hybridlab.emit_all(cluster), self.folder))

    @property
    def hosts(self) -> tuple[Host, ...]:
        return self.lab.cluster.hosts

    def offer(self, effects: Mapping[str, Any], label: str = "second", **of_host: Mapping[str, Any]) -> None:
        """Let the flake have new systems with these effects, or a host's own ones.

        `kernel` among them is the version of its kernel.
        """
        lines = [f'"{host.name}": "{label}"' for host in self.hosts]
        (self.folder / "labels.json").write_text(f"{{{', '.join(lines)}}}")
        shutil.rmtree(self.folder / "systems", ignore_errors=True)
        for host in self.hosts:
            mine = of_host.get(host.name.replace("-", "_"), effects)
            for name, content in system_files(host.name, label, mine, mine.get("kernel", "6.18.1")).items():
                file = self.folder / "systems" / host.name / name
                file.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, Link):
                    file.symlink_to(content.target)
                else:
                    file.write_text(content)
                    file.chmod(0o755)

    def command(self, *words: str) -> tuple[str, ...]:
        """Return what runs a command of hybridlab, in the folder and the environment of this machine."""
        spec = str(self.folder / "cluster.yaml")
        return (*_INSIDE, str(self.nix), sys.executable, "-m", "hybridlab", "--spec", spec, *words)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Begin a command of hybridlab; its process is a group of its own, as a terminal's."""
        return subprocess.Popen(
            self.command(*words),
            env=dict(self.environment),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command of hybridlab to its end."""
        process = self.start(*words)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"{words} did not end within {seconds} s:\n{out}\n{err}") from None
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def deploy(self, *more: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        return self.run("deploy", *QUICK, *more, seconds=seconds)


# No question, and no host waits for long.
QUICK = ("--yes", "--reach", "5s", "--health", "10s", "--steady", "0s")


def settled(machine: Played, seconds: float = 60) -> str:
    """Wait until a machine has settled on one system; return its label.

    Then it runs this one, starts with it, and its profile has it, or the test fails.
    """

    def is_quiet() -> bool:
        units = machine.state.get("transient", {})
        return machine.state.get("boots", 0) > 0 and not any(
            unit.get("ActiveState") in ("active", "activating", "deactivating") for unit in units.values()
        )

    machine.wait_up()
    wait_for(is_quiet, f"{machine.name} settles", lambda: str(machine.state.get("transient")), seconds)
    time.sleep(0.1)
    runs = str((machine.root / "run/current-system").readlink())
    starts = machine.state["boot_default"]
    number = current_generation(machine.machine)
    profile = generations(machine.machine)[number]
    assert runs == starts == profile, f"{machine.name} runs {runs}, starts {starts}, has {profile}"
    return runs.rpartition(".")[2]

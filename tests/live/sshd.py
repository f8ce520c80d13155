"""Throw-away keys, and the configuration of an sshd and of the ssh that reaches it, on loopback."""

import shlex
import socket
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import frozen


def make_key(file: Path) -> str:
    """Make a key pair, `file` and `file`.pub, and return the public key: its type and itself."""
    for old in (file, file.with_name(f"{file.name}.pub")):
        old.unlink(missing_ok=True)
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "throw-away", "-f", str(file)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, timeout=30)
    kind, key, _ = file.with_name(f"{file.name}.pub").read_text().split(maxsplit=2)
    return f"{kind} {key}"


def free_port() -> int:
    """Return a port of loopback at which nobody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def server_config(folder: str, port: int, command: str, environment: Mapping[str, str]) -> str:
    """Return an sshd_config(5) whose files are in `folder`; every login is given `command` to run."""
    variables = " ".join(shlex.quote(f"{name}={value}") for name, value in environment.items())
    return f"""\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile /run/sshd.pid
Banner {folder}/banner
ForceCommand {command}
SetEnv {variables}
PermitRootLogin yes
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
UseDNS no
MaxStartups 200
MaxSessions 100
PrintMotd no
LogLevel VERBOSE
"""


@frozen
class Reached:
    """Where an address of the model is to be found; `key` is the host's public key, if it is known."""

    address: str
    port: int


def client_config(folder: Path, reached: Iterable[Reached]) -> str:
    """Return an ssh_config(5) that finds addresses of the model on loopback, and nothing anywhere else."""
    hosts = "".join(
        f"Host {one.address}\n  HostName 127.0.0.1\n  Port {one.port}\n  HostKeyAlias {one.address}\n"
        for one in reached
    )
    return f"""\
{hosts}
Host *
  HostName 127.0.0.1
  Port 1
  IdentityFile {folder}/id
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
"""

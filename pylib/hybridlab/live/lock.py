"""A lock on a machine that whoever deploys to it holds, for as long as they are there and connected."""

import contextlib
import getpass
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hybridlab.errors import LiveError
from hybridlab.live.ssh import Ssh
from hybridlab.spec.scalars import Address

_BEAT_SECONDS = 15
# The kernel lets go of the lock when this ends: when the connection does, or no beat came for a minute.
# `holder` is only for people to read: whether it is locked, flock says.
_HOLD = """\
umask 077
mkdir -p /run/hybridlab
exec flock --nonblock --conflict-exit-code 75 /run/hybridlab/lock sh -c '
  printf "%s" "$1" >/run/hybridlab/holder
  echo held
  while [ -n "$(timeout 60 head -c 1)" ]; do :; done
' sh "$1"
"""
_BUSY = 75


@contextmanager
def hold(ssh: Ssh, address: Address, name: str) -> Iterator[None]:
    """Hold the lock of machine `name` at `address`. Raises: LiveError, which names who else holds it."""
    command = ssh.command(address, ["sh", "-c", _HOLD, "sh", _who()], fresh=True)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=dict(ssh.environment),
            # Ctrl-C is ours to handle: the lock is held until the machine stands where it should.
            start_new_session=True,
        )
    except OSError as error:
        raise LiveError(f"can not run ssh: {error.strerror}") from error
    with process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        try:
            if process.stdout.readline().strip() != "held":
                raise LiveError(_refusal(ssh, address, name, process))
            over = threading.Event()
            heart = threading.Thread(target=_beat, args=(process, over), daemon=True)
            heart.start()
            try:
                yield
            finally:
                over.set()
                heart.join()
        finally:
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def _beat(process: subprocess.Popen[str], over: threading.Event) -> None:
    assert process.stdin is not None
    while not over.wait(_BEAT_SECONDS):
        try:
            process.stdin.write(".")
            process.stdin.flush()
        except OSError:
            return


def _refusal(ssh: Ssh, address: Address, name: str, process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = process.stderr.read().strip()
    if process.wait() != _BUSY:
        return f"can not lock {name}: {said.splitlines()[-1] if said else 'the connection was cut'}"
    run = ssh.run(address, ["cat", "/run/hybridlab/holder"], seconds=30)
    holder = getattr(run, "stdout", "").strip() or "somebody who has not said who"
    return f"{name} is being deployed by {holder}: wait for its end"


def _who() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()} (process {os.getpid()})"

"""A lock on a machine that whoever deploys to it holds, for as long as they are there and connected."""

import contextlib
import getpass
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field

from hybridlab.errors import LiveError
from hybridlab.live.checks.answers import shorten
from hybridlab.live.ssh import Ssh
from hybridlab.spec.scalars import Address

_BEAT_SECONDS = 15
_END_SECONDS = 10
_ANSWER_SECONDS = 60
_MOST_CHARACTERS = 1000
_PAUSE_SECONDS = 2
# Longer than the minute after which a machine lets go of the lock of a connection that is silent.
_NOTICED_SECONDS = 90
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


@define
class Lock:
    """The lock of machine `name`, held from `take` to `release`.

    `addresses`: where the machine may be, the likeliest first; while the lock is held, it is at the first.
    """

    ssh: Ssh
    addresses: tuple[Address, ...]
    name: str
    _process: "subprocess.Popen[str] | None" = field(default=None, init=False)
    _over: threading.Event = field(factory=threading.Event, init=False)

    def take(self) -> bool:
        """Take it, unless it is held; return whether it had to be taken.

        A connection that broke has lost it, and until now somebody else may have had it.

        Raises: LiveError, which names who else holds it.
        """
        if self._process is not None and self._process.poll() is None:
            return False
        self.release()
        refusals = []
        for address in self.addresses:
            refusal = self._take_at(address)
            if refusal is None:
                self.addresses = tuple(dict.fromkeys((address, *self.addresses)))
                return True
            refusals.append(refusal)
        raise LiveError(f"can not lock {self.name}: {'; '.join(refusals)}")

    def _take_at(self, address: Address) -> str | None:
        """Take it at one address, and return why it can not be taken there.

        Raises: LiveError, which names who else holds it.
        """
        end = time.monotonic() + _NOTICED_SECONDS
        while True:
            process = self._begin(address)
            if _answer(process) == "held":
                threading.Thread(target=_beat, args=(process, self._over), daemon=True).start()
                return None
            try:
                why = self._refusal(process)
            finally:
                self.release()
            if why is not None:
                return why
            holder = self._holder(address)
            # We ourselves: it has not noticed yet that the connection is gone.
            if holder != _who() or time.monotonic() > end:
                raise LiveError(f"{self.name} is being deployed by {holder}: wait for its end")
            time.sleep(_PAUSE_SECONDS)

    def _begin(self, address: Address) -> "subprocess.Popen[str]":
        command = self.ssh.command(address, ["sh", "-c", _HOLD, "sh", _who()], fresh=True)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env=dict(self.ssh.environment),
                # Ctrl-C is ours to deal with: it is held until the machine stands where it should.
                start_new_session=True,
            )
        except OSError as error:
            raise LiveError(f"can not run ssh: {error.strerror}") from error
        self._process, self._over = process, threading.Event()
        return process

    def release(self) -> None:
        """Let go of it."""
        self._over.set()
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _refusal(self, process: "subprocess.Popen[str]") -> str | None:
        """Return why there is no lock; None if it is somebody's."""
        try:
            _, said = process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            _, said = process.communicate()
        said = said.strip()
        if process.returncode == _BUSY:
            return None
        return shorten(said.splitlines()[-1]) if said else "the connection was cut"

    def _holder(self, address: Address) -> str:
        run = self.ssh.run(address, ["cat", "/run/hybridlab/holder"], seconds=30)
        return shorten(getattr(run, "stdout", "")) or "somebody who has not said who"


@contextmanager
def hold(ssh: Ssh, addresses: tuple[Address, ...], name: str) -> Iterator[Lock]:
    """Hold the lock of machine `name` at one of these addresses, as long as the connection does.

    Raises: LiveError, which names who else holds it.
    """
    lock = Lock(ssh, addresses, name)
    lock.take()
    try:
        yield lock
    finally:
        lock.release()


def _answer(process: "subprocess.Popen[str]") -> str:
    """Return the first line of what it says, in time; one that says nothing, or no end of it, is ended."""
    assert process.stdout is not None
    late = threading.Timer(_ANSWER_SECONDS, process.kill)
    late.start()
    try:
        return process.stdout.readline(_MOST_CHARACTERS).strip()
    finally:
        late.cancel()


def _beat(process: "subprocess.Popen[str]", over: threading.Event) -> None:
    assert process.stdin is not None
    while not over.wait(_BEAT_SECONDS):
        try:
            process.stdin.write(".")
            process.stdin.flush()
        except (OSError, ValueError):  # it ended, or was closed
            return


def _who() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()} (process {os.getpid()})"

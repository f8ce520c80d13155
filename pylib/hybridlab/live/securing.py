"""Keeps a host locked until something is done to it, and as it was when that was planned."""

import time
from collections.abc import Callable

from attrs import evolve

from hybridlab.errors import LiveError
from hybridlab.live.lock import Lock
from hybridlab.live.preflight import Problem, Seen, look
from hybridlab.live.ssh import Ssh

_PAUSE_SECONDS = 3


def secure(lock: Lock, seen: Seen, ssh: Ssh, say: Callable[[str], object]) -> None:
    """Take the lock anew if its connection broke, and look whether the host still is as it was `seen`.

    `say` hears that it broke. Raises: LiveError, if somebody else has the lock now, or had it meanwhile.
    """
    if not lock.take():
        return
    name = seen.target.name
    say(f"{name}: the connection that locked it broke; looking whether somebody was there meanwhile")
    # Its address may have changed, which is why it broke.
    there = evolve(seen.target, address=lock.addresses[0])
    while isinstance(now := look(ssh, there, brings=False), Seen) and now.busy:
        time.sleep(_PAUSE_SECONDS)
    if isinstance(now, Problem):
        raise LiveError(f"{name} {now.message}; {now.hint}")
    if (now.current, now.profile) != (seen.current, seen.profile):
        raise LiveError(
            f"{name} is not as it was left: it runs {now.current} and starts with {now.profile}, so somebody "
            f"was there while the connection was broken; `hybridlab status` says more"
        )

"""Identities of guests, from their names alone: adding, moving or reordering a guest changes no other's.

Derived values do not look at each other; should two ever collide, a rule says so and one can be pinned.
"""

import hashlib

from hybridlab.model.node import Identity
from hybridlab.spec.machine import GuestSpec

_IFNAMSIZ = 15  # characters of an interface's name (linux/if.h: 16 with the final NUL)
_FIRST_CID, _LAST_CID = 3, 2**32 - 2


def allocate_identity(cluster: str, name: str, guest: GuestSpec) -> Identity:
    """Return the identity of guest `name` in `cluster`, with what the spec pins put in place."""
    derived = {
        "mac": _mac(_digest("mac", cluster, name)),
        "tap": _tap(name, _digest("tap", cluster, name)),
        "cid": _cid(_digest("cid", cluster, name)),
        "machine_id": _digest("machine-id", cluster, name)[:16].hex(),
    }
    pinned = {key: value for key in derived if (value := getattr(guest, key)) is not None}
    return Identity(**{**derived, **pinned}, pinned=frozenset(pinned))


def _digest(purpose: str, *names: str) -> bytes:
    # Names are DNS labels, so the separator can not stand in one.
    return hashlib.sha256("/".join(("hybridlab", purpose, *names)).encode()).digest()


def _mac(digest: bytes) -> str:
    """A locally administered unicast address (IEEE 802: second bit of the first byte set, first one not)."""
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def _tap(name: str, digest: bytes) -> str:
    """The readable name where it fits."""
    readable = f"vm-{name}"
    return readable if len(readable) <= _IFNAMSIZ else f"vm-{digest[:6].hex()}"


def _cid(digest: bytes) -> int:
    return _FIRST_CID + int.from_bytes(digest[:8], "big") % (_LAST_CID - _FIRST_CID + 1)

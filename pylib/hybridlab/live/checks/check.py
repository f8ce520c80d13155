"""A check: what is asked, of whom, and how the answer is judged; who asks, and how, is not known here.

A judge sees answers only: whatever could not be asked or did not answer is `CouldNotLook`, and whatever waits
for another check that is not well is `Skipped`, before any judge is called.
"""

import enum
from collections.abc import Callable

from attrs import field, frozen

from hybridlab.live.probe import Probe
from hybridlab.spec.scalars import Address


class Phase(enum.Enum):
    """What a check is about, in the order in which broken things are to be mended."""

    MACHINES = "machines"
    NETWORK = "network"
    SECRETS = "secrets"
    GPU = "gpu"
    CLUSTER = "cluster"
    WORKLOADS = "workloads"


@frozen
class Ok:
    """As expected; `found` is what was found, in a few words."""

    found: str = ""


@frozen
class Failed:
    """Not as expected: `expected` and `found` in a few words each, and what to do (`advice`, a sentence)."""

    expected: str
    found: str
    advice: str


@frozen
class Skipped:
    """Not looked at, and for a good `reason`."""

    reason: str


@frozen
class CouldNotLook:
    """Nobody knows: it should have been looked at, and there was no answer."""

    reason: str


Verdict = Ok | Failed | Skipped | CouldNotLook


@frozen
class Remote:
    """A probe on a machine of the cluster; its answer is an Output that is fine (Probe.fine)."""

    machine: str
    probe: Probe


@frozen
class Ping:
    """One ping from here to an address; its answer is Answers or Silent (live.ping)."""

    address: Address


@frozen
class Http:
    """An HTTP request from here; its answer is an HttpAnswer, or Refused if nothing answered.

    `post`: the JSON text to send, without it it is a GET. `seconds`: how long the whole may take.
    """

    url: str
    post: str | None = None
    seconds: int = 10


@frozen
class HttpAnswer:
    status: int
    body: str


@frozen
class Refused:
    """The connection was refused, or there was no answer in time; `how` says which."""

    how: str


@frozen
class Connect:
    """A TCP connection from here, closed at once; its answer is Connected, or Refused."""

    address: Address
    port: int
    seconds: int = 5


@frozen
class Connected:
    """Something took the connection."""


@frozen
class Source:
    """With which address of its own this machine would talk to another one; nothing is sent.

    Its answer is SourceAddress, or Refused if there is no way to it.
    """

    address: Address


@frozen
class SourceAddress:
    address: Address


Look = Remote | Ping | Http | Connect | Source


@frozen
class Key:
    """What identifies a check: its code (`unit.active`), the machine that it is about, and what of it."""

    code: str
    machine: str | None = None
    subject: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.code, self.machine, self.subject) if part)


@frozen
class Check:
    """One item of the checklist.

    `title`: what has to be so, with the values of the spec, as a clause ("unit kubelet.service is active").
    `judge` is called with the answer to each of `looks`, in their order. `needs`: checks that have to be
    well before this one says anything; one that is not among all checks counts for nothing. Whether a
    machine can be reached at all needs no mention. `even_unreached`: a need that could not be looked at, for
    its machine can not be reached, does not keep it from being looked at: then one wants to know.
    """

    key: Key
    phase: Phase
    title: str
    looks: tuple[Look, ...]
    judge: Callable[..., Verdict] = field(eq=False, repr=False)
    needs: tuple[Key, ...] = ()
    even_unreached: bool = False

    @property
    def machines(self) -> frozenset[str]:
        """The machines that it is about or asks."""
        asked = {look.machine for look in self.looks if isinstance(look, Remote)}
        return frozenset(asked if self.key.machine is None else {*asked, self.key.machine})


@frozen
class Result:
    """What a check came to."""

    check: Check
    verdict: Verdict

"""The generations of NixOS that a host can go back to, as its profile has them; nothing is changed here."""

import re

from attrs import frozen

from hybridlab.errors import LiveError
from hybridlab.live.checks.answers import shorten
from hybridlab.live.paths import PROFILE, is_store_path
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.spec.scalars import Address

# `   41   2026-05-28 20:26:40   (current)` (Nix, src/nix-env/nix-env.cc).
_LINE = re.compile(r" *([0-9]{1,9}) +([0-9-]{10} [0-9:]{8}) *(\(current\))? *")
_SECONDS = 30


@frozen
class Generation:
    """A generation by its number: when it was `made`, in the host's time; the host starts the current one."""

    number: int
    made: str
    is_current: bool


def generations(ssh: Ssh, address: Address) -> tuple[Generation, ...]:
    """Return the generations of a host, by number. Raises: LiveError if it does not list them."""
    text = _output(ssh, address, "nix-env", "--profile", PROFILE, "--list-generations")
    found = [_LINE.fullmatch(line) for line in text.splitlines()]
    known = tuple(Generation(int(one[1]), one[2], one[3] is not None) for one in found if one)
    if not known or len(known) < len(found):
        raise LiveError("nix-env lists generations in another way than is known")
    return known


def earlier(known: tuple[Generation, ...], wanted: int | None) -> Generation:
    """Return the generation `wanted`, or the last one before the current one. Raises: LiveError."""
    current = next((one.number for one in known if one.is_current), None)
    fits = [one for one in known if one.number == wanted]
    if wanted is None:
        fits = [one for one in known if current is not None and one.number < current]
    if not fits:
        there = ", ".join(str(one.number) for one in known) or "none"
        what = "an earlier generation" if wanted is None else f"a generation {wanted}"
        raise LiveError(f"it has not {what}; there are: {there}")
    return fits[-1]


def system_of(ssh: Ssh, address: Address, generation: Generation) -> str:
    """Return the store path of a generation. Raises: LiveError."""
    path = _output(ssh, address, "readlink", "-f", f"{PROFILE}-{generation.number}-link").strip()
    if not is_store_path(path):
        raise LiveError(
            f"generation {generation.number} is no system in the store: {shorten(path) or 'nothing'}"
        )
    return path


def _output(ssh: Ssh, address: Address, *words: str) -> str:
    run = ssh.run(address, words, seconds=_SECONDS)
    if isinstance(run, Unreachable):
        raise LiveError(f"it can not be reached: {run}; {run.advice}")
    if run.status:
        said = run.complaint(words[0]) or f"status {run.status}"
        raise LiveError(f"{words[0]} can not be run on it: {said}")
    return run.stdout

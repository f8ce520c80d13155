"""How findings say things: short lists and near misses; it knows no cluster."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

_MOST_CHOICES = 1000  # comparing with more takes longer than the suggestion is worth


def listed(things: Sequence[object], most: int = 3) -> str:
    """Return `a`, `a and b`, `a, b and c`, or `a, b, c and 4 more`."""
    names = [str(thing) for thing in things[:most]]
    if len(things) > most:
        names.append(f"{len(things) - most} more")
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def counted(number: int, noun: str) -> str:
    """Return `1 GPU`, `2 GPUs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def labels(selector: Mapping[str, str]) -> str:
    """Return labels as kubectl writes them: `gpu=amd,node-type=baremetal`."""
    return ",".join(f"{key}={value}" for key, value in selector.items())


def nearest(text: str, choices: Iterable[str]) -> str | None:
    """Return the choice that `text` may be a misspelling of."""
    found = difflib.get_close_matches(text, list(islice(choices, _MOST_CHOICES)), n=1)
    return found[0] if found else None

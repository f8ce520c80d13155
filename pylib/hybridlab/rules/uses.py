"""Values that only one may have: who has which, and where that is written."""

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from attrs import frozen

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.rules.rule import Finding


@frozen
class Use:
    """Someone (`guest 'web'`) has a value, by what is written at `path`."""

    value: Any
    who: str
    path: SpecPath


def used_again(uses: Iterable[Use]) -> Iterator[tuple[Use, Use]]:
    """Yield each use of a value that was used before, behind the first use of it."""
    first: dict[Hashable, Use] = {}
    for use in uses:
        earlier = first.setdefault(use.value, use)
        if earlier is not use:
            yield earlier, use


def conflict(earlier: Use, use: Use, what: str, hint: str, *, on_key: bool = False) -> Finding:
    """Return the finding that both do `what` (`have address 10.0.0.1`), at the second one."""
    return Finding(
        f"{use.who} and {earlier.who} both {what}",
        use.path,
        hint,
        related=(Related(f"{earlier.who} has it here", earlier.path),),
        on_key=on_key,
    )

"""Settings of NixOS that the spec decides, held against what modules make of them."""

from collections.abc import Iterator, Sequence

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.rules.deep.rule import Difference, Seen


@frozen
class Wanted:
    """What an option has to be, since the spec has it so at `path`."""

    option: str
    value: object
    path: SpecPath
    on_key: bool = False


def differing(seen: Seen, rows: Sequence[Wanted], hint: str) -> Iterator[Difference]:
    """Yield the options that are otherwise; of one without a value nothing is said."""
    for row in rows:
        real = seen.nixos.value(row.option)
        if real is None or real == row.value:
            continue
        yield Difference(
            seen.machine,
            f"{row.option} is {shown(real)}, and the spec has {shown(row.value)}",
            row.path,
            hint,
            seen.nixos.defined(row.option),
            on_key=row.on_key,
        )


def shown(value: object) -> str:
    """Return a value as Nix writes it, near enough."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"'{value}'"
        case list() | tuple():
            return f"[ {' '.join(map(shown, value))} ]" if value else "[ ]"
        case _:
            return str(value)

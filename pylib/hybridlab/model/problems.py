"""What goes wrong while a spec is resolved: collected, so that all of it is reported at once."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from attrs import field, frozen

from hybridlab.diagnostic import Diagnostic, Related, Severity, SpecPath
from hybridlab.model.network import Vlan
from hybridlab.spec.scalars import Name

K = TypeVar("K", bound=str)
T = TypeVar("T")

_MOST_NAMES = 20  # that a hint lists


@frozen
class Problems:
    """The diagnostics so far; whoever resolves a part adds to them and leaves the part out."""

    found: list[Diagnostic] = field(factory=list)

    def add(
        self,
        code: str,
        message: str,
        path: SpecPath,
        hint: str | None = None,
        *,
        related: Iterable[Related] = (),
        on_key: bool = False,
    ) -> None:
        self.found.append(
            Diagnostic(code, Severity.ERROR, message, path, hint, tuple(related), on_key=on_key)
        )

    def known(
        self, things: Mapping[K, T], name: K, kind: str, path: SpecPath, *, on_key: bool = False
    ) -> T | None:
        """Return what `name`, written at `path`, refers to; None, and a problem, if it refers to nothing."""
        if name in things:
            return things[name]
        close = difflib.get_close_matches(name, things, n=1)
        names = ", ".join(sorted(things)[:_MOST_NAMES]) or "none"
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {names}"
        message = f"{path} refers to {kind} {name!r}, which does not exist"
        self.add("RES001", message, path, hint, on_key=on_key)
        return None

    def known_vlans(
        self, vlans: Mapping[Name, Vlan], names: Iterable[Name], path: SpecPath
    ) -> tuple[Vlan, ...]:
        """Return the VLANs of a list of names at `path`, each once, sorted by name."""
        found = [self.known(vlans, name, "VLAN", path / index) for index, name in enumerate(names)]
        return tuple(sorted({vlan for vlan in found if vlan is not None}, key=lambda vlan: vlan.name))

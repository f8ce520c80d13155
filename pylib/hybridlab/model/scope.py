"""What names mean while a spec is resolved; those that mean nothing are collected and reported at once."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypedDict, TypeVar, Unpack

from attrs import field, frozen

from hybridlab.diagnostic import Diagnostic, Related, Severity, SpecPath
from hybridlab.model.network import Vlan
from hybridlab.spec.cluster import ClusterSpec
from hybridlab.spec.scalars import Name

K = TypeVar("K", bound=str)
T = TypeVar("T")

_MOST_NAMES = 20  # that a hint lists


class Details(TypedDict, total=False):
    """What a diagnostic may have beside its message."""

    hint: str
    related: tuple[Related, ...]
    on_key: bool
    group: str


@frozen
class Scope:
    """A spec with its VLANs, and what is wrong so far: who resolves a part adds to it."""

    spec: ClusterSpec
    vlans: Mapping[Name, Vlan]
    problems: list[Diagnostic] = field(factory=list)

    def problem(self, code: str, message: str, path: SpecPath, **details: Unpack[Details]) -> None:
        self.problems.append(Diagnostic(code, Severity.ERROR, message, path, **details))

    def known(
        self,
        things: Mapping[K, T],
        name: K,
        kind: str,
        path: SpecPath,
        **details: Unpack[Details],
    ) -> T | None:
        """Return what `name`, written at `path`, refers to; None, and a problem, if it refers to nothing."""
        if name in things:
            return things[name]
        close = difflib.get_close_matches(name, things, n=1)
        names = ", ".join(sorted(things)[:_MOST_NAMES]) or "none"
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {names}"
        message = f"{path} refers to {kind} {name!r}, which does not exist"
        details.setdefault("hint", hint)
        details.setdefault("group", f"{kind} {name}")
        self.problem("RES001", message, path, **details)
        return None

    def vlan(self, name: Name, path: SpecPath, *, on_key: bool = False) -> Vlan | None:
        """Return the VLAN of this name; None, and a problem, if there is none."""
        return self.known(self.vlans, name, "VLAN", path, on_key=on_key)

    def vlans_named(self, names: Iterable[Name], path: SpecPath) -> tuple[Vlan, ...]:
        """Return the VLANs of a list of names at `path`, each once, sorted by name."""
        found = [self.vlan(name, path / index) for index, name in enumerate(names)]
        return tuple(sorted({vlan for vlan in found if vlan is not None}, key=lambda vlan: vlan.name))

"""Pods that would each find a node alone, and together do not; no rule in itself."""

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from hybridlab.model.workload import Pods


@frozen
class Demand:
    """Pods that ask for `each` of something per pod, and can get it only on these machines."""

    pods: Pods
    each: int
    machines: frozenset[str]

    @property
    def all(self) -> int:
        return self.each * self.pods.replicas


@frozen
class Overbooked:
    """Pods, by name, that together ask for `asked` of the machines, which have `there`."""

    bound: tuple[Pods, ...]
    machines: tuple[str, ...]
    asked: int
    there: int


def overbooked(demands: Iterable[Demand], has: Mapping[str, int]) -> Iterator[Overbooked]:
    """Yield each set of machines that is too small for the pods that have nowhere else to go.

    A sum over whole machines: what it finds can not be placed, but what it does not find may still be too
    large for the machines one by one.
    """
    groups: dict[frozenset[str], list[Demand]] = {}
    for demand in demands:
        groups.setdefault(demand.machines, []).append(demand)
    short: list[frozenset[str]] = []
    # Smaller sets come first: a larger one around a set that is short is short for the same reason.
    for together in sorted(groups, key=lambda names: (len(names), sorted(names))):
        if any(names <= together for names in short):
            continue
        bound = [demand for names, inside in groups.items() if names <= together for demand in inside]
        asked, there = sum(demand.all for demand in bound), sum(has[name] for name in together)
        if asked > there:
            short.append(together)
            pods = tuple(sorted((demand.pods for demand in bound), key=str))
            yield Overbooked(pods, tuple(sorted(together)), asked, there)

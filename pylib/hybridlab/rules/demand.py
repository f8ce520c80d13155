"""Pods that would each find a node alone, and together do not; no rule in itself."""

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from hybridlab.model.workload import Pods


@frozen
class Demand:
    """Pods that ask for `each` of something per pod, and can get it only on these machines.

    `all` is what they can not do without at one time: those that end may run one after the other.
    """

    pods: Pods
    each: int
    machines: frozenset[str]

    @property
    def all(self) -> int:
        return self.each * (min(self.pods.replicas, 1) if self.pods.ends else self.pods.replicas)


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
        if demand.all > 0:
            groups.setdefault(demand.machines, []).append(demand)
    short: list[frozenset[str]] = []
    # Smaller sets come first: a larger one around a set that is short is short for the same reason.
    for together in sorted(groups, key=lambda names: (len(names), sorted(names))):
        if any(names <= together for names in short):
            continue
        bound = _at_once([d for names, inside in groups.items() if names <= together for d in inside])
        asked, there = sum(demand.all for demand in bound), sum(has[name] for name in together)
        if asked > there:
            short.append(together)
            pods = tuple(sorted((demand.pods for demand in bound), key=str))
            yield Overbooked(pods, tuple(sorted(together)), asked, there)


def _at_once(demands: Iterable[Demand]) -> list[Demand]:
    """Return those that are there at one time at least: all that do not end, and the largest that does."""
    demands = list(demands)
    ending = [demand for demand in demands if demand.pods.ends]
    largest = max(ending, key=lambda demand: (demand.all, str(demand.pods)), default=None)
    return [demand for demand in demands if not demand.pods.ends or demand is largest]

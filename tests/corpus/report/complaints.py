"""What a tool says of generated files, and which of it is about an accident."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from attrs import frozen

from corpus.report.generated import Generated


@frozen(order=True)
class Complaint:
    """One thing that a tool says: of which object or file, by which of its rules, and its words."""

    about: str
    rule: str
    text: str


@frozen
class Tool:
    """A program that reads the files that are generated below `reads`.

    `look` gets the folder with all that is generated, and the cluster that it is of; `how` says how.
    """

    name: str
    version: str
    how: str
    reads: str
    look: Callable[[Path, Generated], Iterable[Complaint]]


def news(
    found: Iterable[Complaint], base: Iterable[Complaint], objects: Iterable[str]
) -> Iterator[Complaint]:
    """Yield what is said of a faulty cluster and not of its base, in which there are these `objects`.

    Of an object that the accident adds, a rule that some object of the base does not keep either says nothing
    about the accident.
    """
    known = set(base)
    broken = {one.rule for one in known}
    there = set(objects)
    for one in sorted(set(found) - known):
        if one.about in there or one.rule not in broken:
            yield one

"""What Nix makes of machines: the values of options, and who defined them where; it knows no cluster."""

import enum
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

from attrs import field, frozen

from hybridlab.diagnostic import SourceSpan


class Origin(enum.Enum):
    """Whose a definition is: hybridlab's, the user's, or somebody else's (NixOS, another flake)."""

    OURS = "ours"
    USER = "user"
    OTHER = "other"


@frozen
class Definition:
    """A definition of an option, after priorities: a value as JSON has it, and the file where it stands.

    `file` is shown to people; it is empty where Nix knows none, as of a module in flake.nix. `span` is the
    place in it as far as it is found.
    """

    value: object = field(eq=False)  # a list has no hash
    file: str
    origin: Origin
    span: SourceSpan | None = None


@frozen
class Setting:
    """An option of a machine: its value as JSON has it, null for what JSON can not hold."""

    value: object = None
    definitions: tuple[Definition, ...] = ()


_UNKNOWN = Setting()


@frozen
class EvaluatedMachine:
    """A machine as NixOS makes it: options by dotted name, assertions that fail, the guests that it runs.

    An option that was not asked for, or that there is not, has no value and no definition.
    """

    settings: Mapping[str, Setting]
    failed: tuple[str, ...] = ()
    guests: Mapping[str, "EvaluatedMachine"] = MappingProxyType({})

    def setting(self, option: str) -> Setting:
        return self.settings.get(option, _UNKNOWN)

    def value(self, option: str) -> object:
        return self.setting(option).value

    def is_on(self, option: str) -> bool:
        """Return whether an option is true."""
        return self.value(option) is True

    def is_off(self, option: str) -> bool:
        """Return whether an option is false; one that there is not is neither."""
        return self.value(option) is False

    def text(self, option: str) -> str:
        """Return the value of an option that is text, and no text for anything else."""
        value = self.value(option)
        return value if isinstance(value, str) else ""

    def texts(self, option: str) -> tuple[str, ...]:
        return texts(self.value(option))

    def items(self, option: str) -> Iterator[tuple[str, object]]:
        """Yield what an option has by name, in order."""
        value = self.value(option)
        if isinstance(value, Mapping):
            yield from sorted((str(name), item) for name, item in value.items())

    def defined(self, option: str, means: "Means | None" = None) -> tuple[Definition, ...]:
        """Return the definitions whose value `means` what it is about, but for hybridlab's own."""
        definitions = self.setting(option).definitions
        others = (one for one in definitions if one.origin is not Origin.OURS)
        return tuple(one for one in others if means is None or means(one.value))


@frozen
class Evaluated:
    """The machines of a cluster that a flake has, by name."""

    machines: Mapping[str, EvaluatedMachine]


def texts(value: object) -> tuple[str, ...]:
    """Return the texts in a list, or one text as one."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def numbers(value: object) -> tuple[int, ...]:
    """Return the whole numbers in a list."""
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value if isinstance(item, int) and not isinstance(item, bool))


def part(value: object, *names: str) -> object:
    """Return what a nested mapping has at a path; None where it has nothing."""
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


Means: TypeAlias = Callable[[object], bool]


def at(*names: str) -> Means:
    """Return whether a value says something at a path of names."""
    return lambda value: part(value, *names) is not None


def naming(name: str) -> Means:
    """Return whether a value has a name, even if it says nothing of that."""
    return lambda value: isinstance(value, Mapping) and name in value


def holding(item: object) -> Means:
    """Return whether a value is a list that holds an item."""
    return lambda value: isinstance(value, list) and item in value


@frozen
class NotEvaluated:
    """Nix refuses the flake: what it says, and the places in the user's files that it names."""

    said: str
    places: tuple[SourceSpan, ...] = ()

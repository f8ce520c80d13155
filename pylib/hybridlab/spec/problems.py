"""What the errors of structuring a spec say to who wrote it: one problem for each slip, at its place."""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypedDict, Unpack

from attrs import evolve, frozen
from cattrs import (
    AttributeValidationNote,
    BaseValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)

from hybridlab.diagnostic import Diagnostic, Fix, RenameKey, SetValue, Severity, SpecPath
from hybridlab.spec.converter import (
    MissingKeyError,
    UnderKeyError,
    WrongChoiceError,
    WrongTypeError,
    keys_of,
    places_of,
)
from hybridlab.spec.define import yaml_name
from hybridlab.spec.document import Document, Node, Scalar
from hybridlab.spec.document import Mapping as MappingNode
from hybridlab.spec.joined import joined_keys
from hybridlab.spec.mistyped import mistyped
from hybridlab.spec.scalars import ScalarError, is_secret_by_name, withheld
from hybridlab.spec.words import (
    is_name,
    likely_choice,
    near_words,
    other_choice,
    other_word,
    same_number,
    same_word,
    why_only,
)

_MOST_DOCUMENTED = 5
_MOST_PLACES = 3
_HOSTS = SpecPath.of("hosts")
_VLANS = SpecPath.of("networks", "vlans")
_VLAN_KEYS = ("sshFrom", "from", "vlan")


def problems_of(error: BaseException, document: Document) -> list[Diagnostic]:
    """Return what an error of `structure` says of `document`; nothing secret is in it."""
    joined = list(joined_keys(document))
    found = list(_Walk(document).problems(error, SpecPath()))
    if joined:
        # All else that is said of such a mapping comes of its keys, wherever an alias repeats it.
        without = {document.node(SpecPath(one.path[:-1])) for one in joined}
        found = [one for one in found if without.isdisjoint(_nodes_to(one.path, document))]
    return [public(problem, document) for problem in (*joined, *found)]


def _nodes_to(path: SpecPath, document: Document) -> Iterator[Node]:
    """Yield what is written at a path, and all that it is in."""
    nodes = (document.node(SpecPath(path[:length])) for length in range(len(path) + 1))
    return (node for node in nodes if node is not None)


def problem(
    code: str, message: str, path: SpecPath, hint: str | None = None, **more: Unpack["_More"]
) -> Diagnostic:
    """Return an error of the spec's shape."""
    return Diagnostic(code, Severity.ERROR, message, path, hint, **more)


def renamed(key: str, name: str, path: SpecPath, *, is_sure: bool = True) -> Diagnostic:
    """Return the problem of an unknown key in the mapping at `path` that stands for `name`."""
    message, hint = f"{path} has no key {key!r}", f"did you mean {name!r}?"
    fix = Fix(f"rename {key} to {name}", (RenameKey(path / key, name),))
    return problem("SPEC101", message, path / key, hint, on_key=True, fix=fix if is_sure else None)


class _More(TypedDict, total=False):
    """What a problem may have beside its message and hint."""

    on_key: bool
    group: str
    fix: Fix | None


def public(found: Diagnostic, document: Document) -> Diagnostic:
    """Return a problem, at its place, without secrets: also one that stands where a key belongs."""

    def told(text: str) -> str:
        # What the variable holds that the problem is about, whatever it looks like.
        return withheld(text if value is None else value.sub(lambda match: "*" * len(match[0]), text))

    node = document.node(found.path)
    is_secret = any(isinstance(key, str) and is_secret_by_name(key) for key in found.path)
    value = _word(node.text) if is_secret and isinstance(node, Scalar) and node.text else None
    path = SpecPath(withheld(key) if isinstance(key, str) else key for key in found.path)
    hint = None if found.hint is None else told(found.hint)
    fix = None if found.fix is None else evolve(found.fix, what=told(found.fix.what))
    return evolve(found.located(document), message=told(found.message), hint=hint, path=path, fix=fix)


def _word(text: str) -> re.Pattern[str]:
    """Return what finds `text` where it is no part of a longer word."""
    return re.compile(rf"(?<![\w.-]){re.escape(text)}(?![\w-])")


@frozen
class _Guess:
    """The key that an unknown one may stand for; `is_sure` if it can be no other."""

    name: str
    is_sure: bool


@frozen
class _Walk:
    """The way through the errors that cattrs grouped, with the path in the spec that leads to each."""

    document: Document

    def problems(self, error: BaseException, path: SpecPath) -> Iterator[Diagnostic]:
        match error:
            case BaseValidationError():
                yield from self._of_group(error, path)
            case UnderKeyError(key=key, cause=cause, on_key=on_key):
                for below in self.problems(cause, path / key):
                    yield evolve(below, on_key=True) if on_key else below
            case MissingKeyError():
                yield self._lacks_type(error, path)
            case WrongTypeError():
                found = mistyped(error, path, self.document)
                if error.kind is str and (vlan := self._vlan_of(path)) is not None:
                    meant = Fix(f"write {vlan}", (SetValue(path, vlan),))
                    found = evolve(found, hint=f"write the name of the VLAN: {vlan}", fix=meant)
                yield found
            case WrongChoiceError(value=value, choices=choices):
                yield self._wrong_choice(value, choices, path)
            case ScalarError(hint=hint, instead=instead):
                if (vlan := self._vlan_of(path)) is not None:
                    hint, instead = f"write the name of the VLAN: {vlan}", vlan
                elif (host := self._host_of(path)) is not None:
                    hint, instead = f"write the name of the host: {host}", host
                fix = None if instead is None else Fix(f"write {instead}", (SetValue(path, instead),))
                yield problem("SPEC104", str(error), path, hint, fix=fix)
            case _:
                raise error

    def _of_group(self, error: BaseValidationError, path: SpecPath) -> Iterator[Diagnostic]:
        missing = [inner for inner in error.exceptions if isinstance(inner, MissingKeyError)]
        guessed: set[str] = set()
        for inner in error.exceptions:
            match inner:
                case MissingKeyError():
                    continue
                case ForbiddenExtraKeysError(cl=cls, extra_fields=keys):
                    if missing and self._is_dedented(path, cls):
                        continue
                    guesses = self._guesses(keys, cls, path, {one.key for one in missing})
                    guessed |= {guess.name for guess in guesses.values()}
                    yield from self._unknown_keys(keys, guesses, cls, path)
                case _:
                    yield from self.problems(inner, self._path_of(inner, path))
        # What is there under another name does not lack.
        if left := [one for one in missing if one.key not in guessed]:
            yield self._missing_keys(left, path)

    def _path_of(self, error: BaseException, path: SpecPath) -> SpecPath:
        for note in getattr(error, "__notes__", ()):
            match note:
                case AttributeValidationNote(name=name):
                    return path / yaml_name(name)
                case IterableValidationNote(index=index):
                    return path / index
        return path

    def _missing_keys(self, missing: Sequence[MissingKeyError], path: SpecPath) -> Diagnostic:
        names = [one.key for one in missing]
        *first, last = (repr(name) for name in names)
        lacking = f"the keys {', '.join(first)} and {last}" if first else f"the key {last}"
        hint = "; ".join(f"{one.key}: {one.text}" for one in missing[:_MOST_DOCUMENTED])
        cls = missing[0].cls
        if cls is not None and self._is_dedented(path, cls):
            hint = f"{path[-1]!r} is a key of what stands above it: indent it further, if it belongs there"
        # Of machines by name, all lack it for one reason; the name is left out.
        group = f"{SpecPath(path[:1])}.{len(path)}.{','.join(names)}"
        return problem("SPEC102", f"{path} lacks {lacking}", path, hint, on_key=True, group=group)

    def _lacks_type(self, error: MissingKeyError, path: SpecPath) -> Diagnostic:
        """Return what is wrong with a workload of which it is not known what it is."""
        node = self.document.node(path)
        for key in node.entries if isinstance(node, MappingNode) else ():
            if key == "kind" or near_words(key.lower(), [error.key]):
                fix = Fix(f"rename {key} to {error.key}", (RenameKey(path / key, error.key),))
                hint = f"did you mean {error.key!r}?"
                return problem(
                    "SPEC101", f"{path} has no key {key!r}", path / key, hint, on_key=True, fix=fix
                )
        return self._missing_keys([error], path)

    def _is_dedented(self, path: SpecPath, cls: type) -> bool:
        """Whether a name in a mapping of many such things is a key of one."""
        return len(path) > 1 and path[-1] in keys_of(cls) and path[-2] not in keys_of(cls)

    def _guesses(
        self, keys: Iterable[str], cls: type, path: SpecPath, missing: set[str]
    ) -> Mapping[str, _Guess]:
        """Return what unknown keys may stand for: only keys that are not written."""
        free = [name for name in keys_of(cls) if self.document.node(path / name) is None]
        found: dict[str, _Guess] = {}
        for key in sorted(keys):
            if (same := same_word(key, free)) is not None:
                found[key] = _Guess(same, is_sure=True)
            elif (other := same_number(key, free) or other_word(key, free)) is not None:
                found[key] = _Guess(other, is_sure=other in missing)
            elif (near := near_words(key, free)) and (near[0] in missing or not places_of(key)):
                found[key] = _Guess(near[0], is_sure=near[0] in missing and len(near) == 1)
        times = Counter(guess.name for guess in found.values())
        return {
            key: evolve(guess, is_sure=guess.is_sure and times[guess.name] == 1)
            for key, guess in found.items()
        }

    def _unknown_keys(
        self, keys: Iterable[str], guesses: Mapping[str, _Guess], cls: type, path: SpecPath
    ) -> Iterator[Diagnostic]:
        for key in sorted(keys):
            group = f"{cls.__name__}.{key}"
            if (guess := guesses.get(key)) is not None:
                yield evolve(renamed(key, guess.name, path, is_sure=guess.is_sure), group=group)
                continue
            if is_name(key) and len(path) > 1:
                hint = f"remove it: the name is the key above, {path[-1]!r}"
            elif places := places_of(key):
                hint = f"{key!r} is a key of {' and of '.join(places[:_MOST_PLACES])}"
            else:
                hint = f"there are: {', '.join(keys_of(cls))}"
            message = f"{path} has no key {key!r}"
            yield problem("SPEC101", message, path / key, hint, on_key=True, group=group)

    def _wrong_choice(self, value: str, choices: tuple[str, ...], path: SpecPath) -> Diagnostic:
        message, hint, fix = f"{value!r} is not one of {', '.join(choices)}", None, None
        if (other := other_choice(value, choices)) is not None:
            hint, fix = f"did you mean {other!r}?", Fix(f"write {other}", (SetValue(path, other),))
        elif near := likely_choice(value, choices) or near_words(value, choices):
            hint = f"did you mean {near[0]!r}?"
        elif len(choices) == 1:
            message, hint = f"{value!r} is not {choices[0]}", why_only(str(path[-1]))
        return problem("SPEC104", message, path, hint, fix=fix)

    def _vlan_of(self, path: SpecPath) -> str | None:
        """Return the name of the VLAN of which something else stands where the name belongs."""
        node = self.document.node(path)
        vlans = self.document.node(_VLANS)
        if not isinstance(node, Scalar) or not isinstance(vlans, MappingNode):
            return None
        if not {*path[-2:]} & {*_VLAN_KEYS}:
            return None
        found = [name for name in vlans.entries if self._is_of_vlan(node.text, _VLANS / name)]
        return found[0] if len(found) == 1 else None

    def _host_of(self, path: SpecPath) -> str | None:
        """Return the name of the host of which a guest has an address where the name belongs."""
        node, hosts = self.document.node(path), self.document.node(_HOSTS)
        if path[:1] + path[2:] != ("guests", "host") or not isinstance(node, Scalar):
            return None
        for name in hosts.entries if isinstance(hosts, MappingNode) else ():
            addresses = self.document.node(_HOSTS / name / "addresses")
            known = addresses.entries.values() if isinstance(addresses, MappingNode) else ()
            if any(isinstance(value, Scalar) and value.text == node.text for _, value in known):
                return name
        return None

    def _is_of_vlan(self, text: str, vlan: SpecPath) -> bool:
        """Whether `text` is the id or the network of a VLAN, or an address in it."""
        number, cidr = self.document.node(vlan / "id"), self.document.node(vlan / "cidr")
        return (isinstance(number, Scalar) and number.text == text) or (
            isinstance(cidr, Scalar) and _is_within(text, cidr.text)
        )


def _is_within(text: str, cidr: str) -> bool:
    """Whether `text` is the network `cidr`, or an address in it."""
    try:
        inner, outer = ipaddress.ip_network(text, strict=False), ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
    return inner == outer or (inner.num_addresses == 1 and inner.network_address in outer)

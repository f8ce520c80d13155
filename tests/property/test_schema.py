"""The JSON Schema and the loader: what one takes for the shape of a spec, so does the other, but for a list.

On the list are the definitions with a `$comment`, which docs/editor.md repeats.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from hybridlab import parse_spec
from hybridlab.diagnostic import Diagnostic
from hybridlab.errors import SpecError
from hybridlab.spec.scalars import (
    ScalarError,
    Text,
    WholeNumber,
    hidden_character,
    parse_address,
    parse_network,
)
from hybridlab.spec.scalars.numbers import Cpu, Size
from strategies import KEY, RECIPIENTS, any_clusters, places

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schema/cluster.schema.json").read_text(encoding="utf-8"))
DEFINITIONS = SCHEMA["$defs"]
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

# Besides what a pattern gives: what is right to the loader, too. And instead of it, where the pattern looks
# ahead: little comes of that in much time.
RIGHT: dict[str, st.SearchStrategy[str]] = {
    "SshKey": st.sampled_from([KEY, f"{KEY} me@home"]),
    "AgeRecipient": st.sampled_from(RECIPIENTS),
    "MacAddress": st.from_regex(r"[0-9a-fA-F][02468ace](:[0-9a-fA-F]{2}){5}", fullmatch=True),
    "Address": st.ip_addresses().map(str),
    "Network": st.ip_addresses().map(lambda address: f"{address}/{address.max_prefixlen}"),
    "Date": st.dates().map(str),
}
_LABEL = r"([a-z]{1,9}\.[a-z]{1,9}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
INSTEAD = {
    "LabelKey": st.from_regex(_LABEL, fullmatch=True),
    "Taint": st.from_regex(rf"{_LABEL}(=[A-Z][a-z0-9]{{0,9}})?:(Prefer)?NoSchedule", fullmatch=True),
    "PortName": st.from_regex(r"[a-z0-9]{0,9}[a-z](-[a-z0-9]{1,2}){0,2}", fullmatch=True),
    "DomainName": st.from_regex(r"[a-z0-9]{1,63}(\.[a-z]([a-z0-9-]{0,61}[a-z0-9])?){0,2}", fullmatch=True),
}
# Beside what a schema's bounds are, whichever they are.
NUMBERS = (
    -1,
    0,
    1,
    2,
    3,
    4094,
    4095,
    4096,
    4097,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 2,
    2**32 - 1,
    2**70,
)
OTHER_VALUES = (
    None,
    True,
    False,
    1.0,
    1.5,
    1e300,
    "",
    "no",
    "10.0.0.1",
    "2GiB",
    "web",
    [],
    {},
    [None],
    {"a": 1},
)
HIDDEN = (
    "\n",
    "\t",
    "\r",
    "\x00",
    "\x7f",
    "\x85",
    "\xa0",
    "\u2028",
    "\u202e",
    "\ufeff",
    "\U0001f98a",
    "é",
    "K",
)


# The two verdicts


def as_text(data: object) -> str:
    """Return `data` as JSON, which YAML reads alike: with escapes for what must not stand in a file."""
    text = json.dumps(data, ensure_ascii=False).replace("\ufffe", r"\ufffe").replace("\uffff", r"\uffff")
    while hidden := hidden_character(text):
        text = text.replace(text[hidden[0]], f"\\u{ord(text[hidden[0]]):04x}")
    return text


def problems_of_shape(data: object) -> list[Diagnostic]:
    """Return what the loader says of the shape; not of the folders of manifests, which it reads next."""
    try:
        parse_spec(as_text(data))
    except SpecError as error:
        problems = [problem for problem in error.report if problem.code != "SPEC007"]
        assert all(problem.code.startswith("SPEC1") for problem in problems), problems
        return problems
    return []


# A way through the schema


def resolved(schema: Any, instance: object) -> Iterator[dict[str, Any]]:
    """Yield every part of `schema` that speaks of `instance` itself."""
    if not isinstance(schema, dict):
        return
    yield schema
    parts = [*schema.get("allOf", ()), *schema.get("anyOf", ())]
    if "$ref" in schema:
        parts.append(DEFINITIONS[schema["$ref"].removeprefix("#/$defs/")])
    if "if" in schema and VALIDATOR.evolve(schema=schema["if"]).is_valid(instance):
        parts.append(schema["then"])
    for part in parts:
        yield from resolved(part, instance)


def parts_at(data: Any, path: tuple[str | int, ...], *, on_key: bool) -> list[dict[str, Any]]:
    """Return every part of the schema that speaks of the value (or key) at `path`."""
    parts = list(resolved(SCHEMA, data))
    for number, step in enumerate(path):
        if on_key and number == len(path) - 1:
            names = [part["propertyNames"] for part in parts if "propertyNames" in part]
            return [found for name in names for found in resolved(name, step)]
        below = [
            part["items"]
            if isinstance(step, int)
            else part.get("properties", {}).get(step, part.get("additionalProperties"))
            for part in parts
            if ("items" if isinstance(step, int) else "additionalProperties") in part
        ]
        data = data[step]
        parts = [found for schema in below for found in resolved(schema, data)]
    return parts


def assert_same_verdict(data: Any) -> None:
    accepted, problems = VALIDATOR.is_valid(data), problems_of_shape(data)
    event(f"schema {'accepts' if accepted else 'refuses'}, loader {'refuses' if problems else 'accepts'}")
    if not problems:
        assert accepted, next(VALIDATOR.iter_errors(data)).message
    if accepted:
        for problem in problems:
            parts = parts_at(data, tuple(problem.path), on_key=problem.on_key)
            assert any("$comment" in part for part in parts), problem


# Documents


def instances(schema: dict[str, Any], name: str = "") -> st.SearchStrategy[Any]:
    """Return what `schema`, the definition `name`, accepts."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return st.deferred(lambda: _definition(name))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([instances(part) for part in schema["anyOf"]])
    match schema["type"]:
        case "boolean":
            return st.booleans()
        case "integer" | ["integer", "string"]:
            bounds = st.integers(schema["minimum"], schema["maximum"])
            return bounds if schema["type"] == "integer" else bounds | _texts(schema)
        case "string":
            return _texts(schema)
        case "array":
            return st.lists(instances(schema["items"]), max_size=3)
    if "propertyNames" in schema:
        keys, values = instances(schema["propertyNames"]), instances(schema["additionalProperties"])
        return st.dictionaries(keys, values, max_size=2)
    properties = {key: instances(part) for key, part in schema["properties"].items()}
    required = {key: properties.pop(key) for key in schema["required"]}
    return st.fixed_dictionaries(required, optional=properties)


_KNOWN: dict[str, st.SearchStrategy[Any]] = {}


def _definition(name: str) -> st.SearchStrategy[Any]:
    if name not in _KNOWN:
        schema = DEFINITIONS[name]
        if name == "WorkloadSpec":
            _KNOWN[name] = st.one_of([instances(case["then"]) for case in schema["allOf"]])
        elif name in INSTEAD:
            _KNOWN[name] = INSTEAD[name]
        else:
            _KNOWN[name] = RIGHT.get(name, st.nothing()) | instances(schema)
    return _KNOWN[name]


def _texts(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    valid = VALIDATOR.evolve(schema=schema).is_valid
    alphabet = st.characters(codec="utf-8")
    if "pattern" not in schema:
        return st.text(alphabet)
    return st.from_regex(schema["pattern"], alphabet=alphabet).filter(valid)


@st.composite
def near(draw: st.DrawFn, value: Any) -> Any:
    """A value a little beside `value`: a number by one or as a fraction, a text by a character or a case."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return draw(st.sampled_from(OTHER_VALUES))
    if isinstance(value, int):
        return draw(st.sampled_from([value - 1, value + 1, float(value), str(value), *NUMBERS]))
    index = draw(st.integers(0, len(value)))
    char = draw(st.sampled_from(HIDDEN) | st.characters(max_codepoint=127) | st.characters())
    return draw(
        st.sampled_from(
            [
                value[:index] + char + value[index:],
                value[:index] + char + value[index + 1 :],
                value[:index] + value[index + 1 :],
                value + "\n",
                value.upper(),
                value * draw(st.sampled_from([2, 10, 40])),
                *((value[:1] or "a") * size for size in (15, 16, 31, 32, 63, 64, 253, 254, 255, 256)),
            ]
        )
    )


@st.composite
def beside(draw: st.DrawFn, documents: st.SearchStrategy[Any]) -> Any:
    """A document with up to three values or keys changed a little, exchanged, added or taken away."""
    data = draw(documents)
    for _ in range(draw(st.integers(0, 3))):
        found = places(data)
        if not found:
            break
        parent, key = found[draw(st.integers(0, len(found) - 1))]
        change = draw(st.sampled_from(["near", "other", "remove", "rename", "add"]))
        if change == "near":
            parent[key] = draw(near(parent[key]))
        elif change == "other":
            parent[key] = draw(st.sampled_from(OTHER_VALUES))
        elif isinstance(parent, dict):
            value = parent[key] if change == "add" else parent.pop(key)
            if change != "remove":
                parent[draw(near(key).filter(lambda name: isinstance(name, str) and len(name) < 900))] = value
    return data


@given(instances(SCHEMA))
def test_a_spec_that_the_schema_makes(data: Any) -> None:
    assert VALIDATOR.is_valid(data)
    assert_same_verdict(data)


@given(beside(instances(SCHEMA)))
def test_a_spec_beside_what_the_schema_makes(data: Any) -> None:
    assert_same_verdict(data)


@given(beside(any_clusters()))
def test_a_spec_beside_a_good_cluster(data: Any) -> None:
    assert_same_verdict(data)


# Single values, where the borders are dense


def kinds() -> dict[str, Callable[[Any], object]]:
    """Return what makes a value of each definition that is no mapping and no choice."""
    found: dict[str, Callable[[Any], object]] = {"Address": parse_address, "Network": parse_network}
    classes: list[Any] = [Text, WholeNumber, Size, Cpu]
    while classes:
        cls = classes.pop()
        classes += cls.__subclasses__()
        if cls.__name__ in DEFINITIONS:
            found[cls.__name__] = cls
    return found


KINDS = kinds()


def test_every_scalar_of_the_schema_is_looked_at() -> None:
    scalars = {name for name, part in DEFINITIONS.items() if {"pattern", "minimum"} & set(part)}
    assert scalars == set(KINDS)


@pytest.mark.parametrize("name", sorted(KINDS))
@given(st.data())
def test_a_value_at_the_border_of_its_type(name: str, data: st.DataObject) -> None:
    value = data.draw(_definition(name))
    for _ in range(data.draw(st.integers(0, 2))):
        value = data.draw(near(value))
    accepted = VALIDATOR.evolve(schema=DEFINITIONS[name]).is_valid(value)
    try:
        KINDS[name](value)
        made = True
    except (ScalarError, TypeError):
        made = False
    event(f"schema {accepted}, loader {made}")
    assert accepted or not made
    assert made or not accepted or "$comment" in DEFINITIONS[name]

"""The JSON Schema of a spec, from its classes: what an editor completes, explains and underlines.

It accepts whatever the loader's shape accepts. A definition that accepts more, because no schema can say all
of the rule, has a `$comment` which tells so. `markdownDescription`, `markdownEnumDescriptions` and
`patternErrorMessage` are keywords of editors; others pass over them.
"""

import enum
import json
import re
import typing
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs
from attrs import field, frozen

from hybridlab.spec.cluster import ClusterSpec
from hybridlab.spec.define import optional_argument, text_or_class, yaml_name
from hybridlab.spec.ecma import ecma_pattern
from hybridlab.spec.scalars import Address, Cpu, CpuCount, Network, Size, Text, WholeNumber
from hybridlab.spec.workload import WORKLOAD_TYPES, WorkloadSpec

JsonSchema: TypeAlias = dict[str, Any]
# Values to offer for a field, by its class and name: those that only other parts of hybridlab know.
Offers: TypeAlias = Mapping[tuple[type, str], Sequence[str]]

# Every character but those of `hidden_character`.
_VISIBLE = re.compile(
    r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]*"
)
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_IPV6 = rf"(?:[0-9A-Fa-f]{{0,4}}:){{2,8}}(?:[0-9A-Fa-f]{{0,4}}|{_IPV4})"
_ADDRESS = re.compile(rf"{_IPV4}|{_IPV6}")
# Python's ipaddress takes leading zeros in a prefix.
_NETWORK = re.compile(rf"{_IPV4}/0*(?:3[0-2]|[12]?[0-9])|{_IPV6}/0*(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])")
_WHOLE = "a number without a fraction is whole to JSON Schema; hybridlab refuses 1.0"


def cluster_schema(offers: Offers = MappingProxyType({})) -> JsonSchema:
    """Return the schema of a `cluster.yaml`."""
    writer = _Writer(offers)
    root = writer.mapping(ClusterSpec)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "$defs": dict(sorted(writer.definitions.items())),
    }


def print_schema(schema: JsonSchema) -> str:
    """Return the text of a schema's file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


@frozen
class _Writer:
    """Writes the schemas of types: each class, choice and scalar once, as a definition under its own name."""

    offers: Offers
    definitions: dict[str, JsonSchema] = field(factory=dict, init=False)

    def value(self, annotation: Any) -> JsonSchema:
        """Return the schema of a value of the type `annotation`."""
        if annotation == Address:
            return self._named("Address", _address("an IP address", _ADDRESS))
        if annotation == Network:
            return self._named("Network", _address("a network (like 10.0.20.0/24)", _NETWORK))
        if annotation == WorkloadSpec:
            return self._named("WorkloadSpec", self._workload())
        if (inner := optional_argument(annotation)) is not None:
            return self.value(inner)
        if (sides := text_or_class(annotation)) is not None:
            return {"anyOf": [self.value(side) for side in sides]}
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is Mapping:
            keys, values = map(self.value, arguments)
            return {"type": "object", "propertyNames": keys, "additionalProperties": values}
        if origin is tuple:
            return {"type": "array", "items": self.value(arguments[0])}
        if annotation in (bool, str):
            return {"type": "boolean" if annotation is bool else "string"}
        if attrs.has(annotation):
            return self._named(annotation.__name__, self.mapping(annotation))
        if issubclass(annotation, Text):
            return self._named(annotation.__name__, self._text(annotation))
        return self._named(annotation.__name__, _scalar(annotation))

    def mapping(self, cls: type) -> JsonSchema:
        """Return the schema of a mapping that is a class of the spec."""
        properties: dict[str, JsonSchema] = {}
        required = []
        if (kind := getattr(cls, "TYPE", None)) is not None:
            properties["type"] = {"const": kind, **_described("what the workload is")}
            required.append("type")
        for attribute in attrs.fields(cls):
            if "doc" not in attribute.metadata:
                continue
            key = yaml_name(attribute.name)
            properties[key] = self._property(attribute, self.offers.get((cls, attribute.name), ()))
            if attribute.default is attrs.NOTHING or attribute.metadata.get("required_in_file"):
                required.append(key)
        schema = {"type": "object", **_described(_summary(cls)), "properties": properties}
        return {**schema, "required": required, "additionalProperties": False}

    def _property(self, attribute: Any, offered: Sequence[str]) -> JsonSchema:
        text = attribute.metadata["doc"]
        schema = self.value(attribute.type)
        if offered:
            # Completed, and yet not all: what else there may be, only a rule knows.
            schema = {"anyOf": [{"enum": list(offered)}, schema]}
        default = _plain(attribute.default)
        if default in (None, {}, []):
            return {**_described(text), **schema}
        shown = default if isinstance(default, str) else json.dumps(default)
        return {**_described(text, f"Default: `{shown}`"), **schema, "default": default}

    def _text(self, cls: type[Text]) -> JsonSchema:
        """Return the schema of a text: as any, visible, and with what its class narrows."""
        if cls is Text:
            return {"type": "string", **_matching(_VISIBLE, "text without invisible characters")}
        schema: JsonSchema = {"type": "string", "allOf": [self.value(Text)]}
        if cls.max_length is not None:
            schema["maxLength"] = cls.max_length
        if cls.pattern is not None:
            schema |= _matching(cls.pattern, cls.expected, either_case=cls.normalize("A") == "a")
        if getattr(cls.verify, "__func__", None) is not getattr(Text.verify, "__func__", None):
            schema["$comment"] = f"hybridlab check looks closer: {_summary(cls)}"
        return schema

    def _workload(self) -> JsonSchema:
        """Return the schema of any workload; which keys it has depends on its type alone."""
        kind = {
            **_described("what the workload is"),
            "type": "string",
            "enum": [cls.TYPE for cls in WORKLOAD_TYPES],
            "markdownEnumDescriptions": [_summary(cls) for cls in WORKLOAD_TYPES],
        }
        cases = [
            {
                "if": {"required": ["type"], "properties": {"type": {"const": cls.TYPE}}},
                "then": self.value(cls),
            }
            for cls in WORKLOAD_TYPES
        ]
        return {"type": "object", "properties": {"type": kind}, "required": ["type"], "allOf": cases}

    def _named(self, name: str, schema: JsonSchema) -> JsonSchema:
        self.definitions[name] = schema
        return {"$ref": f"#/$defs/{name}"}


def _scalar(cls: Any) -> JsonSchema:
    if issubclass(cls, enum.Enum):
        return {"type": "string", "enum": [str(member.value) for member in cls]}
    if issubclass(cls, Size):
        return {"type": "string", **_matching(cls.pattern, cls.expected)}
    if issubclass(cls, Cpu):
        bounds = {"minimum": 1, "maximum": CpuCount.most}
        matching = _matching(cls.pattern, cls.expected)
        return {"type": ["integer", "string"], **bounds, **matching, "$comment": _WHOLE}
    if issubclass(cls, WholeNumber):
        return {"type": "integer", "minimum": cls.least, "maximum": cls.most, "$comment": _WHOLE}
    raise TypeError(f"no schema is known for {cls}")


def _address(expected: str, pattern: re.Pattern[str]) -> JsonSchema:
    comment = "hybridlab check looks closer: at groups of an IPv6 address, and at bits behind a prefix"
    return {"type": "string", **_matching(pattern, expected), "$comment": comment}


def _matching(pattern: re.Pattern[str], expected: str, *, either_case: bool = False) -> JsonSchema:
    return {
        "pattern": ecma_pattern(pattern, either_case=either_case),
        "patternErrorMessage": f"expected {expected}",
    }


def _described(text: str, *more: str) -> JsonSchema:
    return {"description": text, "markdownDescription": "\n\n".join((text, *more))}


def _summary(cls: type) -> str:
    return (cls.__doc__ or "").split("\n\n")[0]


def _plain(value: Any) -> Any:
    """Return a default as YAML writes it; None for what is not written."""
    match value:
        case attrs.NOTHING | None:
            return None
        case bool() | WholeNumber():
            return value if isinstance(value, bool) else int(value)
        case enum.Enum():
            return str(value.value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case tuple():
            return [_plain(item) for item in value]
        case value if attrs.has(type(value)):
            return {yaml_name(f.name): _plain(getattr(value, f.name)) for f in attrs.fields(type(value))}
    return str(value)

"""A Kubernetes object as a value: what it is, its name and its body; it must not know how it is printed.

It knows the shape that all objects of the Kubernetes API share, and no field of any one kind.
"""

from collections.abc import Mapping

from attrs import field, frozen

from hybridlab.manifest.data import Json, KeyPath, copy_json, copy_object

_ENVELOPE = ("apiVersion", "kind", "metadata")


@frozen
class Identity:
    """What makes an object the same one to an API server, whatever its version and content."""

    group: str
    kind: str
    namespace: str | None
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


def _required(text: str) -> str:
    if not isinstance(text, str) or not text:
        raise ValueError(f"apiVersion, kind, name and namespace are text that is not empty, not {text!r}")
    return str(copy_json(text))


def _optional(text: str | None) -> str | None:
    return None if text is None else _required(text)


def _text_values(entries: Mapping[str, str]) -> dict[str, str]:
    # A label `gpu: true` is the classic: the API server takes text only, and says so late.
    copied: dict[str, str] = {}
    for key, value in copy_object(entries, ("metadata",)).items():
        if not isinstance(value, str):
            raise ValueError(f"label or annotation {key!r} has the value {value!r}, which is not text")
        copied[key] = value
    return copied


def _comments(comments: Mapping[KeyPath, str]) -> dict[KeyPath, str]:
    return dict(comments)


def _body(body: Mapping[str, Json]) -> Mapping[str, Json]:
    for key in _ENVELOPE:
        if key in body:
            raise ValueError(f"the body has the key {key!r}, which the fields of a resource already say")
    return copy_object(body)


@frozen
class Resource:
    """One Kubernetes object: `namespace` is None for a cluster-scoped one, `body` all but the envelope.

    Everything is copied and checked to be JSON data (`copy_json`): a `ValueError` names what is not.
    `comments` is for readers of the printed text: lines to stand above the field at a path of the whole
    object, `("spec", "template", "spec", "nodeSelector")`, or above a list item.
    """

    api_version: str = field(converter=_required)
    kind: str = field(converter=_required)
    name: str = field(converter=_required)
    namespace: str | None = field(default=None, converter=_optional, kw_only=True)
    labels: Mapping[str, str] = field(factory=dict, converter=_text_values, kw_only=True)
    annotations: Mapping[str, str] = field(factory=dict, converter=_text_values, kw_only=True)
    body: Mapping[str, Json] = field(factory=dict, converter=_body, kw_only=True)
    comments: Mapping[KeyPath, str] = field(factory=dict, converter=_comments, kw_only=True)

    @property
    def identity(self) -> Identity:
        group, _, _version = self.api_version.rpartition("/")
        return Identity(group, self.kind, self.namespace, self.name)

    def to_data(self) -> dict[str, Json]:
        """Return the object, fresh, in the order in which people write it; empty metadata is left out."""
        metadata: dict[str, Json] = {"name": self.name}
        if self.namespace is not None:
            metadata["namespace"] = self.namespace
        if self.labels:
            metadata["labels"] = dict(self.labels)
        if self.annotations:
            metadata["annotations"] = dict(self.annotations)
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "metadata": metadata,
            **copy_object(self.body),
        }

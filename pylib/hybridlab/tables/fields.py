"""Which fields the objects of Kubernetes have, and of what type; it knows nothing of what they mean.

fields.json is what an API server of Kubernetes 1.36.3 says of itself by OpenAPI, all served versions of all
kinds; read on 2026-11-29 (tests/kubernetes/test_fields.py compares the two, and writes the table anew).
"""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Final

from attrs import frozen

MINOR: Final = "1.36"
ANY: Final = "any"


@frozen
class Table:
    """`kinds`: the type of each `APIVERSION KIND`. `types`: of each type, its fields with theirs.

    A type is `text`, `int32`, `int64`, `number`, `truth`, `amount` (text or a number), `whole or text`, `any`
    (nobody looks inside), `[T]` a list of T, `{T}` a mapping to T, or a name in `types`.
    """

    kinds: Mapping[str, str]
    types: Mapping[str, Mapping[str, str]]

    def of(self, api_version: str, kind: str) -> str | None:
        """Return the name of a kind's type; None of a kind that Kubernetes itself does not serve."""
        return self.kinds.get(f"{api_version} {kind}")


@functools.cache
def table() -> Table:
    """Return the table; it is read when it is first asked for: most specs have no manifests of their own."""
    text = resources.files("hybridlab.tables").joinpath("fields.json").read_text(encoding="utf-8")
    return Table(**json.loads(text))


def knows(minor: str) -> bool:
    """Say whether the table has all fields of a minor version: those of later ones may have more."""
    return [int(number) for number in minor.split(".")] <= [int(number) for number in MINOR.split(".")]

"""Plain data whose shape nobody vouches for, as manifests of the user's hold it; what is absent is empty."""

from collections.abc import Iterator
from typing import Any

from hybridlab.diagnostic import SpecPath

# In a pattern: every item of a list.
EACH = "*"


def mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is, and of anything else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """Return a list as it is, and of anything else an empty one."""
    return value if isinstance(value, list) else []


def texts(value: object) -> dict[str, str]:
    """Return those entries of a mapping that are text, as labels are."""
    return {key: text for key, text in mapping(value).items() if isinstance(text, str)}


def whole(value: object) -> int | None:
    """Return a whole number as it is, and of anything else, also a truth value, None."""
    return value if type(value) is int else None


def matching(value: object, path: SpecPath, pattern: tuple[str, ...]) -> Iterator[tuple[Any, SpecPath]]:
    """Yield what stands where the keys of `pattern` lead below `value`, whose place is `path`."""
    if not pattern:
        yield value, path
        return
    key, *rest = pattern
    if key == EACH:
        for index, item in enumerate(items(value)):
            yield from matching(item, path / index, tuple(rest))
    elif key in (found := mapping(value)):
        yield from matching(found[key], path / key, tuple(rest))


def is_text(value: object) -> bool:
    """Whether Kubernetes' readers take this for text, or for nothing, which is left out.

    One plain scalar is text for them, and an ambiguous number for the reader of the spec: `12:30`, which
    only YAML 1.1 counts in base 60.
    """
    return value is None or isinstance(value, str) or getattr(value, "reading", "") == "a number in base 60"


def is_number_for_yaml(value: object) -> bool:
    """Whether a plain scalar, ambiguous for the reader of the spec, is a number for Kubernetes' readers."""
    return "number" in getattr(value, "reading", "")


def written(value: object) -> str:
    """Return a scalar as people write it."""
    text = getattr(value, "text", None)
    if isinstance(text, str):
        return text
    return str(value).lower() if isinstance(value, bool) else str(value)

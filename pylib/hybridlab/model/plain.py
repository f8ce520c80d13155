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
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_true(value: object) -> bool:
    """Whether this is meant to be true: for some of Kubernetes' readers, `yes` and `on` are, too."""
    return value is True or getattr(value, "reading", "") == "true"


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
    """Whether Kubernetes' readers take this for text, or for nothing, which is left out."""
    return value is None or isinstance(value, str)


def written(value: object) -> str:
    """Return a scalar as people write it."""
    text = getattr(value, "text", None)
    if isinstance(text, str):
        return text
    return str(value).lower() if isinstance(value, bool) else str(value)

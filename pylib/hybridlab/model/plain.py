"""Plain data whose shape nobody vouches for, as manifests of the user's hold it; what is absent is empty."""

from typing import Any


def mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is, and of anything else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """Return a list as it is, and of anything else an empty one."""
    return value if isinstance(value, list) else []


def texts(value: object) -> dict[str, str]:
    """Return those entries of a mapping that are text, as labels are."""
    return {key: text for key, text in mapping(value).items() if isinstance(text, str)}

"""Amounts as Kubernetes writes them: `500m`, `1.5`, `128Mi`, `2e3`."""

import re
from fractions import Fraction

# kubernetes/apimachinery, pkg/api/resource/quantity.go
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:([eE][+-]?[0-9]{1,3})|([a-zA-Z]{1,2})?)")
_SUFFIXES: dict[str | None, Fraction] = {
    None: Fraction(1),
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{suffix: Fraction(1000**power) for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{suffix: Fraction(1024**power) for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
}


def is_extended(resource: str) -> bool:
    """Whether a resource is a device, given out as a whole: of a domain that is not Kubernetes' own.

    As pkg/apis/core/helper: IsExtendedResourceName.
    """
    domain, slash, _ = resource.rpartition("/")
    return bool(slash) and not domain.endswith("kubernetes.io")


def parse_quantity(value: object) -> Fraction | None:
    """Return the amount, exactly, or None for what is none; a number stands for itself."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    match = _QUANTITY.fullmatch(str(value))
    if match is None or match[3] not in _SUFFIXES or len(match[1]) > 40:
        return None
    exponent = int(match[2][1:]) if match[2] else 0
    power: Fraction = Fraction(10**exponent) if exponent >= 0 else Fraction(1, 10**-exponent)
    return Fraction(match[1]) * power * _SUFFIXES[match[3]]

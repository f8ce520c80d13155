"""Numbers with bounds, and amounts of memory."""

import re
from typing import ClassVar, Self

from hybridlab.spec.scalars.text import ScalarError


class WholeNumber(int):
    """A whole number with bounds; `bool` is not a number here, though Python thinks so."""

    __slots__ = ()
    expected: ClassVar[str] = "a whole number"
    least: ClassVar[int] = 0
    most: ClassVar[int] = 2**31 - 1

    def __new__(cls, value: int) -> Self:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ScalarError(f"expected {cls.expected}, found {value!r}")
        if not cls.least <= value <= cls.most:
            raise ScalarError(f"{value} is not {cls.expected} ({cls.least} to {cls.most})")
        return super().__new__(cls, value)


class Count(WholeNumber):
    """How many of a thing: zero or more."""

    __slots__ = ()
    most = 4096


class CpuCount(WholeNumber):
    """A number of processors, at least one."""

    __slots__ = ()
    expected = "a number of processors"
    least = 1
    most = 4096


class Cpu(int):
    """Processor time in thousandths of a processor; written `500m`, or as a whole number of processors."""

    __slots__ = ()
    expected: ClassVar[str] = "an amount of processors (like 2 or 500m)"
    pattern: ClassVar[re.Pattern[str]] = re.compile(r"([1-9][0-9]{0,6})m")

    def __new__(cls, value: "str | int | Cpu") -> Self:
        if type(value) is cls:
            return value
        if type(value) is int and 1 <= value <= CpuCount.most:
            return super().__new__(cls, value * 1000)
        if not isinstance(value, str) or not (match := cls.pattern.fullmatch(value)):
            shown = f"{value:.3f}" if isinstance(value, float) else repr(value)
            hint = f"did you mean {round(value * 1000)}m?" if isinstance(value, float) and value > 0 else None
            raise ScalarError(f"{shown} is not {cls.expected}", hint)
        return super().__new__(cls, int(match[1]))

    def __str__(self) -> str:
        return f"{int(self) // 1000}" if int(self) % 1000 == 0 else f"{int(self)}m"

    def __repr__(self) -> str:
        return f"Cpu({str(self)!r})"


class Port(WholeNumber):
    """A TCP or UDP port."""

    __slots__ = ()
    expected = "a port"
    least = 1
    most = 65535


class VlanId(WholeNumber):
    """An 802.1Q VLAN id; 0 and 4095 are reserved."""

    __slots__ = ()
    expected = "a VLAN id"
    least = 1
    most = 4094


class Cid(WholeNumber):
    """A vsock context id: 0 to 2 are reserved, the kernel refuses 2^32 - 1 (facts 3.1)."""

    __slots__ = ()
    expected = "a vsock CID"
    least = 3
    most = 2**32 - 2


_MOST_MIB = 10**9
_UNITS = {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


class Size(int):
    """An amount of memory or disk in bytes, a whole number of MiB; written `512MiB`, `4GiB`, `1TiB`."""

    __slots__ = ()
    expected: ClassVar[str] = "a size with its unit (like 4GiB or 512MiB)"
    pattern: ClassVar[re.Pattern[str]] = re.compile(r"([1-9][0-9]{0,8})(MiB|GiB|TiB)")

    def __new__(cls, value: "str | Size") -> Self:
        if type(value) is cls:
            return value
        if not isinstance(value, str) or re.fullmatch("[1-9][0-9]{0,8}", value):
            raise ScalarError(
                f"expected {cls.expected}, found {value!r}", f"did you mean {value}MiB or {value}GiB?"
            )
        if not (match := cls.pattern.fullmatch(value)):
            meant = cls._meant(value)
            # 4Gi is what Kubernetes calls 4GiB; 4G and 4GB may be less.
            instead = meant if "i" in value.lower() else None
            hint = f"did you mean {meant}?" if meant else None
            raise ScalarError(f"{value!r} is not {cls.expected}", hint, instead=instead)
        return super().__new__(cls, int(match[1]) * _UNITS[match[2]])

    @classmethod
    def _meant(cls, text: str) -> str | None:
        """Return how an amount is written that is spelled in another way, also with a fraction."""
        plain = text.rstrip(",;")
        spelled = re.fullmatch(r"([0-9]{1,9})(?:[.,]([0-9]{1,3}))? ?([MGT])i?B?", plain, re.IGNORECASE)
        if spelled is None:
            return None
        whole, fraction, unit = spelled[1], spelled[2] or "", f"{spelled[3].upper()}iB"
        amount, rest = divmod(int(whole + fraction) * _UNITS[unit], 10 ** len(fraction))
        mib, odd = divmod(amount, 2**20)
        return str(cls.of_mib(mib)) if rest == odd == 0 and 0 < mib < _MOST_MIB else None

    @classmethod
    def of_mib(cls, mib: int) -> Self:
        return cls(f"{mib}MiB")

    @property
    def mib(self) -> int:
        return self // 2**20

    def __str__(self) -> str:
        unit = max((u for u in _UNITS if self % _UNITS[u] == 0), key=_UNITS.__getitem__)
        return f"{self // _UNITS[unit]}{unit}"

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"

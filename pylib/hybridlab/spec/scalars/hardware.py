"""Addresses and ids of hardware."""

import re

from hybridlab.spec.scalars.text import ScalarError, Text


class MacAddress(Text):
    """A unicast Ethernet address, lower case with colons."""

    __slots__ = ()
    expected = "a MAC address (six pairs of hex digits with colons)"
    pattern = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")

    @classmethod
    def normalize(cls, text: str) -> str:
        return text.lower()

    @classmethod
    def suggest(cls, text: str) -> str | None:
        return "leave the key out: one is derived from the name" if text in ("auto", "random") else None

    @classmethod
    def instead(cls, text: str) -> str | None:
        digits = re.sub(r"[-. ]", "", text)
        is_whole = re.fullmatch(r"[0-9a-f]{12}", digits) is not None
        return ":".join(re.findall("..", digits)) if is_whole else None

    @classmethod
    def verify(cls, text: str) -> None:
        if int(text[:2], 16) & 1:
            raise ScalarError(
                f"MAC address {text!r} is a multicast address, an interface needs a unicast one"
            )
        if text == "00:00:00:00:00:00":
            raise ScalarError(f"MAC address {text!r} is no address")


class PciAddress(Text):
    """A PCI device's full address, as sysfs names it."""

    __slots__ = ()
    expected = "a full PCI address (domain:bus:device.function, like 0000:c4:00.0)"
    pattern = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]")

    @classmethod
    def normalize(cls, text: str) -> str:
        return text.lower()

    @classmethod
    def instead(cls, text: str) -> str | None:
        # lspci leaves the domain out where all devices are in the first one.
        return f"0000:{text}" if cls.pattern and cls.pattern.fullmatch(f"0000:{text}") else None


class PciId(Text):
    """Vendor and device id of a PCI device."""

    __slots__ = ()
    expected = "a PCI id (vendor:device, like 1002:1900)"
    pattern = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")

    @classmethod
    def normalize(cls, text: str) -> str:
        return text.lower()


class MachineId(Text):
    """The content of /etc/machine-id (machine-id(5)): 32 hex digits, not all zero."""

    __slots__ = ()
    expected = "a machine id (32 lower-case hex digits, not all zero)"
    pattern = re.compile(r"(?!0{32})[0-9a-f]{32}")

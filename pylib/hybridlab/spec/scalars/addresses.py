"""IP addresses and networks."""

import ipaddress
import re

from hybridlab.spec.scalars.text import ScalarError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NUMBERS = 4  # of an IPv4 address
_GROUPS = 8  # of an IPv6 address
_LARGEST = 255


def in_url(address: Address) -> str:
    """Return an address as the host of a URL, and of what resembles one: IPv6 is in brackets (RFC 3986)."""
    return f"[{address}]" if address.version == 6 else str(address)


def parse_address(value: object) -> Address:
    """Turn text into an IPv4 or IPv6 address.

    Raises: ScalarError for anything else, also for a zone (`fe80::1%eth0`), which means nothing elsewhere.
    """
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return value
    try:
        if not isinstance(value, str) or "%" in value:
            raise ValueError
        return ipaddress.ip_address(value)
    except ValueError:
        text = value if isinstance(value, str) else ""
        raise ScalarError(f"{value!r} is not an IP address", _about(text), instead=_alone(text)) from None


def _alone(text: str) -> str | None:
    """Return the address that stands before a prefix, a port or a comma."""
    for pattern in (r"(.*?)[,;]+", r"(.*)/[0-9]{1,3}", r"([0-9.]*):[0-9]{1,5}", r"\[(.*)\](?::[0-9]{1,5})?"):
        if match := re.fullmatch(pattern, text):
            try:
                return str(ipaddress.ip_address(match[1]))
            except ValueError:
                return None
    return None


def _about(text: str) -> str | None:
    """Return what to do about a text in the place of an address."""
    if text.lower() in ("dhcp", "auto", "automatic", "dynamic"):
        return "addresses are fixed here: write one that DHCP does not give out"
    if (digits := _about_digits(text)) is not None:
        return digits
    if re.search("[g-zG-Z]", text):
        return "write the address that it has: a name has to be looked up first"
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}){0,9}", text):
        return None
    numbers = text.split(".")
    if len(numbers) != _NUMBERS:
        return "an IPv4 address has four numbers"
    if any(int(number) > _LARGEST for number in numbers):
        return f"each of its numbers is at most {_LARGEST}"
    meant = ".".join(str(int(number)) for number in numbers)
    return f"write {meant}: with a 0 before it, a number is octal to some"


# Letters that look like a digit.
_ALIKE = str.maketrans("OoQlISBZ", "00011582")


def _about_digits(text: str) -> str | None:
    """Return what is wrong with a text that is an address but for a letter in it."""
    is_v6 = re.fullmatch(r"[\w:]+", text) and ("::" in text or text.count(":") == _GROUPS - 1)
    if is_v6 and (wrong := re.search(r"[^0-9a-fA-F:]", text)):
        return f"{wrong[0]!r} is no digit of an IPv6 address, which are 0 to 9 and a to f"
    parts = text.split(".")
    numbers = sum(part.isdecimal() for part in parts)
    if len(parts) != _NUMBERS or not _NUMBERS // 2 <= numbers < _NUMBERS:
        return None
    wrong = re.search(r"[^0-9.]", text)
    assert wrong is not None
    kind = "a letter" if wrong[0].isalpha() else "no digit"
    try:
        meant = ipaddress.ip_address(text.translate(_ALIKE))
    except ValueError:
        return f"{wrong[0]!r} is {kind}"
    return f"{wrong[0]!r} is {kind}: did you mean {meant}?"


def parse_network(value: object) -> Network:
    """Turn text into an IPv4 or IPv6 network in CIDR notation.

    Raises: ScalarError for anything else; with bits set behind the prefix, the hint names the network meant.
    """
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    if not isinstance(value, str) or "%" in value or not _is_network(value):
        text = value if isinstance(value, str) else ""
        raise ScalarError(
            f"{value!r} is not a network in CIDR notation (like 10.0.20.0/24)",
            _about_network(text),
            instead=_with_prefix(text.rstrip(",;")),
        )
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        meant = ipaddress.ip_network(value, strict=False)
        raise ScalarError(
            f"{value!r} is an address in a network, not a network", instead=str(meant)
        ) from None


def _is_network(text: str) -> bool:
    """Whether it is an address with the length of a prefix; Python would take a mask as well."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return re.fullmatch(r".*/[0-9]+", text) is not None


def _with_prefix(text: str) -> str | None:
    """Return in CIDR notation what is written with a mask, or without the zeros at its end."""
    address, slash, prefix = text.partition("/")
    is_short = re.fullmatch("[0-9.]{1,15}", prefix) is not None
    if not slash or not is_short or not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}", address):
        return None
    short = _NUMBERS - len(address.split("."))
    if short and not (prefix.isdecimal() and int(prefix) <= 8 * (_NUMBERS - short)):
        return None
    try:
        return str(ipaddress.ip_network(f"{address}{'.0' * short}/{prefix}", strict=False))
    except ValueError:
        return None


def _of_range(text: str) -> Network | None:
    """Return the smallest network that has the first and the last address of a range."""
    first, dash, last = (part.strip() for part in text.partition("-"))
    try:
        start, end = ipaddress.ip_address(first), ipaddress.ip_address(last)
        around = ipaddress.ip_network(start)
        while dash and start.version == end.version and end not in around:
            around = around.supernet()
    except ValueError:
        return None
    return around if end in around else None


def _about_network(text: str) -> str | None:
    if "," in text:
        return "one network only"
    if (around := _of_range(text)) is not None:
        return f"a range is no network: did you mean {around}?"
    if (digits := _about_digits(text.partition("/")[0])) is not None:
        return digits
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return f"add the length of its prefix, like {text}/{24 if address.version == 4 else 64}"

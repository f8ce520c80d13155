"""IP addresses and networks."""

import ipaddress

from hybridlab.spec.scalars.text import ScalarError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
        hint = (
            f"write the address without its prefix: {value.split('/')[0]}"
            if "/" in str(value) and isinstance(value, str)
            else None
        )
        raise ScalarError(f"{value!r} is not an IP address", hint) from None


def parse_network(value: object) -> Network:
    """Turn text into an IPv4 or IPv6 network in CIDR notation.

    Raises: ScalarError for anything else; with bits set behind the prefix, the hint names the network meant.
    """
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    if not isinstance(value, str) or "/" not in value or "%" in value:
        raise ScalarError(f"{value!r} is not a network in CIDR notation (like 10.0.20.0/24)")
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        try:
            meant = ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise ScalarError(f"{value!r} is not a network in CIDR notation (like 10.0.20.0/24)") from None
        raise ScalarError(
            f"{value!r} is an address in a network, not a network", instead=str(meant)
        ) from None

"""Connections from here, and which address of ours they would have; what they are for is not known here."""

import socket
from ipaddress import ip_address

from hybridlab.live.checks.check import Connect, Connected, Refused, Source, SourceAddress

_ANY_PORT = 9  # discard; nothing is sent there


def connect(look: Connect) -> Connected | Refused:
    """Connect, and close at once."""
    # getaddrinfo takes an int and nothing made of one, as a scalar of the spec is.
    place = (str(look.address), int(look.port))
    try:
        socket.create_connection(place, timeout=look.seconds).close()
    except TimeoutError:
        return Refused(f"no answer within {look.seconds} s")
    except OSError as error:
        return Refused((error.strerror or str(error)).lower())
    return Connected()


def source_of(look: Source) -> SourceAddress | Refused:
    """Return the address that the system takes; connecting a UDP socket sends nothing (udp(7))."""
    family = socket.AF_INET if look.address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(look.address), _ANY_PORT))
            return SourceAddress(ip_address(probe.getsockname()[0]))
    except OSError as error:
        return Refused((error.strerror or str(error)).lower())

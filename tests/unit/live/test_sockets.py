"""Connections from here to a port of the spec."""

import socket
from ipaddress import ip_address

from hybridlab.live.checks.check import Connect, Connected, Refused, Source, SourceAddress
from hybridlab.live.sockets import connect, source_of
from hybridlab.spec.scalars import Port

HERE = ip_address("127.0.0.1")


def test_a_port_that_listens_is_connected_to_whatever_kind_of_number_it_is() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        number = listening.getsockname()[1]
        assert connect(Connect(HERE, number)) == Connected()
        # A scalar of the spec, which getaddrinfo does not take as it is.
        assert connect(Connect(HERE, Port(number))) == Connected()


def test_a_port_at_which_nobody_listens_is_refused() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert connect(Connect(HERE, closed.getsockname()[1])) == Refused("connection refused")


def test_to_loopback_we_come_from_loopback() -> None:
    assert source_of(Source(HERE)) == SourceAddress(HERE)

"""The keys of the address and port plan: what they mean, and what a bad one gets."""

from ipaddress import ip_address, ip_network

import pytest

from hybridlab import SpecError, parse_spec
from hybridlab.spec.network import DhcpSpec, NetworksSpec, VlanSpec
from hybridlab.spec.workload import Transport
from patched import patched

PLAN = """
networks:
  others: {wireguard: 10.9.0.0/24, ula: "fd00:9::/64"}
  vlans:
    services:
      dhcp: {from: 10.0.20.100, to: 10.0.20.199}
      devices: {nas: 10.0.20.250, printer: 10.0.20.251}
hosts: {homelab: {services: {backup: {port: 873}}}}
guests:
  k8s-worker-1: {services: {dns: {port: 53, protocol: udp, from: [services]}}}
"""


def test_the_keys_are_read() -> None:
    spec = parse_spec(patched(PLAN))
    services = spec.networks.vlans["services"]
    assert services.dhcp == DhcpSpec(from_="10.0.20.100", to="10.0.20.199")
    assert dict(services.devices) == {
        "nas": ip_address("10.0.20.250"),
        "printer": ip_address("10.0.20.251"),
    }
    assert dict(spec.networks.others) == {
        "wireguard": ip_network("10.9.0.0/24"),
        "ula": ip_network("fd00:9::/64"),
    }
    (backup,) = spec.hosts["homelab"].services.values()
    assert (backup.port, backup.protocol, backup.from_) == (873, Transport.TCP, ())
    (dns,) = spec.guests["k8s-worker-1"].services.values()
    assert (dns.port, dns.protocol, dns.from_) == (53, Transport.UDP, ("services",))


def test_without_them_there_is_nobody_else() -> None:
    spec = parse_spec(patched(""))
    assert all(vlan.dhcp is None and not vlan.devices for vlan in spec.networks.vlans.values())
    assert not spec.networks.others
    assert not any(machine.services for machine in (*spec.hosts.values(), *spec.guests.values()))


def test_python_builds_the_same() -> None:
    built = NetworksSpec(
        vlans={"a": VlanSpec(id=1, cidr="10.0.0.0/24", devices={"nas": "10.0.0.9"})},
        others={"vpn": "10.9.0.0/24"},
    )
    assert built.vlans["a"].devices["nas"] == ip_address("10.0.0.9")
    assert built.others["vpn"] == ip_network("10.9.0.0/24")


@pytest.mark.parametrize(
    ("good", "bad", "code", "under", "message"),
    [
        ("from: 10.0.20.100", "from: 10.0.20.300", "SPEC104", "10.0.20.300", "is not an IP address"),
        ("from: 10.0.20.100", "form: 10.0.20.100", "SPEC101", "form", "has no key 'form'"),
        (", to: 10.0.20.199", "", "SPEC102", "dhcp", "lacks the key 'to'"),
        ("{from: 10.0.20.100, to: 10.0.20.199}", "true", "SPEC103", "true", "must be a mapping"),
        ("nas: 10.0.20.250", "nas: 10.0.20.250/24", "SPEC104", "10.0.20.250/24", "is not an IP address"),
        ("nas: 10.0.20.250", "My_NAS: 10.0.20.250", "SPEC104", "My_NAS", "is not a DNS label"),
        ("10.9.0.0/24", "10.9.0.1/24", "SPEC104", "10.9.0.1/24", "is an address in a network"),
        ("port: 873", "port: 0", "SPEC104", "0", "0 is not a port (1 to 65535)"),
        ("port: 873", "port: rsync", "SPEC103", "rsync", "must be a port"),
        ("protocol: udp", "protocol: sctp", "SPEC104", "sctp", "not one of tcp, udp"),
        ("from: [services]", "from: services", "SPEC103", "services", "must be a list"),
    ],
)
def test_a_bad_value_is_told_at_its_place(good: str, bad: str, code: str, under: str, message: str) -> None:
    assert PLAN.count(good) == 1
    with pytest.raises(SpecError) as caught:
        parse_spec(patched(PLAN.replace(good, bad)))
    codes = [problem.code for problem in caught.value.report]
    assert codes.count(code) == 1
    (problem,) = (problem for problem in caught.value.report if problem.code == code)
    assert problem.span is not None
    start = problem.span.column - 1
    assert problem.span.text[start : start + problem.span.width] == under
    assert message in problem.message

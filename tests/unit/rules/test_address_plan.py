"""DHCP ranges, devices, other networks and wrong VLANs in the one address plan; resolvers and ports."""

import pytest

from patched import report

WEB = "host: homelab, vcpus: 1, memory: 1GiB"
SIX = 'six: {id: 60, cidr: "fd00:60::/64", gateway: "fd00:60::1"'


def services(keys: str) -> str:
    """Return the patch that gives the VLAN `services` these keys."""
    return f"networks: {{vlans: {{services: {{{keys}}}}}}}"


def dhcp(first: str, last: str) -> str:
    return services(f'dhcp: {{from: "{first}", to: "{last}"}}')


RANGE = "networks.vlans.services.dhcp"

ADDRESSES: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "a device has a machine's address: the machine is told, which can be changed": (
        services("devices: {nas: 10.0.20.11}"),
        [("NET001", "guests.k8s-worker-1.address")],
    ),
    "two devices have one address": (
        services("devices: {nas: 10.0.20.99, printer: 10.0.20.99}"),
        [("NET001", f"{RANGE[:-5]}.devices.printer")],
    ),
    "a device has the gateway's address": (
        services("devices: {router: 10.0.20.1}"),
        [("NET001", f"{RANGE[:-5]}.devices.router")],
    ),
    "a device has the broadcast address": (
        services("devices: {nas: 10.0.20.255}"),
        [("NET002", f"{RANGE[:-5]}.devices.nas")],
    ),
    "a device in another VLAN": (
        services("devices: {nas: 10.0.10.99}"),
        [("NET003", f"{RANGE[:-5]}.devices.nas")],
    ),
    "IPv6: a device has a machine's address in another spelling": (
        f"""
networks: {{vlans: {{{SIX}, devices: {{nas: "fd00:60:0::00aa"}}}}}}}}
guests: {{web: {{{WEB}, vlan: six, address: "fd00:60::aa"}}}}
""",
        [("NET001", "guests.web.address")],
    ),
    "IPv6: a gateway that is known by its link-local address, the same in two VLANs": (
        """
networks:
  vlans:
    six: {id: 60, cidr: "fd00:60::/64", gateway: "fe80::1"}
    seven: {id: 70, cidr: "fd00:70::/64", gateway: "fe80::1"}
""",
        [],
    ),
    "IPv4: a gateway is in its VLAN": (
        services("gateway: 169.254.0.1"),
        [("NET003", f"{RANGE[:-5]}.gateway")],
    ),
    "IPv6: only routers are known by link-local addresses": (
        f'networks: {{vlans: {{{SIX}}}}}}}\nguests: {{web: {{{WEB}, vlan: six, address: "fe80::2"}}}}',
        [("NET003", "guests.web.address")],
    ),
    "a VLAN's network is wrong: one finding for four addresses": (
        services("cidr: 10.0.21.0/24"),
        [("NET003", "networks.vlans.services.cidr")],
    ),
    "a VLAN's network is that of another: no overlap is told besides": (
        services("cidr: 10.0.10.0/24"),
        [("NET003", "networks.vlans.services.cidr")],
    ),
    "a VLAN's network is wrong, and so nothing is said of its DHCP range": (
        services("cidr: 10.0.21.0/24, dhcp: {from: 10.0.20.100, to: 10.0.20.199}"),
        [("NET003", "networks.vlans.services.cidr")],
    ),
    "half of the addresses outside are wrong each": (
        "guests: {k8s-worker-1: {address: 10.0.30.11}, k8s-master: {address: 10.0.30.10}}",
        [("NET003", "guests.k8s-master.address"), ("NET003", "guests.k8s-worker-1.address")],
    ),
    "two of two addresses outside are too few to say": (
        "networks: {vlans: {management: {cidr: 10.0.11.0/24}}}",
        [("NET003", "hosts.homelab.addresses.management"), ("NET003", "networks.vlans.management.gateway")],
    ),
    "a range beside all addresses": (dhcp("10.0.20.100", "10.0.20.254"), []),
    "a range of one address": (dhcp("10.0.20.12", "10.0.20.12"), []),
    "the last address of a range": (
        dhcp("10.0.20.9", "10.0.20.10"),
        [("NET013", "guests.k8s-master.address")],
    ),
    "the first address of a range": (
        dhcp("10.0.20.11", "10.0.20.12"),
        [("NET013", "guests.k8s-worker-1.address")],
    ),
    "the gateway is in the range": (dhcp("10.0.20.1", "10.0.20.4"), [("NET013", f"{RANGE[:-5]}.gateway")]),
    "a host's leg is in the range": (
        dhcp("10.0.20.4", "10.0.20.6"),
        [("NET013", "hosts.homelab.addresses.services")],
    ),
    "a device that the DHCP server gives its address": (
        services("dhcp: {from: 10.0.20.100, to: 10.0.20.199}, devices: {printer: 10.0.20.150}"),
        [],
    ),
    "a range with the broadcast address": (dhcp("10.0.20.100", "10.0.20.255"), [("NET012", f"{RANGE}.to")]),
    "a range with the network's own address": (
        "guests: {k8s-master: {address: 10.0.20.200}, k8s-worker-1: {address: 10.0.20.201}}\n"
        "hosts: {homelab: {addresses: {services: 10.0.20.202}}}\n"
        "networks: {vlans: {services: "
        "{gateway: 10.0.20.254, dhcp: {from: 10.0.20.0, to: 10.0.20.99}}}}",
        [("NET012", f"{RANGE}.from")],
    ),
    "a range that ends before it begins holds nobody": (
        dhcp("10.0.20.20", "10.0.20.2"),
        [("NET012", f"{RANGE}.to")],
    ),
    "a range in another VLAN": (
        dhcp("10.0.10.100", "10.0.10.199"),
        [("NET012", f"{RANGE}.from"), ("NET012", f"{RANGE}.to")],
    ),
    "a range that ends in the next network": (
        dhcp("10.0.20.100", "10.0.21.50"),
        [("NET012", f"{RANGE}.to")],
    ),
    "a range from one version of IP to the other": (
        dhcp("10.0.20.100", "fd00::1"),
        [("NET012", f"{RANGE}.to")],
    ),
    "IPv6: a machine in the range": (
        f"""
networks: {{vlans: {{{SIX}, dhcp: {{from: "fd00:60::1000", to: "fd00:60::1fff"}}}}}}}}
guests: {{web: {{{WEB}, vlan: six, address: "fd00:60::1abc"}}}}
""",
        [("NET013", "guests.web.address")],
    ),
    "IPv6: a range to the very end": (
        f'networks: {{vlans: {{{SIX}, dhcp: {{from: "fd00:60::2", to: "fd00:60::ffff:ffff:ffff:ffff"}}}}}}}}',
        [],
    ),
    "IPv6: a range with the routers' address": (
        f'networks: {{vlans: {{{SIX}, dhcp: {{from: "fd00:60::", to: "fd00:60::ff"}}}}}}}}',
        [("NET012", "networks.vlans.six.dhcp.from"), ("NET013", "networks.vlans.six.gateway")],
    ),
    "a VPN has the network of a VLAN: the VLAN is told": (
        "networks: {others: {wireguard: 10.0.20.0/24}}",
        [("NET004", "networks.vlans.services.cidr")],
    ),
    "a VPN lies in the network of services": (
        "networks: {others: {wireguard: 10.100.0.0/24}}",
        [("NET004", "kubernetes.serviceCidr")],
    ),
    "tailscale's addresses, and a VLAN in them": (
        "networks: {others: {tailscale: 100.64.0.0/10}, vlans: {lte: {id: 60, cidr: 100.64.1.0/24}}}",
        [("NET004", "networks.vlans.lte.cidr")],
    ),
    "a VPN around a VLAN and another network: both are told": (
        "networks: {others: {office: 10.0.20.0/22, printers: 10.0.22.0/24}}",
        [("NET004", "networks.others.office"), ("NET004", "networks.vlans.services.cidr")],
    ),
    "a VPN around everything: told once": (
        """
networks:
  others: {office: 10.0.0.0/8}
  vlans: {iot: {id: 60, cidr: 10.9.0.0/24}}
""",
        [("NET004", "networks.vlans.management.cidr")],
    ),
    "a gateway copied from another VLAN is outside, and no duplicate": (
        services("gateway: 10.0.10.1"),
        [("NET003", "networks.vlans.services.gateway")],
    ),
    "two have one address in a VLAN whose network is wrong": (
        services("cidr: 10.0.21.0/24") + "\nguests: {k8s-worker-1: {address: 10.0.20.10}}",
        [("NET001", "guests.k8s-worker-1.address"), ("NET003", "networks.vlans.services.cidr")],
    ),
    "a range over all machines: told once": (
        dhcp("10.0.20.1", "10.0.20.99"),
        [("NET013", f"{RANGE[:-5]}.gateway")],
    ),
    "two others overlap": (
        "networks: {others: {docker: 172.17.0.0/16, libvirt: 172.17.5.0/24}}",
        [("NET004", "networks.others.docker")],
    ),
    "others that nobody else has": (
        'networks: {others: {docker: 172.17.0.0/16, home: 192.168.1.0/24, ula: "fd00:1::/64"}}',
        [],
    ),
    "another network on the loopback": (
        "networks: {others: {lab: 127.5.0.0/16}}",
        [("NET005", "networks.others.lab")],
    ),
    "a network beside the private ones": (
        "networks: {vlans: {iot: {id: 60, cidr: 192.169.1.0/24}}}",
        [("NET011", "networks.vlans.iot.cidr")],
    ),
    "a network that is private in part": (
        "kubernetes: {podCidr: 172.24.0.0/12}".replace("172.24.0.0/12", "172.0.0.0/10"),
        [("NET011", "kubernetes.podCidr")],
    ),
    "public addresses of one's own": ("networks: {vlans: {dmz: {id: 60, cidr: 93.184.216.0/28}}}", []),
    "nobody has few Services": (
        "kubernetes: {serviceCidr: 11.0.0.0/24}",
        [("NET011", "kubernetes.serviceCidr")],
    ),
    "public addresses behind the provider's box": ("networks: {others: {wan: 93.184.0.0/16}}", []),
    "the documentation prefix of IPv6": (
        'networks: {vlans: {six: {id: 60, cidr: "2001:db8:60::/64"}}}',
        [("NET011", "networks.vlans.six.cidr")],
    ),
    "global addresses of IPv6": ('networks: {vlans: {six: {id: 60, cidr: "2a01:4f8:1:2::/64"}}}', []),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_finds_in_the_address_plan(case: str) -> None:
    patch, expected = ADDRESSES[case]
    assert sorted((d.code, str(d.path)) for d in report(patch)) == sorted(expected)


SMALLER = "or make the range smaller, here and in the router"

HINTS = {
    "the next address that is unused and not given out": (
        dhcp("10.0.20.11", "10.0.20.99"),
        f"take one outside of the range: 10.0.20.100 is unused, {SMALLER}",
    ),
    "one before the range": (
        dhcp("10.0.20.11", "10.0.20.11") + "\nguests: {k8s-master: {address: 10.0.20.8}}",
        f"take one outside of the range: 10.0.20.9 is unused, {SMALLER}",
    ),
    "none is left behind the range": (
        dhcp("10.0.20.11", "10.0.20.254"),
        f"take one outside of the range, {SMALLER}",
    ),
    "the network that was meant": (services("cidr: 10.0.21.0/24"), "did you mean 10.0.20.0/24?"),
    "a larger network that has them all": (services("cidr: 10.0.20.0/30"), "did you mean 10.0.20.0/28?"),
    "the largest network that is suggested": (
        services("cidr: 10.0.20.0/30")
        + "\nguests: {k8s-worker-1: {address: 10.0.200.11}, k8s-master: {address: 10.0.200.10}}",
        "did you mean 10.0.0.0/16?",
    ),
    "no network that is larger than a homelab": (
        services("cidr: 10.0.20.0/30")
        + "\nguests: {k8s-worker-1: {address: 10.1.0.11}, k8s-master: {address: 10.1.0.10}}",
        "give VLAN 'services' the network that its addresses are in",
    ),
    "a VLAN with which it was exchanged": (
        """
networks: {vlans: {services: {cidr: 10.0.10.0/24}, management: {cidr: 10.0.20.0/24}}}
hosts: {homelab: {addresses: {management: null}}}
""",
        "they are in 10.0.20.0/24, the network of VLAN 'management': have two been exchanged?",
    ),
    "addresses all over": (
        services("cidr: 10.7.0.0/24")
        + "\nguests: {k8s-worker-1: {address: 10.8.0.11}, k8s-master: {address: 10.9.0.10}}",
        "give VLAN 'services' the network that its addresses are in",
    ),
    "a range exchanged": (dhcp("10.0.20.200", "10.0.20.100"), "exchange the two"),
    "what a range may hold": (
        dhcp("10.0.20.200", "10.0.20.255"),
        "10.0.20.1 to 10.0.20.254 can be given out",
    ),
    "a network for pods that is private": ("kubernetes: {podCidr: 172.32.0.0/16}", "10.244.0.0/16 is free"),
    "a private network for a VLAN": (
        "networks: {vlans: {iot: {id: 60, cidr: 192.169.1.0/24}}}",
        "take a private network: of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
    ),
    "a prefix of IPv6": (
        'networks: {vlans: {six: {id: 60, cidr: "2001:db8:60::/64"}}}',
        "take a network of fd00::/8, or of the prefix that your provider gives you",
    ),
    "the same over UDP": (
        "networks: {dns: [10.0.20.11]}\n"
        "guests: {k8s-worker-1: {services: {dns: {port: 53, from: [services]}}}}",
        "add another one at guests.k8s-worker-1.services, with port: 53 and protocol: udp",
    ),
    "a network for pods that is not the VPN's": (
        "kubernetes: {podCidr: 10.0.0.0/8}\nnetworks: {others: {k3s: 10.42.0.0/16, vpn: 10.244.3.0/24}}",
        "172.20.0.0/16 is free",
    ),
}


@pytest.mark.parametrize("case", HINTS)
def test_suggests(case: str) -> None:
    patch, hint = HINTS[case]
    assert hint in [found.hint for found in report(patch)]


def test_a_wrong_network_names_whom_it_leaves_out() -> None:
    (found,) = report(services("cidr: 10.0.21.0/24, devices: {nas: 10.0.21.9}"))
    assert found.message == "VLAN 'services' is 10.0.21.0/24, and 4 of its addresses are not in it"
    assert [other.message for other in found.related] == [
        "the gateway of VLAN 'services' has 10.0.20.1",
        "host 'homelab' has 10.0.20.5",
        "guest 'k8s-master' has 10.0.20.10",
    ]


RESOLVERS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "a router, a public one, a device": (
        """
networks:
  dns: [10.0.20.1, 9.9.9.9, 10.0.20.250]
  vlans: {services: {devices: {hole: 10.0.20.250}}}
""",
        [],
    ),
    "an IPv6 one": ('networks: {dns: ["2620:fe::fe"]}', []),
    "nobody's addresses": (
        'networks: {dns: [0.0.0.0, "::", 224.0.0.1, 255.255.255.255, "fe80::1"]}',
        [("NET014", f"networks.dns.{index}") for index in range(5)],
    ),
    "the loopback, where there are pods": ("networks: {dns: [127.0.0.1]}", [("NET014", "networks.dns.0")]),
    "the loopback, where there are none": (
        """
networks: {dns: ["::1"]}
kubernetes: null
workloads: null
hosts: {homelab: {kubernetes: null}}
guests: {k8s-master: {kubernetes: null}, k8s-worker-1: {kubernetes: null}}
""",
        [],
    ),
    "a pod": ("networks: {dns: [9.9.9.9, 10.244.1.5]}", [("NET014", "networks.dns.1")]),
    "a VLAN's own address": ("networks: {dns: [10.0.20.0]}", [("NET014", "networks.dns.0")]),
    "a VLAN's broadcast address": ("networks: {dns: [10.0.10.255]}", [("NET014", "networks.dns.0")]),
    "a machine that has the router's address": (
        "networks: {dns: [10.0.20.1]}\nguests: {k8s-worker-1: {address: 10.0.20.1}}",
        [("NET001", "guests.k8s-worker-1.address")],
    ),
    "a machine that has no service": ("networks: {dns: [10.0.10.5]}", [("NET015", "networks.dns.0")]),
    "a service on another port": (
        "networks: {dns: [10.0.20.11]}\n"
        "guests: {k8s-worker-1: {services: {web: {port: 80, from: [services, management]}}}}",
        [("NET015", "networks.dns.0")],
    ),
    "a service over TCP only": (
        "networks: {dns: [10.0.20.11]}\n"
        "guests: {k8s-worker-1: {services: {dns: {port: 53, from: [services]}}}}",
        [("NET015", "networks.dns.0")],
    ),
    "a service for all that ask": (
        """
networks: {dns: [10.0.20.11]}
guests: {k8s-worker-1: {services: {dns: {port: 53, protocol: udp, from: [services]}}}}
""",
        [],
    ),
    "a service that is not for a VLAN with machines": (
        f"""
networks: {{dns: [10.0.20.11], vlans: {{iot: {{id: 60, cidr: 10.9.0.0/24, gateway: 10.9.0.1}}}}}}
guests:
  k8s-worker-1: {{services: {{dns: {{port: 53, protocol: udp, from: [services]}}}}}}
  bulb: {{{WEB}, vlan: iot, address: 10.9.0.2}}
""",
        [("NET015", "networks.dns.0")],
    ),
    "machines that find no way to it anyway": (
        f"""
networks: {{dns: [10.0.20.11], vlans: {{iot: {{id: 60, cidr: 10.9.0.0/24}}}}}}
guests:
  k8s-worker-1: {{services: {{dns: {{port: 53, protocol: udp, from: [services]}}}}}}
  bulb: {{{WEB}, vlan: iot, address: 10.9.0.2}}
""",
        [],
    ),
    "a service for nobody, and nobody else asks": (
        """
networks: {dns: [10.0.20.5]}
kubernetes: null
workloads: null
guests: {k8s-master: null, k8s-worker-1: null}
hosts: {homelab: {kubernetes: null, services: {dns: {port: 53, protocol: udp}}}}
""",
        [],
    ),
}


@pytest.mark.parametrize("case", RESOLVERS)
def test_finds_in_resolvers(case: str) -> None:
    patch, expected = RESOLVERS[case]
    assert sorted((d.code, str(d.path)) for d in report(patch)) == sorted(expected)


def test_a_pod_on_the_host_s_network_may_be_the_resolver() -> None:
    pod = """
    apiVersion: v1
    kind: Pod
    metadata: {{name: hole, namespace: default}}
    spec:
      nodeName: k8s-worker-1
      {network}
      containers: [{{name: dns, image: "pihole/pihole:2025.11.0", ports: [{ports}]}}]
    """
    patch = "networks: {dns: [10.0.20.11]}\nworkloads: {own: {type: manifests, folder: own}}"
    for network, ports, expected in (
        ("hostNetwork: true", "{containerPort: 53}", []),
        ("hostNetwork: false", "{containerPort: 53, hostPort: 53, protocol: UDP}", []),
        ("hostNetwork: false", "{containerPort: 53, protocol: UDP}", ["NET015"]),
    ):
        manifest = pod.format(network=network, ports=ports)
        found = [d.code for d in report(patch, manifest=manifest) if d.code.startswith("NET")]
        assert found == expected, manifest


def test_says_what_a_resolver_lacks() -> None:
    (found,) = report("networks: {dns: [10.0.20.11]}")
    assert found.message == "resolver 10.0.20.11 is guest 'k8s-worker-1', which has no service on port 53"
    assert found.hint == (
        "say so at guests.k8s-worker-1.services, like dns: {port: 53, protocol: udp, from: [services]}"
    )
    (found,) = report(
        "networks: {dns: [10.0.20.11]}\nguests: {k8s-worker-1: {services: {d: {port: 53, protocol: udp}}}}"
    )
    assert found.message == (
        "resolver 10.0.20.11 is guest 'k8s-worker-1', whose service 'd' is not open to VLAN 'services', from "
        "which host 'homelab' and guest 'k8s-master' ask it"
    )
    assert found.hint == "add 'services' to guests.k8s-worker-1.services.d.from"


def test_says_once_from_which_vlans_a_resolver_takes_nothing() -> None:
    (found,) = report(
        f"""
networks: {{dns: [10.0.20.11], vlans: {{iot: {{id: 60, cidr: 10.9.0.0/24, gateway: 10.9.0.1}}}}}}
guests:
  k8s-worker-1: {{services: {{dns: {{port: 53, protocol: udp}}}}}}
  bulb: {{{WEB}, vlan: iot, address: 10.9.0.2}}
"""
    )
    assert found.message == (
        "resolver 10.0.20.11 is guest 'k8s-worker-1', whose service 'dns' is not open to VLAN 'iot' and VLAN "
        "'services', from which guest 'bulb', host 'homelab' and guest 'k8s-master' ask it"
    )
    assert found.hint == "add 'iot' and 'services' to guests.k8s-worker-1.services.dns.from"


def of_worker(keys: str) -> str:
    return f"guests: {{k8s-worker-1: {{services: {{own: {{{keys}, from: [services]}}}}}}}}"


def of_master(keys: str) -> str:
    return of_worker(keys).replace("k8s-worker-1", "k8s-master")


OWN = "guests.k8s-worker-1.services.own.port"
OWN_OF_MASTER = "guests.k8s-master.services.own.port"

PORTS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "a port of nobody": (of_worker("port: 8080"), []),
    "sshd": (of_worker("port: 22"), [("NET016", OWN)]),
    "sshd over the other protocol": (of_worker("port: 22, protocol: udp"), []),
    "the kubelet": (of_worker("port: 10250"), [("NET016", OWN)]),
    "flannel": (of_worker("port: 8472, protocol: udp"), [("NET016", OWN)]),
    "the API server, elsewhere": (of_worker("port: 6443"), []),
    "the API server": (of_master("port: 6443"), [("NET016", OWN_OF_MASTER)]),
    "cfssl": (of_master("port: 8888"), [("NET016", OWN_OF_MASTER)]),
    "the kubelet's loopback": (of_worker("port: 10248"), [("NET017", OWN)]),
    "etcd's loopback, elsewhere": (of_worker("port: 2379"), []),
    "the scheduler's loopback": (of_master("port: 10251"), [("NET017", OWN_OF_MASTER)]),
    "a NodePort": (of_worker("port: 31434"), [("NET016", OWN)]),
    "a NodePort over the other protocol": (of_worker("port: 31434, protocol: udp"), [("NET018", OWN)]),
    "the range of NodePorts": (of_worker("port: 30000"), [("NET018", OWN)]),
    "before and behind it": (
        "guests: {k8s-worker-1: {services: "
        "{a: {port: 29999, from: [services]}, b: {port: 32768, from: [services]}}}}",
        [],
    ),
    "the range, for nobody else": ("guests: {k8s-worker-1: {services: {own: {port: 30000}}}}", []),
    "the range, on a machine that is no node": (
        f"""
guests:
  web: {{{WEB}, vlan: services, address: 10.0.20.30, services: {{plex: {{port: 32400, from: [services]}}}}}}
""",
        [],
    ),
    "two of one's own": (
        "guests: {k8s-worker-1: {services: {a: {port: 80}, b: {port: 80}, c: {port: 80, protocol: udp}}}}",
        [("NET016", "guests.k8s-worker-1.services.b.port")],
    ),
    "three of one's own": (
        "guests: {k8s-worker-1: {services: {a: {port: 80}, b: {port: 80}, c: {port: 80}}}}",
        [
            ("NET016", "guests.k8s-worker-1.services.b.port"),
            ("NET016", "guests.k8s-worker-1.services.c.port"),
        ],
    ),
    "the same on two machines": (
        "guests: {k8s-worker-1: {services: {a: {port: 80}}}, k8s-master: {services: {a: {port: 80}}}}",
        [],
    ),
}


@pytest.mark.parametrize("case", PORTS)
def test_finds_in_ports(case: str) -> None:
    patch, expected = PORTS[case]
    assert sorted((d.code, str(d.path)) for d in report(patch)) == sorted(expected)


def test_names_both_programs_and_the_machine() -> None:
    (found,) = report(of_worker("port: 10250"))
    assert found.message == ("service 'own' and kubelet API both have port 10250/tcp of guest 'k8s-worker-1'")
    assert [str(other.path) for other in found.related] == ["guests.k8s-worker-1.kubernetes"]


TV = "networks: {vlans: {tv: {id: 30, cidr: 10.0.30.0/24}}}"
SCREEN = "screen: {host: homelab, vlan: tv, address: 10.0.30.7, vcpus: 1, memory: 1GiB}"

WAYS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "a NodePort for a VLAN that is cut off": (
        f"{TV}\nguests: {{{SCREEN}}}\nworkloads: {{ollama: {{expose: {{from: [services, tv]}}}}}}",
        [("NET020", "workloads.ollama.expose.from")],
    ),
    "a node is in it": (
        f"""
{TV}
guests: {{{SCREEN}}}
hosts: {{homelab: {{addresses: {{tv: 10.0.30.2}}}}}}
workloads: {{ollama: {{expose: {{from: [services, tv]}}}}}}
""",
        [],
    ),
    "a VLAN without machines may have a router": (
        f"{TV}\nworkloads: {{ollama: {{expose: {{from: [tv]}}}}}}",
        [],
    ),
    "a service for a VLAN that is cut off": (
        f"""
{TV}
guests: {{{SCREEN}, k8s-worker-1: {{services: {{web: {{port: 80, from: [tv, services]}}}}}}}}
""",
        [("NET020", "guests.k8s-worker-1.services.web.from")],
    ),
    "a service of a machine in the VLAN": (
        f"""
{TV}
guests: {{{SCREEN[:-1]}, services: {{web: {{port: 80, from: [tv]}}}}}}}}
""",
        [],
    ),
    "a service of a machine that answers nobody else": (
        f"""
{TV}
guests: {{{SCREEN[:-1]}, services: {{web: {{port: 80, from: [tv, services]}}}}}}}}
""",
        [("NET020", "guests.screen.services.web.from")],
    ),
}


@pytest.mark.parametrize("case", WAYS)
def test_finds_where_no_way_leads(case: str) -> None:
    patch, expected = WAYS[case]
    assert sorted((d.code, str(d.path)) for d in report(patch)) == sorted(expected)


@pytest.mark.parametrize(
    ("uplink", "reason"),
    [
        ("wlp2s0", "is wireless"),
        ("wlan0", "is wireless"),
        ("wg0", "is a tunnel"),
        ("tailscale0", "is a tunnel"),
        ("enp1s0.20", "is a VLAN already"),
        ("vlan20", "is a VLAN already"),
        ("enp1s0", None),
        ("eth0", None),
        ("bond0", None),
        ("lan1", None),
        ("enp2s0f1np1", None),
        ("wan", None),
        ("tunnel", None),
        ("greenport", None),
    ],
)
def test_uplinks_that_are_no_ports(uplink: str, reason: str | None) -> None:
    found = report(f"hosts: {{homelab: {{uplink: {uplink}}}}}")
    assert [(d.code, str(d.path)) for d in found] == [("NET019", "hosts.homelab.uplink")] * (
        reason is not None
    )
    assert all(f"{uplink!r}, {reason}" in d.message for d in found)

"""The example's machines as network namespaces, with a router, clients and a pod: packets are sent for real.

The host `homelab` has its bridge `br0` with two guests and its uplink on it, a leg in each VLAN, and a pod
behind `mynet`. What is not run: 802.1Q and VLAN filtering, which a test's kernel may lack. So the uplink
carries one VLAN, untagged; the leg in it is a macvlan in passthru mode, which like a VLAN device sits on the
bridge and shares its MAC address; and the other leg has a cable of its own.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from attrs import frozen

from hybridlab import Cluster
from hybridlab.model.node import Guest, Host
from network import rules
from network.namespaces import Namespace, namespaces, need_namespaces

TALK = Path(__file__).with_name("talk.py")
HOST = "homelab"
GUESTS = ("k8s-master", "k8s-worker-1")
# Clients: one in each VLAN, and one in a network that the spec does not know.
CLIENTS = {"desk": "10.0.10.50", "shelf": "10.0.20.50", "stranger": "10.0.30.50"}
POD = IPv4Address("10.244.3.2")
# A Service's virtual address, which nobody has.
SERVICE = IPv4Address("10.96.0.50")
POD_GATEWAY = IPv4Address("10.244.3.1")
# What machines answer on: each program that could run, wanted or not.
PORTS = (22, 2379, 6443, 8472, 8888, 10250, 10255, 11434, 8285)
# NodePorts that kube-proxy rewrites: the spec's, and one of a Service that somebody made by hand.
NODE_PORTS = {31434: 11434, 30080: 11434}

Call = tuple[str, str | None, str, str, int]


@frozen
class Lab:
    """The namespaces by name, all with something that answers on `PORTS`."""

    places: Mapping[str, Namespace]

    def dial(self, calls: Sequence[Call]) -> list[bool]:
        """Try calls, each (from, source or None, protocol, address, port), and say which were answered."""
        with ThreadPoolExecutor() as pool:
            callers = {call[0] for call in calls}
            answers = {
                name: pool.submit(self._dial_from, name, [call[1:] for call in calls if call[0] == name])
                for name in callers
            }
        of_caller = {name: iter(answer.result()) for name, answer in answers.items()}
        return [next(of_caller[call[0]]) for call in calls]

    def _dial_from(self, name: str, calls: list[tuple[str | None, str, str, int]]) -> list[bool]:
        dial = (sys.executable, "-I", str(TALK), "dial")
        answered: list[bool] = json.loads(self.places[name].run(*dial, text=json.dumps(calls)))
        return answered

    def give_rules(self, name: str, text: str) -> None:
        """Give a machine this ruleset, and no other; and nothing that it remembers of connections."""
        self.places[name].run("nft", "-f", "-", text=f"flush ruleset\n{text}")


@contextmanager
def lab(cluster: Cluster, options: Mapping[str, Any]) -> Iterator[Lab]:
    """Lay the cables, give the machines their addresses, routes and sysctls, and run what answers."""
    need_namespaces("nft")
    names = (HOST, *GUESTS, "router", *CLIENTS, "pod")
    with ExitStack() as stack:
        places = dict(zip(names, stack.enter_context(namespaces(*names)), strict=True))
        for machine in (HOST, *GUESTS):
            # For each link that comes, as systemd's 50-default.conf has it, which NixOS takes along.
            places[machine].sysctl({"net.ipv4.conf.default.rp_filter": 2})
        _lay_cables(cluster, places)
        _address(cluster, options, places)
        for place in places.values():
            stack.enter_context(_answering(place))
        yield Lab(places)


def host_of(cluster: Cluster) -> Host:
    [host] = [machine for machine in cluster.machines if machine.name == HOST]
    assert isinstance(host, Host)
    return host


def guests_of(cluster: Cluster) -> list[Guest]:
    return [guest for guest in host_of(cluster).guests if guest.name in GUESTS]


def bridged_leg(cluster: Cluster) -> str:
    """The interface of the host's leg that its guests have, too."""
    [vlan] = {guest.leg.vlan.name for guest in guests_of(cluster)}
    [leg] = [leg for leg in host_of(cluster).legs if leg.vlan.name == vlan]
    return leg.interface


def _lay_cables(cluster: Cluster, places: Mapping[str, Namespace]) -> None:
    host, router, pod = places[HOST], places["router"], places["pod"]
    router.ip("link add lan10 type bridge", "link add lan20 type bridge")
    for name, lan in (("desk", "lan10"), ("shelf", "lan20")):
        router.cable(f"to-{name}", places[name], "eth0")
        router.ip(f"link set to-{name} master {lan}")
    router.cable("lan30", places["stranger"], "eth0")

    [plain] = [leg.interface for leg in host_of(cluster).legs if leg.interface != bridged_leg(cluster)]
    uplink = host_of(cluster).uplink
    host.cable(uplink, router, "uplink20")
    host.cable(plain, router, "uplink10")
    router.ip("link set uplink20 master lan20", "link set uplink10 master lan10")

    host.ip(f"link add {cluster.bridge} type bridge", f"link set {uplink} master {cluster.bridge}")
    for guest in guests_of(cluster):
        host.cable(guest.identity.tap, places[guest.name], guest.leg.interface)
        places[guest.name].ip(f"link set {guest.leg.interface} address {guest.identity.mac}")
        host.ip(f"link set {guest.identity.tap} master {cluster.bridge}")
    # The bridge has its MAC address by now, and keeps it: the macvlan has the same.
    host.ip(
        f"link set {cluster.bridge} up",
        f"link add {bridged_leg(cluster)} link {cluster.bridge} type macvlan mode passthru",
        f"link set {bridged_leg(cluster)} up",
        "link add mynet type bridge",
        "link set mynet up",
    )
    host.cable("vethpod", pod, "eth0")
    # As the CNI plugin of services.kubernetes sets it: a pod reaches itself through its Service.
    host.ip("link set vethpod master mynet", "link set vethpod type bridge_slave hairpin on")


def _address(cluster: Cluster, options: Mapping[str, Any], places: Mapping[str, Namespace]) -> None:
    router = places["router"]
    for lan, third in (("lan10", 10), ("lan20", 20), ("lan30", 30)):
        router.ip(f"link set {lan} up", f"address add 10.0.{third}.1/24 dev {lan}")
    router.sysctl({"net.ipv4.ip_forward": 1, "net.bridge.bridge-nf-call-iptables": 0})
    # As routers do: what belongs to no connection is dropped.
    router.run(
        "nft",
        "-f",
        "-",
        text="table inet router {\n chain forward {\n  type filter hook forward priority filter;\n"
        "  ct state invalid drop\n  ct state new tcp flags & (syn | ack) != syn drop\n }\n}\n",
    )
    for name, address in CLIENTS.items():
        gateway = address.rsplit(".", 1)[0] + ".1"
        places[name].ip(f"address add {address}/24 dev eth0", f"route add default via {gateway}")
    places["pod"].ip(f"address add {POD}/24 dev eth0", f"route add default via {POD_GATEWAY}")
    places[HOST].ip(f"address add {POD_GATEWAY}/24 dev mynet")

    for name in (HOST, *GUESTS):
        places[name].sysctl(options[name]["sysctl"])
        for definition in options[name]["network"]["networks"].values():
            _apply(places[name], definition, _link(cluster, name, definition))

    # Two who take the host for a router: a client, and a guest (for what its own kube-proxy leaves alone).
    [way] = {str(leg.address) for leg in host_of(cluster).legs if leg.interface == bridged_leg(cluster)}
    for name, beyond in (("shelf", (POD, SERVICE, CLIENTS["desk"])), (GUESTS[1], (POD, CLIENTS["stranger"]))):
        places[name].ip(*(f"route add {address}/32 via {way}" for address in beyond))


def _link(cluster: Cluster, name: str, definition: Mapping[str, Any]) -> str:
    [machine] = [machine for machine in cluster.machines if machine.name == name]
    return str(definition["matchConfig"].get("Name", machine.legs[0].interface))


def _apply(place: Namespace, definition: Mapping[str, Any], link: str) -> None:
    """Do what networkd does with addresses, gateways, routes and rules; test_networkd.py runs itself."""
    for address in definition["address"]:
        place.ip(f"address add {address} dev {link}")
    for gateway in definition["gateway"]:
        place.ip(f"route add default via {gateway} dev {link}")
    for route in definition["routes"]:
        way = f"via {route['Gateway']}" if "Gateway" in route else f"scope {route['Scope']}"
        place.ip(f"route add {route.get('Destination', 'default')} {way} dev {link} table {route['Table']}")
    for rule in definition["routingPolicyRules"]:
        words = {
            "Priority": "priority",
            "To": "to",
            "From": "from",
            "FirewallMark": "fwmark",
            "Table": "table",
        }
        place.ip("rule add " + " ".join(f"{words[key]} {value}" for key, value in rule.items()))


def ruleset(cluster: Cluster, options: Mapping[str, Any]) -> str:
    """A machine's whole ruleset: NixOS's, ours, kube-proxy's."""
    assert cluster.kubernetes is not None
    pods = cluster.kubernetes.pod_network
    return rules.of_nixos(options["firewall"], options["nftables"]["tables"]) + rules.of_kube_proxy(
        NODE_PORTS, SERVICE, POD, pods
    )


@contextmanager
def _answering(place: Namespace) -> Iterator[None]:
    ports = map(str, PORTS)
    with subprocess.Popen(
        place.command(sys.executable, "-I", str(TALK), "serve", *ports),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.stdin.close()
            process.wait(timeout=10)

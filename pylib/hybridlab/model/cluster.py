"""The whole cluster, resolved: rules and emitters look things up here and compute nothing twice."""

from collections.abc import Mapping
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address

from attrs import define, field, frozen

from hybridlab.diagnostic import Source
from hybridlab.model.exposure import Firewall
from hybridlab.model.flows import Flow
from hybridlab.model.network import Vlan
from hybridlab.model.node import Guest, Host, Machine, Membership
from hybridlab.model.workload import Workload
from hybridlab.spec.scalars import Address, Network, System


@frozen
class Nixos:
    """What every machine's NixOS has in common."""

    release: str
    state_version: str
    system: System


@frozen
class Admin:
    """Who runs the cluster, and the VLANs that they come from."""

    user: str
    ssh_keys: tuple[str, ...]
    vlans: tuple[Vlan, ...]


@frozen
class Secrets:
    """The sops file, relative to the spec, and the age public keys that can read it, by name."""

    file: str
    recipients: Mapping[str, str]


@frozen
class Kubernetes:
    """The Kubernetes cluster as a whole. `minor` is the version that the NixOS release brings (`1.36`)."""

    vlan: Vlan
    minor: str
    pod_network: Network
    service_network: Network
    cluster_domain: str
    join_token: str

    @property
    def dns_address(self) -> Address:
        """The cluster DNS: the tenth address of the services, as kubeadm has it."""
        return self.service_network[min(10, self.service_network.num_addresses - 1)]


@frozen
class Node:
    """A machine that is a member of the Kubernetes cluster."""

    machine: Machine
    membership: Membership

    @property
    def name(self) -> str:
        return self.machine.name

    @property
    def address(self) -> IPv4Address | IPv6Address:
        return self.membership.leg.address


@define(frozen=True, slots=False)  # cached properties need a __dict__
class Cluster:
    """Everything there is, by name in sorted order; `firewalls` by machine."""

    name: str
    nixos: Nixos
    admin: Admin
    vlans: tuple[Vlan, ...]
    bridge: str
    resolvers: tuple[Address, ...]
    hosts: tuple[Host, ...]
    guests: tuple[Guest, ...]
    kubernetes: Kubernetes | None
    workloads: tuple[Workload, ...]
    secrets: Secrets | None
    flows: tuple[Flow, ...]
    firewalls: Mapping[str, Firewall]
    source: Source = field(eq=False, repr=False)

    @cached_property
    def machines(self) -> tuple[Machine, ...]:
        return tuple(sorted((*self.hosts, *self.guests), key=lambda machine: machine.name))

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(Node(m, m.membership) for m in self.machines if m.membership is not None)

    @cached_property
    def control_plane(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.membership.is_control_plane)

    @cached_property
    def _machines_by_name(self) -> Mapping[str, Machine]:
        return {machine.name: machine for machine in self.machines}

    def machine(self, name: str) -> Machine:
        """Return the machine called `name`, which exists."""
        return self._machines_by_name[name]

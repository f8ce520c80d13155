"""The whole cluster, resolved: rules and emitters look things up here and compute nothing twice."""

from collections.abc import Mapping
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePosixPath

from attrs import define, field, frozen

from hybridlab.diagnostic import Source, SpecPath
from hybridlab.model.exposure import Firewall
from hybridlab.model.flows import Flow
from hybridlab.model.inventory import Inventory
from hybridlab.model.mentions import Mention, NamedService, find_mentions, find_named_services
from hybridlab.model.network import OtherNetwork, Vlan
from hybridlab.model.node import Guest, Host, Machine, Membership
from hybridlab.model.waivers import CheckSettings
from hybridlab.model.workload import (
    AmdGpuDevicePlugin,
    App,
    KubernetesObject,
    Manifests,
    Pods,
    PodTemplate,
    Workload,
)
from hybridlab.spec.scalars import Address, Network, System
from hybridlab.tables import ports


@frozen
class Nixos:
    """What every machine's NixOS has in common."""

    release: str
    state_version: str
    system: System
    time_zone: str | None


@frozen
class Admin:
    """Who runs the cluster, and the VLANs that they come from."""

    user: str
    ssh_keys: tuple[str, ...]
    vlans: tuple[Vlan, ...]


@frozen
class GuestKeys:
    """A second sops file, which only its host and people read: the age private keys of the host's guests.

    A guest gets its own handed over by the host (docs/decisions/0007-keys-of-guests.md). `recipients` are
    the age public keys that can read the file, `guests` those of the guests, each by name.
    """

    host: str
    file: str
    recipients: Mapping[str, str]
    guests: Mapping[str, str]


@frozen
class WorkloadSecrets:
    """A sops file that only control planes and people read: the values that pods are given, by their `keys`.

    A control plane brings them into the cluster (docs/decisions/0009-secrets-in-pods.md). `recipients` are
    the age public keys that can read the file, by name.
    """

    file: str
    recipients: Mapping[str, str]
    keys: tuple[str, ...]


@frozen
class Secrets:
    """The sops file, relative to the spec, and the age public keys that can read it, by name.

    `people` are the recipients that are no machine. `of_workloads` is None where no workload has a secret.
    """

    file: str
    recipients: Mapping[str, str]
    people: frozenset[str] = frozenset()
    guest_keys: tuple[GuestKeys, ...] = ()
    of_workloads: WorkloadSecrets | None = None

    def guest_file(self, host: str) -> str:
        """Return the sops file with the keys of the guests of `host`: beside the other one."""
        return str(PurePosixPath(self.file).with_name(f"{host}-guests.yaml"))

    @property
    def workloads_file(self) -> str:
        """Return the sops file with what pods are given: beside the other one."""
        return str(PurePosixPath(self.file).with_name("workloads.yaml"))

    @property
    def files(self) -> Mapping[str, Mapping[str, str]]:
        """The recipients of every sops file, by its name."""
        files = {self.file: self.recipients}
        files |= {keys.file: keys.recipients for keys in self.guest_keys}
        if self.of_workloads is not None:
            files[self.of_workloads.file] = self.of_workloads.recipients
        return files

    def readers_of_guest_keys(self, host: str) -> Mapping[str, str]:
        """Return who can read that file: the host, and people."""
        return {name: key for name, key in self.recipients.items() if name in self.people or name == host}


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
    def api_address(self) -> Address:
        """The API server as a Service: the first address of the services."""
        return self.service_network[min(1, self.service_network.num_addresses - 1)]

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
    other_networks: tuple[OtherNetwork, ...] = ()
    check_settings: CheckSettings = field(factory=CheckSettings)
    source: Source = field(eq=False, repr=False, kw_only=True)

    @cached_property
    def machines(self) -> tuple[Machine, ...]:
        return tuple(sorted((*self.hosts, *self.guests), key=lambda machine: machine.name))

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(Node(m, m.membership) for m in self.machines if m.membership is not None)

    @cached_property
    def control_plane(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.membership.is_control_plane)

    @property
    def api_url(self) -> str:
        """Where the API server answers nodes, under the name in its certificate."""
        return f"https://{self.control_plane[0].name}:{ports.API_SERVER.port}"

    @property
    def cfssl_url(self) -> str:
        """Where nodes ask for certificates."""
        return f"https://{self.control_plane[0].name}:{ports.CFSSL.port}"

    @cached_property
    def device_plugin_nodes(self) -> frozenset[str]:
        """The nodes on which a device plugin runs, one of ours or of the user's own."""
        own = (w.nodes for w in self.workloads if isinstance(w, AmdGpuDevicePlugin))
        others = (template.pods.nodes for template in self.templates if template.is_device_plugin)
        return frozenset(name for nodes in (*own, *others) for name in nodes)

    @cached_property
    def apps(self) -> tuple[App, ...]:
        """The workloads that come with a namespace of their own."""
        return tuple(workload for workload in self.workloads if isinstance(workload, App))

    @cached_property
    def manifests(self) -> tuple[Manifests, ...]:
        """The workloads that are folders of the user's own manifests."""
        return tuple(workload for workload in self.workloads if isinstance(workload, Manifests))

    @cached_property
    def templates(self) -> tuple[PodTemplate, ...]:
        """The pods that objects in these make."""
        return tuple(template for workload in self.manifests for template in workload.templates)

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """The addresses that stand in their texts, and in variables of workloads."""
        return tuple(find_mentions((*self.objects, *self.apps)))

    @cached_property
    def named_services(self) -> tuple[NamedService, ...]:
        """The names of Services that stand in their texts, and in variables of workloads."""
        return tuple(find_named_services((*self.objects, *self.apps)))

    @cached_property
    def objects(self) -> tuple[KubernetesObject, ...]:
        """The objects in all of these."""
        return tuple(one for workload in self.manifests for one in workload.objects)

    @cached_property
    def inventory(self) -> Inventory:
        """What there is once all of this is applied."""
        return Inventory.of(self.workloads)

    @cached_property
    def made_namespaces(self) -> Mapping[str, SpecPath]:
        """The namespaces that are made with the workloads, each with its place."""
        made = {one.name: one.path for one in self.objects if (one.group, one.kind) == ("", "Namespace")}
        return made | {app.namespace: app.path for app in self.apps}

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """All namespaces that something of the workloads is in."""
        used = {one.namespace for one in self.objects if one.namespace is not None}
        others = {w.namespace for w in self.workloads if not isinstance(w, Manifests)}
        return frozenset({*self.made_namespaces, *used, *others})

    @cached_property
    def pods(self) -> tuple[Pods, ...]:
        """All pods of all workloads, as the scheduler sees them."""
        return tuple(pods for workload in self.workloads for pods in workload.pods)

    @cached_property
    def _machines_by_name(self) -> Mapping[str, Machine]:
        return {machine.name: machine for machine in self.machines}

    @cached_property
    def guest_keys(self) -> Mapping[str, GuestKeys]:
        """The keys of guests by the host that hands them over."""
        return {keys.host: keys for keys in self.secrets.guest_keys} if self.secrets else {}

    @cached_property
    def guests_with_keys(self) -> frozenset[str]:
        """The guests that decrypt secrets."""
        return frozenset(guest for keys in self.guest_keys.values() for guest in keys.guests)

    def machine(self, name: str) -> Machine:
        """Return the machine called `name`, which exists."""
        return self._machines_by_name[name]

"""From what the user wrote to what it means: names become objects, defaults and tables apply.

Every name that dangles is reported at once. What resolves but can not work is for the rules to say.
"""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from attrs import field, frozen

from hybridlab.diagnostic import Diagnostic, Related, Report, Severity, SpecPath
from hybridlab.errors import ResolveError
from hybridlab.model.allocate import allocate_identity
from hybridlab.model.cluster import Admin, Cluster, Kubernetes, Nixos, Secrets
from hybridlab.model.exposure import derive_firewalls
from hybridlab.model.flows import derive_flows
from hybridlab.model.network import Leg, Vlan
from hybridlab.model.node import Gpu, Guest, Host, Machine, Membership
from hybridlab.model.workload import AmdGpuDevicePlugin, Exposure, Ollama, Workload
from hybridlab.spec.cluster import ClusterSpec, SecretsSpec
from hybridlab.spec.gpu import GpuSpec
from hybridlab.spec.machine import GuestSpec, HostSpec, MembershipSpec, Role
from hybridlab.spec.scalars import LabelKey, LabelValue, Name, System
from hybridlab.spec.workload import AmdGpuDevicePluginSpec, ExposeSpec, OllamaSpec
from hybridlab.tables import images, ports
from hybridlab.tables.gpu import GPU_MODELS
from hybridlab.tables.releases import RELEASES

K = TypeVar("K", bound=str)
T = TypeVar("T")

_ARCHITECTURE = {System.X86_64: "amd64", System.AARCH64: "arm64"}  # as Kubernetes names it


def resolve(spec: ClusterSpec) -> Cluster:
    """Return the cluster that `spec` means.

    Raises: ResolveError with every name that refers to nothing.
    """
    resolver = _Resolver(spec)
    cluster = resolver.cluster()
    if resolver.problems:
        raise ResolveError(Report.of(resolver.problems, spec.source))
    return cluster


@frozen
class _Resolver:
    """Resolves one spec; a part that refers to nothing is reported in `problems` and left out."""

    spec: ClusterSpec
    problems: list[Diagnostic] = field(factory=list)

    def cluster(self) -> Cluster:
        spec = self.spec
        vlans = {name: Vlan(name, v.id, v.cidr, v.gateway) for name, v in sorted(spec.networks.vlans.items())}
        release = self._known(RELEASES, spec.nixos.release, "NixOS release", SpecPath.of("nixos", "release"))
        admin = Admin(
            user=spec.admin.user,
            ssh_keys=spec.admin.ssh_keys,
            vlans=tuple(vlans.values())
            if spec.admin.ssh_from is None
            else self._vlans(vlans, spec.admin.ssh_from, SpecPath.of("admin", "sshFrom")),
        )
        kubernetes = self._kubernetes(vlans, release.kubernetes_minor if release else "")
        guests = self._guests(vlans)
        hosts = self._hosts(vlans, guests)
        machines: list[Machine] = sorted((*hosts, *guests), key=lambda machine: machine.name)
        workloads = self._workloads(vlans, machines)
        flows = derive_flows(machines, workloads, admin.vlans)
        return Cluster(
            name=spec.name,
            nixos=Nixos(spec.nixos.release, spec.nixos.state_version, spec.nixos.system),
            admin=admin,
            vlans=tuple(vlans.values()),
            bridge=spec.networks.bridge,
            resolvers=spec.networks.dns,
            hosts=hosts,
            guests=guests,
            kubernetes=kubernetes,
            workloads=workloads,
            secrets=None if spec.secrets is None else _secrets(spec.secrets),
            flows=flows,
            firewalls=derive_firewalls(flows),
            source=spec.source,
        )

    # Names

    def _problem(
        self, code: str, message: str, path: SpecPath, hint: str | None = None, *related: Related
    ) -> None:
        self.problems.append(Diagnostic(code, Severity.ERROR, message, path, hint, related))

    def _known(self, things: Mapping[K, T], name: K, kind: str, path: SpecPath) -> T | None:
        """Return what `name` refers to; None, and a problem, if it refers to nothing."""
        if name in things:
            return things[name]
        close = difflib.get_close_matches(name, things, n=1)
        names = ", ".join(sorted(things)[:20]) or "none"
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {names}"
        self._problem("RES001", f"{path} refers to {kind} {name!r}, which does not exist", path, hint)
        return None

    def _vlans(self, vlans: Mapping[Name, Vlan], names: Iterable[Name], path: SpecPath) -> tuple[Vlan, ...]:
        found = [self._known(vlans, name, "VLAN", path / index) for index, name in enumerate(names)]
        return tuple(sorted({vlan for vlan in found if vlan is not None}, key=lambda vlan: vlan.name))

    # Kubernetes as a whole

    def _kubernetes(self, vlans: Mapping[Name, Vlan], minor: str) -> Kubernetes | None:
        spec = self.spec.kubernetes
        if spec is None:
            self._refuse_members_without_cluster()
            return None
        if self.spec.secrets is None:
            self._problem(
                "RES003",
                "the join token of Kubernetes lies in the sops file, but the spec has no secrets",
                SpecPath.of("kubernetes"),
                "add a key 'secrets' with 'recipients'",
            )
        vlan = self._known(vlans, spec.vlan, "VLAN", SpecPath.of("kubernetes", "vlan"))
        if vlan is None:
            return None
        return Kubernetes(
            vlan=vlan,
            minor=minor,
            pod_network=spec.pod_cidr,
            service_network=spec.service_cidr,
            cluster_domain=spec.cluster_domain,
            join_token=spec.join_token.secret,
        )

    def _refuse_members_without_cluster(self) -> None:
        paths = [
            SpecPath.of(key, name, "kubernetes")
            for key, machines in (("hosts", self.spec.hosts), ("guests", self.spec.guests))
            for name, machine in machines.items()
            if machine.kubernetes is not None
        ]
        paths += [SpecPath.of("workloads", name) for name in self.spec.workloads]
        for path in paths:
            self._problem(
                "RES002",
                f"{path} needs a Kubernetes cluster, but the spec has none",
                path,
                "add a key 'kubernetes' to the spec",
            )

    # Machines

    def _guests(self, vlans: Mapping[Name, Vlan]) -> tuple[Guest, ...]:
        resolved = (self._guest(vlans, name, guest) for name, guest in sorted(self.spec.guests.items()))
        return tuple(guest for guest in resolved if guest is not None)

    def _guest(self, vlans: Mapping[Name, Vlan], name: str, spec: GuestSpec) -> Guest | None:
        path = SpecPath.of("guests", name)
        if name in self.spec.hosts:
            other = Related("the host of this name", SpecPath.of("hosts", name))
            self._problem("RES004", f"a host and a guest are both called {name!r}", path, None, other)
        host = self._known(self.spec.hosts, spec.host, "host", path / "host")
        vlan = self._known(vlans, spec.vlan, "VLAN", path / "vlan")
        if host is None or vlan is None:
            return None
        leg = Leg(vlan, spec.address, interface=f"vlan{vlan.id}")
        return Guest(
            name=name,
            host=spec.host,
            leg=leg,
            vcpus=spec.vcpus,
            memory_mib=spec.memory.mib,
            storage_mib=spec.storage.mib,
            hypervisor=spec.hypervisor,
            identity=allocate_identity(self.spec.name, name, spec),
            membership=self._membership(name, path, spec.kubernetes, (leg,)),
        )

    def _hosts(self, vlans: Mapping[Name, Vlan], guests: Iterable[Guest]) -> tuple[Host, ...]:
        by_host: dict[str, list[Guest]] = {}
        for guest in guests:
            by_host.setdefault(guest.host, []).append(guest)
        return tuple(
            self._host(vlans, name, host, tuple(by_host.get(name, ())))
            for name, host in sorted(self.spec.hosts.items())
        )

    def _host(self, vlans: Mapping[Name, Vlan], name: str, spec: HostSpec, guests: tuple[Guest, ...]) -> Host:
        path = SpecPath.of("hosts", name)
        legs = tuple(
            Leg(vlan, address, interface=f"{self.spec.networks.bridge}.{vlan.id}")
            for vlan_name, address in sorted(spec.addresses.items())
            if (vlan := self._known(vlans, vlan_name, "VLAN", path / "addresses" / vlan_name)) is not None
        )
        return Host(
            name=name,
            uplink=spec.uplink,
            legs=legs,
            cpus=spec.cpus,
            memory_mib=spec.memory.mib,
            gpu=self._gpu(spec.gpu, path / "gpu", guests),
            membership=self._membership(name, path, spec.kubernetes, legs),
            guests=guests,
        )

    def _gpu(self, spec: GpuSpec | None, path: SpecPath, guests: tuple[Guest, ...]) -> Gpu | None:
        if spec is None:
            return None
        model = self._known(GPU_MODELS, spec.model, "GPU model", path / "model")
        passthrough = spec.passthrough
        if passthrough is not None and passthrough.guest is not None:
            own = {guest.name: guest for guest in guests}
            self._known(own, passthrough.guest, "guest of this host", path / "passthrough" / "guest")
        if model is None:
            return None
        return Gpu(
            model=model,
            mode=spec.mode,
            count=spec.count,
            passthrough_address=passthrough.address if passthrough else None,
            passthrough_ids=passthrough.ids if passthrough else (),
            passthrough_guest=passthrough.guest if passthrough else None,
        )

    def _membership(
        self, name: str, path: SpecPath, spec: MembershipSpec | None, legs: tuple[Leg, ...]
    ) -> Membership | None:
        if spec is None or self.spec.kubernetes is None:
            return None
        vlan = self.spec.kubernetes.vlan
        leg = next((leg for leg in legs if leg.vlan.name == vlan), None)
        if leg is None:
            if vlan in self.spec.networks.vlans:
                self._problem(
                    "RES005",
                    f"node {name!r} has no address in VLAN {vlan!r}, on which the nodes of Kubernetes talk",
                    path,
                    None,
                    Related("the VLAN of Kubernetes", SpecPath.of("kubernetes", "vlan")),
                )
            return None
        return Membership(
            role=spec.role,
            own_labels=dict(sorted(spec.labels.items())),
            labels={
                **dict(sorted(spec.labels.items())),
                "kubernetes.io/arch": _ARCHITECTURE[self.spec.nixos.system],
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
            },
            schedulable=spec.role is Role.WORKER if spec.schedulable is None else spec.schedulable,
            leg=leg,
        )

    # Workloads

    def _workloads(self, vlans: Mapping[Name, Vlan], machines: Iterable[Machine]) -> tuple[Workload, ...]:
        machines = tuple(machines)
        resolved: list[Workload] = []
        for name, spec in sorted(self.spec.workloads.items()):
            match spec:
                case AmdGpuDevicePluginSpec():
                    resolved.append(_device_plugin(name, spec, machines))
                case OllamaSpec():
                    exposure = self._exposure(vlans, name, spec.expose)
                    resolved.append(_ollama(name, spec, machines, exposure))
        return tuple(resolved)

    def _exposure(self, vlans: Mapping[Name, Vlan], name: str, spec: ExposeSpec | None) -> Exposure | None:
        if spec is None:
            return None
        path = SpecPath.of("workloads", name, "expose", "from")
        return Exposure(spec.node_port, self._vlans(vlans, spec.from_, path))


def _secrets(spec: SecretsSpec) -> Secrets:
    return Secrets(spec.file, dict(sorted(spec.recipients.items())))


def _schedulable(machines: Iterable[Machine], selector: Mapping[LabelKey, LabelValue]) -> tuple[Machine, ...]:
    """Return the machines that pods with this node selector may run on."""
    return tuple(
        machine
        for machine in machines
        if machine.membership is not None
        and machine.membership.schedulable
        and selector.items() <= machine.membership.labels.items()
    )


def _device_plugin(
    name: str, spec: AmdGpuDevicePluginSpec, machines: Iterable[Machine]
) -> AmdGpuDevicePlugin:
    nodes = _schedulable(machines, spec.node_selector)
    if not spec.node_selector:
        nodes = tuple(machine for machine in nodes if isinstance(machine, Host) and machine.gpus_for_pods)
    return AmdGpuDevicePlugin(
        name=name,
        node_selector=dict(sorted(spec.node_selector.items())),
        image=spec.image or images.AMD_GPU_DEVICE_PLUGIN,
        nodes=tuple(machine.name for machine in nodes),
    )


def _ollama(name: str, spec: OllamaSpec, machines: Iterable[Machine], exposure: Exposure | None) -> Ollama:
    nodes = _schedulable(machines, spec.node_selector)
    gpus = [m.gpu for m in nodes if isinstance(m, Host) and m.gpu is not None and m.gpus_for_pods]
    environment: dict[str, str] = {}
    if spec.gpus:
        for gpu in gpus:
            environment |= gpu.model.environment
    return Ollama(
        name=name,
        namespace=spec.namespace,
        models=spec.models,
        gpus=spec.gpus,
        gpu_resource=gpus[0].model.resource if gpus else "amd.com/gpu",
        node_selector=dict(sorted(spec.node_selector.items())),
        image=spec.image or (images.OLLAMA_ROCM if spec.gpus else images.OLLAMA),
        env=dict(sorted((environment | dict(spec.env)).items())),
        privileged=spec.privileged,
        service=ports.OLLAMA,
        exposure=exposure,
        nodes=tuple(machine.name for machine in nodes),
    )

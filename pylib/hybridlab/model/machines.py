"""Hosts and guests from what the user wrote of them: legs in VLANs, identities, parts in the cluster."""

from collections.abc import Iterable, Mapping

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.allocate import allocate_identity
from hybridlab.model.network import Leg
from hybridlab.model.node import Gpu, Guest, Host, Membership, OwnService
from hybridlab.model.scope import Scope
from hybridlab.spec.gpu import GpuMode, GpuSpec
from hybridlab.spec.machine import GuestSpec, HostSpec, MembershipSpec, Role, ServiceSpec
from hybridlab.spec.scalars import Name, System
from hybridlab.spec.workload import AmdGpuDevicePluginSpec
from hybridlab.tables.gpu import GPU_MODELS
from hybridlab.tables.ports import Protocol

_ARCHITECTURE = {System.X86_64: "amd64", System.AARCH64: "arm64"}  # as Kubernetes names it


def resolve_guests(scope: Scope) -> tuple[Guest, ...]:
    """Return the guests by name, without those whose host or VLAN does not exist."""
    resolved = (_guest(scope, name, guest) for name, guest in sorted(scope.spec.guests.items()))
    return tuple(guest for guest in resolved if guest is not None)


def resolve_hosts(scope: Scope, guests: Iterable[Guest]) -> tuple[Host, ...]:
    """Return the hosts by name, each with its guests."""
    by_host: dict[str, list[Guest]] = {}
    for guest in guests:
        by_host.setdefault(guest.host, []).append(guest)
    return tuple(
        _host(scope, name, host, tuple(by_host.get(name, ())))
        for name, host in sorted(scope.spec.hosts.items())
    )


def _guest(scope: Scope, name: Name, guest: GuestSpec) -> Guest | None:
    path = SpecPath.of("guests", name)
    if name in scope.spec.hosts:
        other = Related("the host of this name", SpecPath.of("hosts", name))
        message = f"a host and a guest are both called {name!r}"
        scope.problem("RES004", message, path, hint="rename one of them", related=(other,), on_key=True)
    host = scope.known(scope.spec.hosts, guest.host, "host", path / "host")
    vlan = scope.vlan(guest.vlan, path / "vlan")
    if host is None or vlan is None:
        return None
    leg = Leg(vlan, guest.address, interface=f"vlan{vlan.id}")
    return Guest(
        name=name,
        host=guest.host,
        leg=leg,
        vcpus=guest.vcpus,
        memory_mib=guest.memory.mib,
        storage_mib=guest.storage.mib,
        hypervisor=guest.hypervisor,
        store=guest.store,
        balloon=guest.balloon,
        identity=allocate_identity(scope.spec.name, name, guest),
        membership=_membership(scope, path, guest.kubernetes, (leg,)),
        services=_services(scope, path / "services", guest.services),
    )


def _host(scope: Scope, name: Name, host: HostSpec, guests: tuple[Guest, ...]) -> Host:
    path = SpecPath.of("hosts", name)
    legs = []
    for vlan_name, address in sorted(host.addresses.items()):
        vlan = scope.vlan(vlan_name, path / "addresses" / vlan_name, on_key=True)
        if vlan is not None:
            legs.append(Leg(vlan, address, interface=f"{scope.spec.networks.bridge}.{vlan.id}"))
    gpu = None if host.gpu is None else _gpu(scope, path / "gpu", host.gpu, guests)
    return Host(
        name=name,
        uplink=host.uplink,
        legs=tuple(legs),
        cpus=host.cpus,
        memory_mib=host.memory.mib,
        gpu=gpu,
        membership=_membership(scope, path, host.kubernetes, tuple(legs), gpu),
        guests=guests,
        services=_services(scope, path / "services", host.services),
    )


def _services(scope: Scope, path: SpecPath, services: Mapping[Name, ServiceSpec]) -> tuple[OwnService, ...]:
    return tuple(
        OwnService(
            name=name,
            port=service.port,
            protocol=Protocol(service.protocol.value),
            vlans=scope.vlans_named(service.from_, path / name / "from"),
            path=path / name,
        )
        for name, service in sorted(services.items())
    )


def _gpu(scope: Scope, path: SpecPath, spec: GpuSpec, guests: tuple[Guest, ...]) -> Gpu | None:
    model = scope.known(GPU_MODELS, spec.model, "GPU model", path / "model")
    passthrough = spec.passthrough
    if passthrough is not None and passthrough.guest is not None:
        _guest_of_passthrough(scope, path / "passthrough" / "guest", passthrough.guest, guests)
    if model is None:
        return None
    return Gpu(
        model=model,
        mode=spec.mode,
        count=spec.count,
        memory_mib=0 if spec.memory is None else spec.memory.mib,
        passthrough_address=passthrough.address if passthrough else None,
        passthrough_ids=passthrough.ids if passthrough else (),
        passthrough_guest=passthrough.guest if passthrough else None,
    )


def _guest_of_passthrough(scope: Scope, path: SpecPath, name: Name, guests: tuple[Guest, ...]) -> None:
    """See to it that the guest that gets a GPU is on the host of the GPU."""
    own = {guest.name: guest for guest in guests}
    elsewhere = scope.spec.guests.get(name)
    if name in own or elsewhere is None or elsewhere.host not in scope.spec.hosts:
        scope.known(own, name, "guest of this host", path)
        return
    scope.problem(
        "RES001",
        f"{path} refers to guest {name!r}, which is on another host, {elsewhere.host!r}",
        path,
        hint=f"the guests of this host are: {', '.join(sorted(own)) or 'none'}",
        related=(Related("where the guest is", SpecPath.of("guests", name, "host")),),
    )


def _membership(
    scope: Scope,
    path: SpecPath,
    member: MembershipSpec | None,
    legs: tuple[Leg, ...],
    gpu: Gpu | None = None,
) -> Membership | None:
    spec, name = scope.spec, str(path[-1])
    if member is None or spec.kubernetes is None:
        return None
    vlan = spec.kubernetes.vlan
    leg = next((leg for leg in legs if leg.vlan.name == vlan), None)
    if leg is None:
        if vlan in spec.networks.vlans:
            scope.problem(
                "RES005",
                f"node {name!r} has no address in VLAN {vlan!r}, on which the nodes of Kubernetes talk",
                path,
                hint=f"give it an address in {vlan!r}, or remove its key 'kubernetes'",
                related=(Related("the VLAN of Kubernetes", SpecPath.of("kubernetes", "vlan")),),
                on_key=True,
            )
        return None
    own_labels: dict[str, str] = dict(sorted(member.labels.items()))
    return Membership(
        role=member.role,
        own_labels=own_labels,
        labels={
            **own_labels,
            "kubernetes.io/arch": _ARCHITECTURE[spec.nixos.system],
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
        },
        taints=tuple(sorted(member.taints)),
        schedulable=member.role is Role.WORKER if member.schedulable is None else member.schedulable,
        leg=leg,
        says_its_gpus=gpu is not None and gpu.mode is GpuMode.HOST and _has_labeller(scope, member),
    )


def _has_labeller(scope: Scope, member: MembershipSpec) -> bool:
    """Whether AMD's node labeller runs on such a node."""
    plugins = (w for w in scope.spec.workloads.values() if isinstance(w, AmdGpuDevicePluginSpec))
    return any(w.labeller and w.node_selector.items() <= member.labels.items() for w in plugins)

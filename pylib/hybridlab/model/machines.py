"""Hosts and guests from what the user wrote of them: legs in VLANs, identities, parts in the cluster."""

from collections.abc import Iterable, Mapping

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.allocate import allocate_identity
from hybridlab.model.network import Leg, Vlan
from hybridlab.model.node import Gpu, Guest, Host, Membership
from hybridlab.model.problems import Problems
from hybridlab.spec.cluster import ClusterSpec
from hybridlab.spec.gpu import GpuSpec
from hybridlab.spec.machine import GuestSpec, HostSpec, MembershipSpec, Role
from hybridlab.spec.scalars import Name, System
from hybridlab.tables.gpu import GPU_MODELS

_ARCHITECTURE = {System.X86_64: "amd64", System.AARCH64: "arm64"}  # as Kubernetes names it


def resolve_guests(spec: ClusterSpec, vlans: Mapping[Name, Vlan], problems: Problems) -> tuple[Guest, ...]:
    """Return the guests by name, without those whose host or VLAN does not exist."""
    resolved = (_guest(spec, name, guest, vlans, problems) for name, guest in sorted(spec.guests.items()))
    return tuple(guest for guest in resolved if guest is not None)


def resolve_hosts(
    spec: ClusterSpec, vlans: Mapping[Name, Vlan], guests: Iterable[Guest], problems: Problems
) -> tuple[Host, ...]:
    """Return the hosts by name, each with its guests."""
    by_host: dict[str, list[Guest]] = {}
    for guest in guests:
        by_host.setdefault(guest.host, []).append(guest)
    return tuple(
        _host(spec, name, host, vlans, tuple(by_host.get(name, ())), problems)
        for name, host in sorted(spec.hosts.items())
    )


def _guest(
    spec: ClusterSpec, name: Name, guest: GuestSpec, vlans: Mapping[Name, Vlan], problems: Problems
) -> Guest | None:
    path = SpecPath.of("guests", name)
    if name in spec.hosts:
        other = Related("the host of this name", SpecPath.of("hosts", name))
        message = f"a host and a guest are both called {name!r}"
        problems.add("RES004", message, path, "rename one of them", related=[other], on_key=True)
    host = problems.known(spec.hosts, guest.host, "host", path / "host")
    vlan = problems.known(vlans, guest.vlan, "VLAN", path / "vlan")
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
        identity=allocate_identity(spec.name, name, guest),
        membership=_membership(spec, name, guest.kubernetes, path, (leg,), problems),
    )


def _host(
    spec: ClusterSpec,
    name: Name,
    host: HostSpec,
    vlans: Mapping[Name, Vlan],
    guests: tuple[Guest, ...],
    problems: Problems,
) -> Host:
    path = SpecPath.of("hosts", name)
    legs = []
    for vlan_name, address in sorted(host.addresses.items()):
        vlan = problems.known(vlans, vlan_name, "VLAN", path / "addresses" / vlan_name, on_key=True)
        if vlan is not None:
            legs.append(Leg(vlan, address, interface=f"{spec.networks.bridge}.{vlan.id}"))
    return Host(
        name=name,
        uplink=host.uplink,
        legs=tuple(legs),
        cpus=host.cpus,
        memory_mib=host.memory.mib,
        gpu=None if host.gpu is None else _gpu(host.gpu, path / "gpu", guests, problems),
        membership=_membership(spec, name, host.kubernetes, path, tuple(legs), problems),
        guests=guests,
    )


def _gpu(spec: GpuSpec, path: SpecPath, guests: tuple[Guest, ...], problems: Problems) -> Gpu | None:
    model = problems.known(GPU_MODELS, spec.model, "GPU model", path / "model")
    passthrough = spec.passthrough
    if passthrough is not None and passthrough.guest is not None:
        own = {guest.name: guest for guest in guests}
        problems.known(own, passthrough.guest, "guest of this host", path / "passthrough" / "guest")
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
    spec: ClusterSpec,
    name: Name,
    member: MembershipSpec | None,
    path: SpecPath,
    legs: tuple[Leg, ...],
    problems: Problems,
) -> Membership | None:
    if member is None or spec.kubernetes is None:
        return None
    vlan = spec.kubernetes.vlan
    leg = next((leg for leg in legs if leg.vlan.name == vlan), None)
    if leg is None:
        if vlan in spec.networks.vlans:
            problems.add(
                "RES005",
                f"node {name!r} has no address in VLAN {vlan!r}, on which the nodes of Kubernetes talk",
                path,
                f"give it an address in {vlan!r}, or remove its key 'kubernetes'",
                related=[Related("the VLAN of Kubernetes", SpecPath.of("kubernetes", "vlan"))],
                on_key=True,
            )
        return None
    own_labels = dict(sorted(member.labels.items()))
    return Membership(
        role=member.role,
        own_labels=own_labels,
        labels={
            **own_labels,
            "kubernetes.io/arch": _ARCHITECTURE[spec.nixos.system],
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
        },
        schedulable=member.role is Role.WORKER if member.schedulable is None else member.schedulable,
        leg=leg,
    )

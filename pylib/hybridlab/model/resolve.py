"""From what the user wrote to what it means: names become objects, defaults and tables apply.

Every name that dangles is reported at once. What resolves but can not work is for the rules to say.
"""

from collections.abc import Iterable

from attrs import evolve

from hybridlab.diagnostic import Related, Report, SpecPath
from hybridlab.errors import ResolveError
from hybridlab.model.cluster import Admin, Cluster, GuestKeys, Kubernetes, Nixos, Secrets, WorkloadSecrets
from hybridlab.model.exposure import derive_firewalls
from hybridlab.model.flows import derive_flows
from hybridlab.model.machines import resolve_guests, resolve_hosts
from hybridlab.model.network import Device, DhcpRange, OtherNetwork, Vlan
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.model.scope import Scope
from hybridlab.model.waivers import CheckSettings, Waiver
from hybridlab.model.workload import App, Workload
from hybridlab.model.workloads import resolve_workloads
from hybridlab.spec.cluster import ClusterSpec, SecretsSpec
from hybridlab.spec.network import VlanSpec
from hybridlab.spec.places import astray, tree_of
from hybridlab.tables.releases import RELEASES

_MOST_RELATED = 3


def resolve(spec: ClusterSpec) -> Cluster:
    """Return the cluster that `spec` means.

    Raises: ResolveError with every name that refers to nothing.
    """
    vlans = {name: _vlan(name, vlan) for name, vlan in sorted(spec.networks.vlans.items())}
    scope = Scope(spec, vlans)
    cluster = _cluster(scope)
    if scope.problems:
        raise ResolveError(Report.of(scope.problems, spec.source))
    return cluster


def _cluster(scope: Scope) -> Cluster:
    spec = scope.spec
    admin = _admin(scope)
    kubernetes = _kubernetes(scope)
    guests = resolve_guests(scope)
    hosts = resolve_hosts(scope, guests)
    machines: list[Machine] = sorted((*hosts, *guests), key=lambda machine: machine.name)
    _one_for_the_vlan(scope)
    workloads = resolve_workloads(scope, machines)
    flows = derive_flows(machines, workloads, admin.vlans)
    return Cluster(
        name=spec.name,
        nixos=Nixos(spec.nixos.release, spec.nixos.state_version, spec.nixos.system, spec.nixos.time_zone),
        admin=admin,
        vlans=tuple(scope.vlans.values()),
        bridge=spec.networks.bridge,
        resolvers=spec.networks.dns,
        hosts=hosts,
        guests=guests,
        kubernetes=kubernetes,
        workloads=workloads,
        secrets=None if spec.secrets is None else _secrets(spec.secrets, hosts, guests, workloads),
        flows=flows,
        firewalls=derive_firewalls(flows),
        other_networks=tuple(OtherNetwork(n, cidr) for n, cidr in sorted(spec.networks.others.items())),
        check_settings=_check_settings(spec),
        source=spec.source,
    )


def _check_settings(spec: ClusterSpec) -> CheckSettings:
    if spec.check is None:
        return CheckSettings()
    path = SpecPath.of("check", "waivers")
    places = tree_of(spec) if spec.check.waivers else {}
    waivers = tuple(
        Waiver(
            w.code,
            w.at,
            w.reason,
            None if w.until is None else w.until.day,
            path / index,
            None if w.at is None else astray(places, w.at),
        )
        for index, w in enumerate(spec.check.waivers)
    )
    return CheckSettings(waivers, {str(code): severity for code, severity in spec.check.severities.items()})


def _vlan(name: str, spec: VlanSpec) -> Vlan:
    path = SpecPath.of("networks", "vlans", name, "devices")
    devices = tuple(Device(d, address, path / d) for d, address in sorted(spec.devices.items()))
    dhcp = None if spec.dhcp is None else DhcpRange(spec.dhcp.from_, spec.dhcp.to)
    return Vlan(name, spec.id, spec.cidr, spec.gateway, dhcp, devices)


def _admin(scope: Scope) -> Admin:
    spec = scope.spec.admin
    vlans = tuple(scope.vlans.values())
    if spec.ssh_from is not None:
        vlans = scope.vlans_named(spec.ssh_from, SpecPath.of("admin", "sshFrom"))
    return Admin(spec.user, spec.ssh_keys, vlans)


def _secrets(
    spec: SecretsSpec, hosts: Iterable[Host], guests: Iterable[Guest], workloads: Iterable[Workload]
) -> Secrets:
    recipients: dict[str, str] = dict(sorted(spec.recipients.items()))
    machines = {host.name for host in hosts} | {guest.name for guest in guests}
    people = frozenset(recipients.keys() - machines)
    secrets = Secrets(spec.file, recipients, people)
    keys = []
    for host in hosts:
        own = {guest.name: recipients[guest.name] for guest in host.guests if guest.name in recipients}
        if own:
            readers = secrets.readers_of_guest_keys(host.name)
            keys.append(GuestKeys(host.name, secrets.guest_file(host.name), readers, own))
    return evolve(
        secrets, guest_keys=tuple(keys), of_workloads=_of_workloads(secrets, (*hosts, *guests), workloads)
    )


def _of_workloads(
    secrets: Secrets, machines: Iterable[Machine], workloads: Iterable[Workload]
) -> WorkloadSecrets | None:
    used = {use.key for workload in workloads if isinstance(workload, App) for use in workload.secrets}
    if not used:
        return None
    control_planes = {m.name for m in machines if m.membership is not None and m.membership.is_control_plane}
    readers = {
        name: key
        for name, key in secrets.recipients.items()
        if name in secrets.people or name in control_planes
    }
    return WorkloadSecrets(secrets.workloads_file, readers, tuple(sorted(used)))


def _kubernetes(scope: Scope) -> Kubernetes | None:
    spec = scope.spec
    path = SpecPath.of("nixos", "release")
    hint = f"this hybridlab knows {' and '.join(RELEASES)}"
    release = scope.known(RELEASES, spec.nixos.release, "NixOS release", path, hint=hint)
    if spec.kubernetes is None:
        _refuse_members_without_cluster(scope)
        return None
    if spec.secrets is None:
        scope.problem(
            "RES003",
            "the join token of Kubernetes lies in the sops file, but the spec has no secrets",
            SpecPath.of("kubernetes"),
            hint="add a key 'secrets' with 'recipients'",
            on_key=True,
        )
    vlan = scope.vlan(spec.kubernetes.vlan, SpecPath.of("kubernetes", "vlan"))
    if vlan is None or release is None:
        return None
    return Kubernetes(
        vlan=vlan,
        minor=release.kubernetes_minor,
        pod_network=spec.kubernetes.pod_cidr,
        service_network=spec.kubernetes.service_cidr,
        cluster_domain=spec.kubernetes.cluster_domain,
        join_token=spec.kubernetes.join_token.secret,
    )


def _one_for_the_vlan(scope: Scope) -> None:
    """Say once that nodes have no address in the VLAN of Kubernetes, where all have one in another VLAN."""
    off = [problem for problem in scope.problems if problem.code == "RES005"]
    if scope.spec.kubernetes is None or len(off) < 2:
        return
    legs = [set(host.addresses) for host in scope.spec.hosts.values() if host.kubernetes]
    legs += [{guest.vlan} for guest in scope.spec.guests.values() if guest.kubernetes]
    meant = sorted(set.intersection(*legs) & set(scope.vlans))
    if not meant:
        return
    scope.problems[:] = [problem for problem in scope.problems if problem.code != "RES005"]
    path = SpecPath.of("kubernetes", "vlan")
    scope.problem(
        "RES005",
        f"{len(off)} nodes have no address in VLAN {scope.spec.kubernetes.vlan!r}, on which the nodes of "
        f"Kubernetes talk, and all have one in {meant[0]!r}",
        path,
        hint=f"did you mean {meant[0]!r}?",
        related=tuple(Related(f"{one.path} has none", one.path) for one in off[:_MOST_RELATED]),
    )


def _refuse_members_without_cluster(scope: Scope) -> None:
    spec = scope.spec
    paths = [SpecPath.of("hosts", n, "kubernetes") for n, host in spec.hosts.items() if host.kubernetes]
    paths += [SpecPath.of("guests", n, "kubernetes") for n, guest in spec.guests.items() if guest.kubernetes]
    paths += [SpecPath.of("workloads", name) for name in spec.workloads]
    for path in paths:
        scope.problem(
            "RES002",
            f"{path} needs a Kubernetes cluster, but the spec has none",
            path,
            hint="add a key 'kubernetes' to the spec",
            on_key=True,
        )

"""From what the user wrote to what it means: names become objects, defaults and tables apply.

Every name that dangles is reported at once. What resolves but can not work is for the rules to say.
"""

from collections.abc import Mapping

from hybridlab.diagnostic import Report, SpecPath
from hybridlab.errors import ResolveError
from hybridlab.model.cluster import Admin, Cluster, Kubernetes, Nixos, Secrets
from hybridlab.model.exposure import derive_firewalls
from hybridlab.model.flows import derive_flows
from hybridlab.model.machines import resolve_guests, resolve_hosts
from hybridlab.model.network import Vlan
from hybridlab.model.node import Machine
from hybridlab.model.problems import Problems
from hybridlab.model.workloads import resolve_workloads
from hybridlab.spec.cluster import AdminSpec, ClusterSpec, SecretsSpec
from hybridlab.spec.scalars import Name
from hybridlab.tables.releases import RELEASES


def resolve(spec: ClusterSpec) -> Cluster:
    """Return the cluster that `spec` means.

    Raises: ResolveError with every name that refers to nothing.
    """
    problems = Problems()
    cluster = _cluster(spec, problems)
    if problems.found:
        raise ResolveError(Report.of(problems.found, spec.source))
    return cluster


def _cluster(spec: ClusterSpec, problems: Problems) -> Cluster:
    vlans = {name: Vlan(name, v.id, v.cidr, v.gateway) for name, v in sorted(spec.networks.vlans.items())}
    admin = _admin(spec.admin, vlans, problems)
    kubernetes = _kubernetes(spec, vlans, problems)
    guests = resolve_guests(spec, vlans, problems)
    hosts = resolve_hosts(spec, vlans, guests, problems)
    machines: list[Machine] = sorted((*hosts, *guests), key=lambda machine: machine.name)
    workloads = resolve_workloads(spec, vlans, machines, problems)
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


def _admin(spec: AdminSpec, vlans: Mapping[Name, Vlan], problems: Problems) -> Admin:
    chosen = tuple(vlans.values())
    if spec.ssh_from is not None:
        chosen = problems.known_vlans(vlans, spec.ssh_from, SpecPath.of("admin", "sshFrom"))
    return Admin(spec.user, spec.ssh_keys, chosen)


def _secrets(spec: SecretsSpec) -> Secrets:
    return Secrets(spec.file, dict(sorted(spec.recipients.items())))


def _kubernetes(spec: ClusterSpec, vlans: Mapping[Name, Vlan], problems: Problems) -> Kubernetes | None:
    path = SpecPath.of("nixos", "release")
    release = problems.known(RELEASES, spec.nixos.release, "NixOS release", path)
    if spec.kubernetes is None:
        _refuse_members_without_cluster(spec, problems)
        return None
    if spec.secrets is None:
        problems.add(
            "RES003",
            "the join token of Kubernetes lies in the sops file, but the spec has no secrets",
            SpecPath.of("kubernetes"),
            "add a key 'secrets' with 'recipients'",
        )
    vlan = problems.known(vlans, spec.kubernetes.vlan, "VLAN", SpecPath.of("kubernetes", "vlan"))
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


def _refuse_members_without_cluster(spec: ClusterSpec, problems: Problems) -> None:
    paths = [SpecPath.of("hosts", n, "kubernetes") for n, host in spec.hosts.items() if host.kubernetes]
    paths += [SpecPath.of("guests", n, "kubernetes") for n, guest in spec.guests.items() if guest.kubernetes]
    paths += [SpecPath.of("workloads", name) for name in spec.workloads]
    for path in paths:
        problems.add(
            "RES002",
            f"{path} needs a Kubernetes cluster, but the spec has none",
            path,
            "add a key 'kubernetes' to the spec",
            on_key=True,
        )

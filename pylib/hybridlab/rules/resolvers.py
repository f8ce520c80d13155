"""Resolvers that machines ask: addresses that can answer, and machines of the cluster that do."""

from collections.abc import Iterable, Iterator, Mapping

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.network import Leg, Vlan
from hybridlab.model.node import Guest, Host, Machine, OwnService
from hybridlab.model.plain import is_true, items, mapping
from hybridlab.model.workload import PodTemplate
from hybridlab.rules.address_plan import VlanNetworks, reserved_as
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import listed
from hybridlab.spec.scalars import Address
from hybridlab.tables.ports import DNS_PORT, Protocol

_DNS = SpecPath.of("networks", "dns")


@rule(
    "NET014",
    "unusable-resolver",
    summary="An address in `dns` can not be that of a resolver for every machine.",
    rationale="""Machines start before any pod or Service answers, and the cluster's own DNS asks the
        resolvers of its node: if that is itself, each question goes round in a circle. In a pod, an address
        of the loopback is the pod.""",
    source="""CoreDNS, plugin loop; Kubernetes docs, Customizing DNS Service (a pod's resolvers are those of
        its node); RFC 6890""",
    bad=Example(
        """
        networks: {dns: [10.96.0.10]}
        """,
        at=_DNS / 0,
    ),
    good="""
        networks: {dns: [9.9.9.9]}
    """,
)
def unusable_resolver(cluster: Cluster) -> Iterable[Finding]:
    vlans = VlanNetworks(cluster.vlans)
    for index, address in enumerate(cluster.resolvers):
        reason = _nowhere(cluster, address) or _nobody(vlans, address)
        if reason is not None:
            message = f"resolver {address} {reason}"
            yield Finding(message, _DNS / index, "take the router's address, or that of a public resolver")


def _nowhere(cluster: Cluster, address: Address) -> str | None:
    """Return why an address is no resolver wherever the VLANs are."""
    if address.is_unspecified or address.is_multicast or (address.is_reserved and not address.is_loopback):
        return "is an address that no machine has"
    if address.version == 6 and address.is_link_local:
        return "is link-local, and it is not said on which link"
    kubernetes = cluster.kubernetes
    if kubernetes is None:
        return None
    if address.is_loopback and cluster.nodes:
        return "is on the loopback, which in a pod is the pod itself"
    if address in kubernetes.service_network:
        return f"is in the network of services ({kubernetes.service_network}), whose DNS asks this resolver"
    if address in kubernetes.pod_network:
        return f"is in the network of pods ({kubernetes.pod_network}), where no address lasts"
    return None


def _nobody(vlans: VlanNetworks, address: Address) -> str | None:
    vlan = vlans.holding(address)
    kind = None if vlan is None else reserved_as(address, vlan.network)
    return None if kind is None else f"is the {kind} of {vlan}"


@rule(
    "NET015",
    "resolver-that-does-not-answer",
    severity=Severity.WARNING,
    summary="A machine of the cluster is a resolver, and does not answer all machines on port 53.",
    rationale="""Its firewall takes nothing that the spec does not ask for. Machines then find no names, or
        wait some seconds for each until the next resolver answers: images are not pulled, builds fail.""",
    source="model/flows.py: a port is opened by flows, and by nothing else; RFC 1035, section 4.2.1 (UDP)",
    bad=Example(
        """
        networks: {dns: [10.0.20.11]}
        """,
        at=_DNS / 0,
    ),
    good="""
        networks: {dns: [10.0.20.11]}
        guests:
          k8s-worker-1: {services: {dns: {port: 53, protocol: udp, from: [services]}}}
    """,
)
def resolver_that_does_not_answer(cluster: Cluster) -> Iterable[Finding]:
    asked = {address: index for index, address in reversed(list(enumerate(cluster.resolvers)))}
    # A router or another device may answer; if a machine has its address, NET001 says so.
    for vlan in cluster.vlans:
        for other in (vlan.gateway, *(device.address for device in vlan.devices)):
            if other is not None:
                asked.pop(other, None)
    if not asked:
        return
    answering = _pods_that_answer(cluster.templates)
    for machine in cluster.machines:
        for leg in machine.legs:
            if leg.address in asked and machine.name not in answering:
                yield from _silent(cluster, machine, leg, _DNS / asked[leg.address])


def _silent(cluster: Cluster, machine: Machine, leg: Leg, path: SpecPath) -> Iterator[Finding]:
    services = {own.protocol: own for own in machine.services if own.port == DNS_PORT}
    udp = services.get(Protocol.UDP)
    place = machine.path / "services"
    where = (Related(f"{machine} has it", machine.path),)
    if udp is None:
        lacking = "no service on port 53"
        hint = f"say so at {place}, like dns: {{port: 53, protocol: udp, from: [{leg.vlan.name}]}}"
        if (tcp := services.get(Protocol.TCP)) is not None:
            lacking = f"service {tcp.name!r} on port 53 over TCP only, and most questions come over UDP"
            hint = f"add another one at {place}, with port: 53 and protocol: udp"
        yield Finding(
            f"resolver {leg.address} is {machine}, which has {lacking}",
            path,
            hint,
            related=where,
        )
        return
    refused = _refused(cluster, machine, leg, udp)
    if refused:
        askers = [asker for some in refused.values() for asker in some]
        verb = "asks" if len(askers) == 1 else "ask"
        yield Finding(
            f"resolver {leg.address} is {machine}, whose service {udp.name!r} is not open to "
            f"{listed(list(refused))}, from which {listed(askers)} {verb} it",
            path,
            f"add {listed([repr(vlan.name) for vlan in refused])} to {udp.path / 'from'}",
            related=(Related("who may use it", udp.path / "from"), *where),
        )


def _refused(
    cluster: Cluster, machine: Machine, leg: Leg, service: OwnService
) -> Mapping[Vlan, list[Machine]]:
    """Return who asks the resolver from a VLAN that may not, by that VLAN."""
    allowed = set(service.vlans)
    refused: dict[Vlan, list[Machine]] = {}
    for asker in cluster.machines:
        vlan = _comes_from(asker, leg.vlan)
        if asker is not machine and vlan is not None and vlan not in allowed:
            refused.setdefault(vlan, []).append(asker)
    return refused


def _comes_from(machine: Machine, target: Vlan) -> Vlan | None:
    """Return the VLAN from which a machine talks to one in `target`, None if it can not."""
    if any(leg.vlan == target for leg in machine.legs):
        return target
    match machine:
        case Guest(leg=leg):
            way: Leg | None = leg if leg.vlan.gateway is not None else None
        case Host():
            way = machine.default_leg
    return way.vlan if way is not None and target.gateway is not None else None


def _pods_that_answer(templates: Iterable[PodTemplate]) -> frozenset[str]:
    """Return the nodes on which pods of the user's own may have port 53 of the node."""
    names: set[str] = set()
    for template in templates:
        ports = (mapping(p) for c, _ in template.containers for p in items(c.get("ports")))
        if is_true(template.spec.get("hostNetwork")) or any(p.get("hostPort") == DNS_PORT for p in ports):
            names.update(template.pods.nodes)
    return frozenset(names)

"""Who may use a port, and whether any way leads from there to whoever answers."""

from collections.abc import Iterable, Iterator

from attrs import frozen

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.network import Vlan
from hybridlab.model.node import Machine
from hybridlab.model.workload import Exposure
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import listed


@frozen
class Place:
    """VLANs as one place to come from or to go to; `has_way_out` if one of them has a gateway."""

    names: frozenset[str]
    has_way_out: bool

    @classmethod
    def of(cls, vlans: Iterable[Vlan]) -> "Place":
        vlans = tuple(vlans)
        return cls(frozenset(vlan.name for vlan in vlans), any(vlan.gateway is not None for vlan in vlans))

    def is_joined_to(self, vlan: Vlan) -> bool:
        """Whether a way leads from here to a VLAN and back: it is one of these, or the router is between."""
        return vlan.name in self.names or (self.has_way_out and vlan.gateway is not None)

    def reaches(self, machine: Machine) -> bool:
        """Whether a way leads from here to a machine and back."""
        return any(self.is_joined_to(leg.vlan) for leg in machine.legs)


@rule(
    "NET020",
    "open-to-a-vlan-without-a-way",
    severity=Severity.WARNING,
    summary="A NodePort or service is for a VLAN from which no way leads to it.",
    rationale="""The port is open and nobody comes: a VLAN without a gateway reaches only machines that are in
        it. A VLAN in which no machine is may have a router that the spec does not know.""",
    source="ip-route(8): without a default route, what is on no attached network is unreachable",
    bad=Example(
        """
        networks: {vlans: {tv: {id: 30, cidr: 10.0.30.0/24}}}
        guests: {screen: {host: homelab, vlan: tv, address: 10.0.30.7, vcpus: 1, memory: 1GiB}}
        workloads: {ollama: {expose: {from: [services, tv]}}}
        """,
        at=SpecPath.of("workloads", "ollama", "expose", "from"),
    ),
    good="""
        networks: {vlans: {tv: {id: 30, cidr: 10.0.30.0/24, gateway: 10.0.30.1}}}
        guests: {screen: {host: homelab, vlan: tv, address: 10.0.30.7, vcpus: 1, memory: 1GiB}}
        workloads: {ollama: {expose: {from: [services, tv]}}}
    """,
)
def open_to_a_vlan_without_a_way(cluster: Cluster) -> Iterable[Finding]:
    # Of a VLAN without machines, nobody has to say where its router is.
    shut_in = {leg.vlan.name for m in cluster.machines for leg in m.legs if leg.vlan.gateway is None}

    def lost(vlans: Iterable[Vlan], place: Place) -> list[Vlan]:
        certain = (vlan for vlan in vlans if vlan.name in shut_in or not place.has_way_out)
        return [vlan for vlan in certain if not place.is_joined_to(vlan)]

    nodes = Place.of(leg.vlan for node in cluster.nodes for leg in node.machine.legs)
    for who, exposure in _exposures(cluster):
        # NET007 tells of nodes that have no way out themselves.
        if nodes.has_way_out and (vlans := lost(exposure.vlans, nodes)):
            yield _lost(f"NodePort {exposure.node_port} of {who}", "any node", vlans, exposure.path / "from")
    for machine in cluster.machines:
        if machine.services:
            here = Place.of(leg.vlan for leg in machine.legs)
            for own in machine.services:
                if vlans := lost(own.vlans, here):
                    what = f"service {own.name!r} of {machine}"
                    yield _lost(what, str(machine), vlans, own.path / "from")


def _exposures(cluster: Cluster) -> Iterator[tuple[str, Exposure]]:
    for app in cluster.apps:
        for endpoint in app.endpoints:
            if endpoint.exposure is not None:
                yield str(app), endpoint.exposure
    for workload in cluster.manifests:
        for exposure in workload.exposures:
            yield str(workload), exposure


def _lost(what: str, whom: str, vlans: list[Vlan], path: SpecPath) -> Finding:
    return Finding(
        f"{what} is for {listed(vlans)}, and no way leads from there to {whom}",
        path,
        "give the VLANs on the way their gateways, or leave it out",
        related=tuple(Related(f"{vlan} is here", vlan.path) for vlan in vlans[:3]),
    )

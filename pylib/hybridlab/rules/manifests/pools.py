"""Addresses that MetalLB gives to Services, in the user's own manifests: nobody else's."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from attrs import frozen

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.network import Vlan
from hybridlab.model.plain import items
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import listed
from hybridlab.spec.scalars import Address

_POOL = """
        apiVersion: metallb.io/v1beta1
        kind: IPAddressPool
        metadata: {{name: lab, namespace: metallb-system}}
        spec: {{addresses: [{}]}}
        ---
        apiVersion: v1
        kind: Namespace
        metadata: {{name: metallb-system}}
        ---
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {{name: ipaddresspools.metallb.io}}
        spec:
          group: metallb.io
          scope: Namespaced
          names: {{kind: IPAddressPool, plural: ipaddresspools}}
          versions:
            - name: v1beta1
              served: true
              storage: true
              schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"""


@frozen
class _Range:
    """Addresses from the first to the last."""

    first: Address
    last: Address

    def __contains__(self, address: Address) -> bool:
        same = self.first.version == address.version == self.last.version
        return same and int(self.first) <= int(address) <= int(self.last)

    def is_within(self, vlan: Vlan) -> bool:
        return self.first in vlan.network and self.last in vlan.network

    def meets(self, first: Address, last: Address) -> bool:
        same = first.version == self.first.version == last.version
        return same and int(self.first) <= int(last) and int(first) <= int(self.last)


@rule(
    "MAN054",
    "pool-that-does-not-fit",
    severity=Severity.WARNING,
    summary="A pool of MetalLB has addresses that others have, or that are in no VLAN of a node.",
    rationale="""MetalLB gives a Service any address of its pools, and answers for it in the VLAN. If a
        machine or the router has it as well, packets come to one of the two by chance: a node is out of
        reach, or the whole VLAN. Without BGP, others find an address only in a VLAN that they share with a
        node.""",
    source="metallb.io, Configuration: defining the IPs to assign; metallb/metallb#1397",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "spec" / "addresses" / 0,
        manifest=_POOL.format("10.0.20.5-10.0.20.50"),
    ),
    good=OWN,
    good_manifest=_POOL.format("10.0.20.200-10.0.20.250"),
)
def pool_that_does_not_fit(cluster: Cluster) -> Iterable[Finding]:
    kinds = {one.kind for one in cluster.objects if one.group == "metallb.io"}
    by_arp = "L2Advertisement" in kinds and not kinds & {"BGPAdvertisement", "BGPPeer"}
    legs = {leg.vlan for node in cluster.nodes for leg in node.machine.legs}
    vlans = sorted(legs, key=lambda vlan: vlan.name)
    for one in cluster.objects:
        if (one.group, one.kind) != ("metallb.io", "IPAddressPool"):
            continue
        for index, written in enumerate(items(one.spec.get("addresses"))):
            if (pool := _range(written)) is None:
                continue
            path = one.path / "spec" / "addresses" / index
            if found := list(_within(cluster, pool)):
                yield Finding(
                    f"{one} has {written}, in which {listed([what for what, _ in found])} "
                    f"{'is' if len(found) == 1 else 'are'}",
                    path,
                    "take addresses that nobody has, and no DHCP server gives out",
                    related=tuple(Related(what, where) for what, where in found[:3]),
                )
            elif by_arp and not any(pool.is_within(vlan) for vlan in vlans):
                yield Finding(
                    f"{one} has {written}, which is in no VLAN of a node, and nobody asks for it there",
                    path,
                    f"take addresses of {listed(vlans)}, or announce them with BGP",
                )


def _range(written: object) -> _Range | None:
    """Return the addresses that MetalLB reads in `10.0.0.1-10.0.0.9` or `10.0.0.0/28`."""
    first, dash, last = str(written).partition("-")
    try:
        if dash:
            return _Range(ip_address(first.strip()), ip_address(last.strip()))
        network = ip_network(str(written).strip(), strict=False)
    except ValueError:
        return None
    return _Range(network.network_address, network.broadcast_address)


def _within(cluster: Cluster, pool: _Range) -> Iterator[tuple[str, SpecPath]]:
    """Yield who has addresses of a pool, and where that is written."""
    for machine in cluster.machines:
        for leg in machine.legs:
            if leg.address in pool:
                yield f"{machine}", machine.path
    for vlan in cluster.vlans:
        if vlan.gateway is not None and vlan.gateway in pool:
            yield f"the gateway of {vlan}", vlan.path / "gateway"
        for device in vlan.devices:
            if device.address in pool:
                yield f"{device}", device.path
        if vlan.dhcp is not None and pool.meets(vlan.dhcp.first, vlan.dhcp.last):
            yield f"DHCP of {vlan}", vlan.path / "dhcp"

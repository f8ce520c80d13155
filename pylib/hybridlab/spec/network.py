"""What the user says of the networks: VLANs on one bridge, resolvers."""

from collections.abc import Mapping

from attrs import field

from hybridlab.spec.define import doc, spec_class
from hybridlab.spec.scalars import Address, InterfaceName, Name, Network, VlanId


@spec_class
class VlanSpec:
    """One VLAN of the homelab."""

    id: VlanId = field(metadata=doc("802.1Q id, 1 to 4094"))
    cidr: Network = field(metadata=doc("the VLAN's network in CIDR notation"))
    gateway: Address | None = field(
        default=None, metadata=doc("the router's address in this VLAN; without one the VLAN has no way out")
    )


@spec_class
class NetworksSpec:
    """The networks that machines are on."""

    vlans: Mapping[Name, VlanSpec] = field(metadata=doc("VLANs by name"))
    bridge: InterfaceName = field(
        default=InterfaceName("br0"),
        metadata=doc("name of the VLAN-aware bridge on every host, joining its uplink and its guests"),
    )
    dns: tuple[Address, ...] = field(default=(), metadata=doc("resolvers that machines ask, in order"))

"""What the user says of the networks: VLANs on one bridge, who else is in them, resolvers, other networks."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import field

from hybridlab.spec.define import doc, spec_class
from hybridlab.spec.scalars import Address, InterfaceName, Name, Network, VlanId


@spec_class
class DhcpSpec:
    """The addresses that the router's DHCP server gives out in a VLAN."""

    from_: Address = field(metadata=doc("the first of them"))
    to: Address = field(metadata=doc("the last of them"))


@spec_class
class VlanSpec:
    """One VLAN of the homelab."""

    id: VlanId = field(metadata=doc("802.1Q id, 1 to 4094"))
    cidr: Network = field(metadata=doc("the VLAN's network in CIDR notation"))
    gateway: Address | None = field(
        default=None, metadata=doc("the router's address in this VLAN; without one the VLAN has no way out")
    )
    dhcp: DhcpSpec | None = field(
        default=None,
        metadata=doc(
            "what the router's DHCP server gives out in this VLAN, so that no machine has any of it"
        ),
    )
    devices: Mapping[Name, Address] = field(
        default=MappingProxyType({}),
        metadata=doc(
            "others with a fixed address in this VLAN (a printer, a NAS, an access point), so that no "
            "machine gets the same; one that gets it by DHCP may lie in the range; nothing is generated for "
            "them"
        ),
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
    others: Mapping[Name, Network] = field(
        default=MappingProxyType({}),
        metadata=doc(
            "networks that there are beside the VLANs (of a VPN, docker, libvirt, the provider's box), so "
            "that no VLAN, pod or Service gets their addresses; nothing is generated for them"
        ),
    )

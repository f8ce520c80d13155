"""VLANs and the legs that machines have in them, resolved; it knows no machine."""

from attrs import field, frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.spec.scalars import Address, Network


@frozen
class DhcpRange:
    """The addresses that a DHCP server gives out, from the first to the last."""

    first: Address
    last: Address

    def __contains__(self, address: Address) -> bool:
        same = self.first.version == address.version == self.last.version
        return same and int(self.first) <= int(address) <= int(self.last)

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


@frozen
class Device:
    """Something in a VLAN that has a fixed address and is no machine of the cluster."""

    name: str
    address: Address
    path: SpecPath

    def __str__(self) -> str:
        return f"device {self.name!r}"


@frozen
class Vlan:
    """A VLAN of the homelab; whoever else is in it, it is the same VLAN."""

    name: str
    id: int
    network: Network
    gateway: Address | None
    dhcp: DhcpRange | None = field(default=None, eq=False)
    devices: tuple[Device, ...] = field(default=(), eq=False)

    @property
    def path(self) -> SpecPath:
        return SpecPath.of("networks", "vlans", self.name)

    def __str__(self) -> str:
        return f"VLAN {self.name!r}"


@frozen
class OtherNetwork:
    """A network beside the VLANs, of which only the addresses are known."""

    name: str
    network: Network

    @property
    def path(self) -> SpecPath:
        return SpecPath.of("networks", "others", self.name)

    def __str__(self) -> str:
        return f"network {self.name!r}"


@frozen
class Leg:
    """A machine's place in a VLAN: its address, and the interface on which the VLAN's packets come in."""

    vlan: Vlan
    address: Address
    interface: str

    @property
    def table(self) -> int:
        """The routing table of answers over this leg, which is also their packet mark: the VLAN's id.

        Tables 253 to 255 are Linux's own (rtnetlink(7)), so these three ids take others.
        """
        return {253: 4095, 254: 4094, 255: 4093}.get(self.vlan.id, self.vlan.id)

    @property
    def prefixed(self) -> str:
        """The address with the prefix length of its network, as `ip addr` takes it."""
        return f"{self.address}/{self.vlan.network.prefixlen}"

"""VLANs and the legs that machines have in them, resolved; it knows no machine."""

from attrs import frozen

from hybridlab.spec.scalars import Address, Network


@frozen
class Vlan:
    """A VLAN of the homelab."""

    name: str
    id: int
    network: Network
    gateway: Address | None

    def __str__(self) -> str:
        return f"VLAN {self.name!r}"


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

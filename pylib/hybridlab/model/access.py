"""How the deployer gets in to a machine: as it is now, and a hop where that breaks; it follows nothing."""

import base64
import enum
import hashlib

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.spec.scalars import Address


@frozen
class Access:
    """How the deployer is let in to one machine now, as that machine sees it.

    `source`: where we come from; behind NAT or a jump host, that one's address. `address`, `port`: where it
    is reached. `key`: SHA256 fingerprint of the public key that it accepted, `held`: those of others that our
    ssh would show it; None, or none, if nobody knows.

    `interface` carries the address; `vlan` is its 802.1Q id, `bridge` the bridge that it lies on, if any.
    `carriers`: the names, alternative ones too, of the links that its frames come over: the bridge's ports,
    or the link below. `links`: such names of all links. `addresses`: all of the machine's own. `gateway`:
    through whom it answers `source`, None if directly.
    """

    source: Address
    address: Address
    port: int
    interface: str
    vlan: int | None = None
    bridge: str | None = None
    carriers: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    addresses: frozenset[Address] = frozenset()
    gateway: Address | None = None
    key: str | None = None
    held: frozenset[str] = frozenset()

    @property
    def local(self) -> bool:
        """Whether the deployer runs on the machine itself: its packets take the loopback."""
        return self.source.is_loopback or self.source in self.addresses


class Hop(enum.Enum):
    """Where a way breaks, in the order in which a packet gets there."""

    SWITCH_PORT = "switch port"
    VLAN = "VLAN"
    UPLINK = "uplink"
    BRIDGE = "bridge"
    ADDRESS = "address"
    FIREWALL = "firewall"
    WAY_BACK = "way back"
    SSH_PORT = "ssh port"
    SSH_KEY = "ssh key"


@frozen
class Break:
    """A hop that lets us through now, and will not: both sides, where the new one is written, and a way out.

    The text is the same for all machines that one value of the spec cuts off alike, so equal ones are one.
    """

    hop: Hop
    message: str
    path: SpecPath
    hint: str


def fingerprint(ssh_key: str) -> str:
    """Return the fingerprint of a public key's one line, as `ssh-keygen -l` shows it (`SHA256:…`)."""
    digest = hashlib.sha256(base64.b64decode(ssh_key.split(" ")[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

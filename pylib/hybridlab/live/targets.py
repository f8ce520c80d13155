"""At which address ssh reaches a machine; nothing here connects."""

from hybridlab.errors import LiveError
from hybridlab.model.cluster import Cluster
from hybridlab.model.deployment import login_address
from hybridlab.model.node import Machine
from hybridlab.spec.scalars import Address


def address_of(cluster: Cluster, machine: Machine) -> Address:
    """Return the address at which the admin logs in. Raises: LiveError if there is none."""
    address = login_address(cluster, machine)
    if address is None:
        allowed = ", ".join(vlan.name for vlan in cluster.admin.vlans) or "none"
        raise LiveError(f"{machine} has no address in a VLAN from which the admin may log in ({allowed})")
    return address

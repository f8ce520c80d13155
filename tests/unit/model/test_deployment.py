"""Where hosts are deployed to, in which order and under which tags."""

from hybridlab.model.deployment import in_turn, login_address, tags_of
from patched import cluster

_SECOND = """
hosts:
  attic: {uplink: eno1, addresses: {management: 10.0.10.6, services: 10.0.20.6}, cpus: 4, memory: 8GiB}
"""


def test_the_host_of_a_control_plane_comes_first_whatever_its_name() -> None:
    assert [host.name for host in in_turn(cluster(_SECOND).hosts)] == ["homelab", "attic"]


def test_hosts_alike_come_by_name() -> None:
    assert [host.name for host in in_turn(reversed(cluster(_SECOND + "guests: null").hosts))] == [
        "attic",
        "homelab",
    ]


def test_tags_say_what_comes_with_a_host() -> None:
    attic, homelab = cluster(_SECOND).hosts
    assert tags_of(homelab, 1) == ("control-plane", "gpu", "hypervisor", "order-1", "worker")
    assert tags_of(attic, 2) == ("order-2",)


def test_a_host_is_reached_in_the_admin_s_first_vlan_by_name() -> None:
    for vlans, address in (("services, management", "10.0.10.5"), ("services", "10.0.20.5")):
        one = cluster(f"admin: {{sshFrom: [{vlans}]}}")
        assert str(login_address(one, one.machine("homelab"))) == address


def test_a_guest_elsewhere_is_reached_at_its_only_address() -> None:
    one = cluster("admin: {sshFrom: [management]}")
    assert str(login_address(one, one.machine("k8s-master"))) == "10.0.20.10"


def test_without_a_vlan_of_the_admin_nothing_is_reached() -> None:
    one = cluster("admin: {sshFrom: []}")
    assert login_address(one, one.machine("homelab")) is None
    assert login_address(one, one.machine("k8s-master")) is None

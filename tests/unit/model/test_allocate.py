"""Identities of guests: from their name alone, and pinned where the spec pins them."""

import ipaddress
import re
import uuid

from hybridlab.model.allocate import allocate_identity
from hybridlab.spec.machine import GuestSpec
from hybridlab.spec.scalars import Cid, CpuCount, InterfaceName, MacAddress, MachineId, Name, Size


def guest(**pinned: object) -> GuestSpec:
    return GuestSpec(
        host=Name("h"),
        vlan=Name("v"),
        address=ipaddress.ip_address("10.0.0.2"),
        vcpus=CpuCount(1),
        memory=Size("1GiB"),
        **pinned,
    )


def test_identity_of_a_name_never_changes() -> None:
    """Changing one of these gives every running guest of every user a new network card and machine id."""
    identity = allocate_identity("homelab", "k8s-master", guest())
    assert (identity.mac, identity.tap, identity.cid, identity.machine_id) == (
        "02:a5:71:27:05:59",
        "vm-k8s-master",
        1451133957,
        "88c7f9093019f15880b9af2dfde32b69",
    )


def test_identities_have_the_form_that_the_kernel_and_systemd_take() -> None:
    identities = [allocate_identity("c", f"guest-{n}", guest()) for n in range(500)]
    for identity in identities:
        assert int(identity.mac[:2], 16) & 0b11 == 0b10  # locally administered, unicast
        assert len(identity.tap) <= 15
        assert 3 <= identity.cid <= 2**32 - 2
        assert re.fullmatch(r"[0-9a-f]{32}", identity.machine_id)
        assert uuid.UUID(identity.uuid).hex == identity.machine_id
        assert not identity.pinned
    for values in zip(*((i.mac, i.tap, i.cid, i.machine_id) for i in identities), strict=True):
        assert len(set(values)) == len(identities)


def test_clusters_of_different_names_share_no_identity() -> None:
    one, other = (allocate_identity(cluster, "a-guest-of-some-length", guest()) for cluster in ("c", "d"))
    assert one.mac != other.mac
    assert one.tap != other.tap
    assert one.cid != other.cid
    assert one.machine_id != other.machine_id


def test_what_the_spec_pins_is_taken_and_the_rest_derived() -> None:
    derived = allocate_identity("c", "g", guest())
    pinned = allocate_identity(
        "c", "g", guest(mac=MacAddress("02:00:00:00:00:01"), cid=Cid(7), tap=InterfaceName("t0"))
    )
    assert (pinned.mac, pinned.cid, pinned.tap) == ("02:00:00:00:00:01", 7, "t0")
    assert pinned.machine_id == derived.machine_id
    assert pinned.pinned == {"mac", "cid", "tap"}
    machine_id = "0123456789abcdef" * 2
    assert allocate_identity("c", "g", guest(machine_id=MachineId(machine_id))).machine_id == machine_id

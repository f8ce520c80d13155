"""The admin's way in, secrets and versions: near misses, and no message where the cause is told elsewhere."""

import pytest

from patched import report

KEY = "age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf"
NO_KUBERNETES = """
kubernetes: null
workloads: null
hosts: {homelab: {kubernetes: null}}
guests: {k8s-master: {kubernetes: null}, k8s-worker-1: {kubernetes: null}}
"""

CASES: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "ssh from nowhere is not said for every host": ("admin: {sshFrom: []}", [("ADM002", "admin.sshFrom")]),
    "a host that the router leads to": ("admin: {sshFrom: [services]}", []),
    "a host without any address": (
        "hosts: {spare: {uplink: eth0, addresses: {}, cpus: 1, memory: 8GiB}}",
        [("ADM003", "hosts.spare.addresses")],
    ),
    "a host in a VLAN without a gateway, the admin in another": (
        """
admin: {sshFrom: [management]}
networks: {vlans: {iot: {id: 60, cidr: 10.9.0.0/24}}}
hosts: {spare: {uplink: eth0, addresses: {iot: 10.9.0.2}, cpus: 1, memory: 8GiB}}
""",
        [("ADM003", "hosts.spare.addresses"), ("NET007", "networks.vlans.iot")],
    ),
    "no VLAN at all": (
        """
kubernetes: null
workloads: null
guests: null
networks: {vlans: {management: null, services: null}}
hosts: {homelab: {kubernetes: null, addresses: {management: null, services: null}}}
""",
        [("ADM002", "networks.vlans")],
    ),
    "names of people": ("admin: {user: systemd}", []),
    "names of daemons": ("admin: {user: systemd-network}", [("ADM004", "admin.user")]),
    "root": ("admin: {user: root}", [("ADM004", "admin.user")]),
    "the release is the first one": ('nixos: {stateVersion: "26.05"}', []),
    "a machine was installed years ago": ('nixos: {stateVersion: "09.11"}', []),
    "a machine's name is misspelt": (
        f"secrets: {{recipients: {{k8s-worker-1: null, k8s-worker1: {KEY}}}}}",
        [("SEC001", "secrets.recipients.k8s-worker1")],
    ),
    "several machines are missing: one finding": (
        "secrets: {recipients: {k8s-master: null, k8s-worker-1: null, homelab: null}}",
        [("SEC001", "secrets.recipients")],
    ),
    "machines outside of Kubernetes take no secret": (
        NO_KUBERNETES + "secrets: {recipients: {k8s-master: null, k8s-worker-1: null, homelab: null}}",
        [],
    ),
    "no recipients at all": (
        NO_KUBERNETES
        + "secrets: {recipients: {admin: null, k8s-master: null, k8s-worker-1: null, homelab: null}}",
        [("SEC003", "secrets.recipients")],
    ),
    "three names for one key": (
        f"secrets: {{recipients: {{a: {KEY}, b: {KEY}, c: {KEY}}}}}",
        [("SEC002", "secrets.recipients.b"), ("SEC002", "secrets.recipients.c")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_finds(case: str) -> None:
    patch, expected = CASES[case]
    assert sorted((d.code, str(d.path)) for d in report(patch)) == sorted(expected)


def test_several_nodes_that_are_no_recipients_are_one_finding() -> None:
    (found,) = report("secrets: {recipients: {k8s-master: null, k8s-worker-1: null}}")
    assert found.message == (
        "guest 'k8s-master' and guest 'k8s-worker-1' take the join token from secrets/secrets.yaml, "
        "and can not read it"
    )
    assert found.hint == ("`hybridlab secrets init` makes the keys of guests, and says what to add here")


def test_a_misspelt_recipient_is_told_which_machine_it_may_be() -> None:
    (found,) = report(f"secrets: {{recipients: {{k8s-worker-1: null, k8s-worker1: {KEY}}}}}")
    assert found.hint == "did you mean 'k8s-worker-1'?"
    assert found.message == (
        "recipient 'k8s-worker1' is no machine, and guest 'k8s-worker-1', a node, is no recipient"
    )

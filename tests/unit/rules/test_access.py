"""The admin's way in, secrets and versions: near misses, and no message where the cause is told elsewhere."""

import pytest

from hybridlab import check, parse_spec, resolve
from patched import patched, report

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


HINTS: dict[str, tuple[str, str, str]] = {
    "a host was renamed": (
        f"secrets: {{recipients: {{homelab: null, attic: {KEY}}}}}",
        "SEC001",
        "; or, if it has a new name, rename its recipient: admin and attic are no machines",
    ),
    "a host's key": (
        f"secrets: {{recipients: {{admin: {KEY}, homelab: {KEY}}}}}",
        "SEC002",
        "ssh-keyscan 10.0.10.5 | ssh-to-age tells this one's",
    ),
    "a guest's key": (
        f"secrets: {{recipients: {{homelab: {KEY}, k8s-worker-1: {KEY}}}}}",
        "SEC002",
        "`hybridlab secrets init` makes and tells those of guests",
    ),
    "a person's key": (
        f"secrets: {{recipients: {{admin: {KEY}, zoe: {KEY}}}}}",
        "SEC002",
        "age-keygen -y FILE tells a person's",
    ),
    "JSON": ("secrets: {file: secrets/all.json}", "SEC009", "call it secrets/all.yaml"),
    "no suffix": ("secrets: {file: secrets}", "SEC009", "call it secrets.yaml"),
    "a hidden file": ("secrets: {file: a/.env}", "SEC009", "call it a/.env.yaml"),
    "a zone of one season": ("nixos: {timeZone: CEST}", "NIX002", "like Europe/Berlin"),
    "a place without its region": ("nixos: {timeZone: berlin}", "NIX002", "did you mean Europe/Berlin?"),
    "east is minus": ("nixos: {timeZone: UTC+2}", "NIX002", "did you mean Etc/GMT-2?"),
    "west is plus": ("nixos: {timeZone: GMT-05}", "NIX002", "did you mean Etc/GMT+5?"),
}


@pytest.mark.parametrize("case", HINTS)
def test_the_hint_says_what_to_do(case: str) -> None:
    patch, code, hint = HINTS[case]
    (found,) = [one for one in report(patch) if one.code == code]
    assert hint in (found.hint or "")


@pytest.mark.parametrize("zone", ["UTC", "CET", "Etc/GMT-2", "posix/Asia/Seoul", "America/Argentina/Salta"])
def test_a_time_zone_that_exists(zone: str) -> None:
    assert list(report(f"nixos: {{timeZone: {zone}}}")) == []


SECRET = "workloads: {page: {type: deployment, image: 'nginx:1.29.1', env: {A: {secret: page/a}}}}"


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        ("secrets: {file: .sops.yaml}", "the sops file .sops.yaml is the one in which hybridlab writes who"),
        ("secrets: {file: cluster.yaml}", "the sops file cluster.yaml is the spec itself"),
        ("secrets: {file: k8s/all.yaml}", "the sops file k8s/all.yaml lies in k8s, which hybridlab writes"),
        (
            "secrets: {file: modules/generated/a/all.yaml}",
            "lies in modules/generated, which hybridlab writes",
        ),
    ],
)
def test_a_sops_file_where_something_else_is(patch: str, why: str) -> None:
    (found,) = report(patch)
    assert (found.code, str(found.path)) == ("SEC013", "secrets.file")
    assert why in found.message


def test_a_sops_file_among_manifests() -> None:
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: monitoring}\n"
    patch = "workloads: {own: {type: manifests, folder: own}}\nsecrets: {file: own/all.yaml}"
    found = [one for one in report(patch, manifest=manifest) if one.code == "SEC013"]
    assert [one.message for one in found] == [
        "the sops file own/all.yaml lies in own, the manifests of workload 'own'"
    ]


def test_another_sops_file_is_called_like_the_spec() -> None:
    text = patched(f"{SECRET}\nsecrets: {{file: all.yaml}}")
    for name, codes in (("workloads.yaml", ["SEC013"]), ("lab/workloads.yaml", ["SEC013"]), ("lab.yaml", [])):
        assert [one.code for one in check(resolve(parse_spec(text, name=name)))] == codes


@pytest.mark.parametrize("file", ["k8s.yaml", "modules/all.yaml", "sub/.sops.yaml", "sub/cluster.yaml"])
def test_a_sops_file_beside(file: str) -> None:
    assert list(report(f"secrets: {{file: {file}}}")) == []


def test_a_secret_inside_that_of_another_workload() -> None:
    app = "{type: deployment, image: 'nginx:1.29.1', env: {A: {secret: KEY}}}"
    keys = {"a": "x/y/z", "b": "x", "c": "x/y", "d": "x/yz", "e": "xy"}
    apps = ", ".join(f"{name}: {app.replace('KEY', key)}" for name, key in keys.items())
    found = list(report(f"workloads: {{{apps}}}"))
    assert {one.code for one in found} == {"SEC014"}
    assert sorted((str(one.path), str(one.related[0].path)) for one in found) == [
        ("workloads.a.env.A.secret", "workloads.c.env.A.secret"),
        ("workloads.c.env.A.secret", "workloads.b.env.A.secret"),
        ("workloads.d.env.A.secret", "workloads.b.env.A.secret"),
    ]


def test_a_token_is_not_told() -> None:
    token = "3f9c1b7e5d2a48860b1c9e7f4a6d2358"
    (found,) = report(f"kubernetes: {{joinToken: {{secret: {token}}}}}")
    assert (found.code, str(found.path)) == ("SEC010", "kubernetes.joinToken.secret")
    assert token[8:] not in repr(found)


@pytest.mark.parametrize("name", ["3f9c1b7e5d2a48860b1c9e7f4a6d235", "k8s/3f9c1b7e5d2a48860b1c9e7f4a6d2358"])
def test_what_is_no_token_is_a_name(name: str) -> None:
    assert list(report(f"kubernetes: {{joinToken: {{secret: {name}}}}}")) == []


@pytest.mark.parametrize(
    ("name", "codes"),
    [("k8s-worker-2", ["SEC012"]), ("k8s-worker-17", ["SEC012"]), ("k8s-worker", []), ("zoe-1", [])],
)
def test_a_recipient_in_a_series_of_machines(name: str, codes: list[str]) -> None:
    assert [one.code for one in report(f"secrets: {{recipients: {{{name}: {KEY}}}}}")] == codes


def test_a_recipient_that_is_a_machine_misspelt_is_told_once() -> None:
    found = report(f"secrets: {{recipients: {{k8s-worker-1: null, k8s-worker-2: {KEY}}}}}")
    assert [one.code for one in found] == ["SEC001"]


OUT_OF_REACH: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "the control plane has no way out: that is told": (
        "admin: {sshFrom: [management]}\nnetworks: {vlans: {services: {gateway: null}}}",
        [("NET007", "networks.vlans.services")],
    ),
    "neither has a way out": (
        """
admin: {sshFrom: [management]}
networks: {vlans: {services: {gateway: null}, management: {gateway: null}}}
""",
        [
            ("ADM005", "admin.sshFrom"),
            ("NET007", "networks.vlans.management"),
            ("NET007", "networks.vlans.services"),
        ],
    ),
    "the admin comes from the control plane's VLAN": (
        "admin: {sshFrom: [services]}\nnetworks: {vlans: {management: {gateway: null}}}",
        [],
    ),
    "by default the admin comes from everywhere": (
        "networks: {vlans: {management: {gateway: null}}}",
        [],
    ),
    "the host is out of reach, too: one finding": (
        """
admin: {sshFrom: [management]}
networks: {vlans: {management: {gateway: null}}}
hosts: {homelab: {addresses: {management: null}}}
""",
        [("ADM003", "hosts.homelab.addresses")],
    ),
    "without Kubernetes guests may be out of reach on purpose": (
        NO_KUBERNETES + "admin: {sshFrom: [management]}\nnetworks: {vlans: {management: {gateway: null}}}",
        [],
    ),
}


@pytest.mark.parametrize("case", OUT_OF_REACH)
def test_the_way_to_the_control_plane(case: str) -> None:
    patch, expected = OUT_OF_REACH[case]
    assert sorted((d.code, str(d.path)) for d in report(patch)) == sorted(expected)

"""Whole random clusters, as plain data in the shape of `cluster.yaml`.

`good_clusters` are right by construction: addresses are dealt from one pool, hosts have room for all guests.
`any_clusters` are good ones with a few values exchanged for others: most are refused.
"""

import copy
import json
import random
from typing import Any

from hypothesis import strategies as st

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJHqiovr6I27uUTJMT+2wzgMMgEq20O2Ie9H0SLjIW9o"
RECIPIENTS = (
    "age1ujkd8ens47pwg5qwek8w54kvyw9k5xc75tmc3wmgrt5nvmy4cyps79ghvk",
    "age14e3xxnxd0ck5kwrrgl9nutyg043uugh49pk54rtmfax72nu25djsntyf2s",
)
Data = dict[str, Any]
GPU_MODELS = ("radeon-780m", "radeon-rx-580", "radeon-rx-6800")
# One to a key.
TAINTS = ("amd.com/gpu=true:NoSchedule", "disk=:PreferNoSchedule", "noisy=a.b_c:NoExecute")

# Text that would be code to Nix, to a shell or to YAML if anything took it for more than text.
HOSTILE = (
    "${builtins.abort 1}",
    "''${x}",
    '"; rm = 1; "',
    "$(reboot) `reboot`",
    "it's \\n \\",
    "no",
    "0o17",
    "1e3",
    "12:30",
    "007",
    "=",
    "~",
    "- x: {y}",
    "# no comment",
    "a\nb\n\n",
    "\ttab",
    " blank ",
    "ünïcödé 🦊",
    "*alias &anchor !tag",
    "%d {{ .x }}",
)

names = st.from_regex(r"[a-z][a-z0-9-]{0,18}[a-z0-9]", fullmatch=True)
hostile_texts = st.sampled_from(HOSTILE) | st.text(
    st.characters(min_codepoint=32, max_codepoint=0x17F, blacklist_categories=("Cc", "Cs")), max_size=30
)


@st.composite
def good_clusters(draw: st.DrawFn, *, most_guests: int = 36) -> Data:
    """A cluster of one to four hosts and up to `most_guests` guests on one to four VLANs, without errors."""
    vlan_ids = draw(st.lists(st.integers(1, 4094), min_size=1, max_size=4, unique=True))
    vlans = {
        f"v{number}": {"id": number, "cidr": f"10.{index}.0.0/22", "gateway": f"10.{index}.0.1"}
        for index, number in enumerate(vlan_ids)
    }
    free = {vlan: iter(range(2, 500)) for vlan in vlans}
    _add_others(draw, vlans)

    def address(vlan: str) -> str:
        index, offset = list(vlans).index(vlan), next(free[vlan])
        return f"10.{index}.{offset // 256}.{offset % 256}"

    machine_names = draw(st.lists(names, min_size=1, max_size=4 + most_guests, unique=True))
    host_count = min(len(machine_names), draw(st.integers(1, 4)))
    host_names, guest_names = machine_names[:host_count], machine_names[host_count:]
    home = next(iter(vlans))  # the VLAN of Kubernetes, in which every host has a leg
    hosts = {
        name: {
            "uplink": draw(st.sampled_from(["enp1s0", "eth0", "eno1"])),
            "addresses": {v: address(v) for v in vlans if v == home or draw(st.booleans())},
            "cpus": draw(st.integers(8, 64)),
            "memory": "1TiB",
            "services": _services(draw, vlans),
        }
        for name in host_names
    }
    guests = {}
    for name in guest_names:
        vlan = draw(st.sampled_from(list(vlans)))
        guests[name] = {
            "host": draw(st.sampled_from(host_names)),
            "vlan": vlan,
            "address": address(vlan),
            "vcpus": draw(st.integers(1, 8)),
            "memory": draw(st.sampled_from(["3GiB", "4GiB", "2049MiB"])),
            "hypervisor": draw(st.sampled_from(["qemu", "cloud-hypervisor"])),
            "services": _services(draw, vlans),
        }
    cluster: Data = {
        "apiVersion": "hybridlab/v1",
        "name": draw(names),
        "nixos": {"release": draw(st.sampled_from(["25.11", "26.05"])), "stateVersion": "25.11"},
        "admin": {"user": "me", "sshKeys": [f"{KEY} {draw(hostile_texts)}".replace("\n", " ")]},
        "networks": {
            "vlans": vlans,
            "dns": ["9.9.9.9"],
            "others": draw(st.sampled_from([{}, {"vpn": "192.168.77.0/24", "ula": "fd00:77::/64"}])),
        },
        "hosts": hosts,
        "guests": guests,
    }
    if draw(st.booleans()):
        _add_kubernetes(draw, cluster, home)
    return cluster


def _add_others(draw: st.DrawFn, vlans: Data) -> None:
    """Say who else is in some of the VLANs, behind all machines."""
    for index, vlan in enumerate(vlans.values()):
        if draw(st.booleans()):
            vlan["devices"] = {"nas": f"10.{index}.2.1", "printer": f"10.{index}.3.1"}
        if draw(st.booleans()):
            vlan["dhcp"] = {"from": f"10.{index}.3.0", "to": f"10.{index}.3.254"}


def _services(draw: st.DrawFn, vlans: Data) -> Data:
    """Programs of one's own on a machine, on ports that nobody else has."""
    ports = draw(st.lists(st.sampled_from([53, 80, 873, 29999, 32768]), unique=True, max_size=2))
    return {
        f"own-{port}": {
            "port": port,
            "protocol": draw(st.sampled_from(["tcp", "udp"])),
            "from": draw(st.lists(st.sampled_from(list(vlans)), unique=True, max_size=2)),
        }
        for port in ports
    }


def _add_kubernetes(draw: st.DrawFn, cluster: Data, home: str) -> None:
    """Make every machine in `home` a member, the first the control plane; perhaps a GPU and Ollama."""
    members = {
        name: machine
        for name, machine in (*cluster["guests"].items(), *cluster["hosts"].items())
        if machine.get("vlan", home) == home
    }
    for index, machine in enumerate(members.values()):
        machine["kubernetes"] = {"role": "worker" if index else "control-plane"}
        if "hypervisor" in machine:
            machine["hypervisor"] = "qemu"  # another hands a guest no key
        if not index:
            machine["kubernetes"]["schedulable"] = True
        elif draw(st.booleans()):
            machine["kubernetes"]["taints"] = draw(
                st.lists(st.sampled_from(TAINTS), unique_by=lambda taint: taint.partition("=")[0], max_size=2)
            )
    cluster["kubernetes"] = {"vlan": home, "podCidr": "10.128.0.0/12", "serviceCidr": "10.64.0.0/16"}
    # One key for all machines is unusual, and only warned of.
    cluster["secrets"] = {"recipients": {"admin": RECIPIENTS[0], **dict.fromkeys(members, RECIPIENTS[1])}}
    expose = {"nodePort": draw(st.integers(30000, 32767)), "from": [home]}
    cluster["workloads"] = {"llm": {"type": "ollama", "expose": expose}}
    llm = cluster["workloads"]["llm"]
    llm["env"] = draw(
        st.dictionaries(st.from_regex(r"[A-Z][A-Z_]{0,9}X", fullmatch=True), hostile_texts, max_size=3)
    )
    if draw(st.booleans()):
        cluster["workloads"]["app"] = _deployment(draw, home, taken=expose["nodePort"])
    if draw(st.booleans()):
        gpu_host = cluster["hosts"][draw(st.sampled_from(sorted(cluster["hosts"])))]
        gpu_host["gpu"] = {"model": draw(st.sampled_from(GPU_MODELS)), "mode": "host"}
        gpu_host["kubernetes"]["labels"] = {"gpu": "amd"}
        llm |= {"gpus": 1, "nodeSelector": {"gpu": "amd"}}
        cluster["workloads"]["plugin"] = {
            "type": "amd-gpu-device-plugin",
            "nodeSelector": {"gpu": "amd"},
            "labeller": draw(st.booleans()),
        }


def _deployment(draw: st.DrawFn, home: str, taken: int) -> Data:
    """A program of some kind, which any node may run."""
    app: Data = {
        "type": "deployment",
        "image": "nginx:1.29.1",
        "replicas": draw(st.integers(0, 3)),
        "env": draw(
            st.dictionaries(st.from_regex(r"[A-Z][A-Z_]{0,9}X", fullmatch=True), hostile_texts, max_size=2)
        ),
        "volumes": draw(
            st.sampled_from([{}, {"/data": "/var/lib/app"}, {"/a": "/var/lib/a@1", "/b/c": "/var/lib/b"}])
        ),
    }
    if draw(st.booleans()):
        app["port"] = draw(st.integers(1, 65535))
        ports = st.integers(30000, 32767).filter(lambda port: port != taken)
        app["expose"] = {"nodePort": draw(ports), "from": [home]}
    if draw(st.booleans()):
        app["memory"] = "512MiB"
    if draw(st.booleans()):
        # All replicas together find room on a node of one processor, which may be the only one.
        amounts = [1, "1m", "250m"] if app["replicas"] <= 1 else ["1m", "250m"]
        app["cpu"] = draw(st.sampled_from(amounts))
    if draw(st.booleans()):
        app["ports"] = {"dns": {"port": 53, "protocol": "udp"}, "web-2": {"port": 65535, "protocol": "udp"}}
    if draw(st.booleans()):
        app["env"]["SECRET"] = {"secret": "app/password"}
        app["volumes"] = app["volumes"] | {"/run/key.pem": {"secret": "app/key"}}
    return app


# What an exchanged value becomes: wrong types, other machines' values, bounds, names of nothing.
_OTHER_VALUES = (
    None,
    True,
    -1,
    0,
    2**63,
    1.5,
    "",
    "no",
    "nobody",
    "10.0.0.1",
    "10.0.0.0/8",
    "2GiB",
    [],
    {},
    "a\x00b",
)


@st.composite
def any_clusters(draw: st.DrawFn) -> Data:
    """A good cluster with up to four values exchanged, removed, or swapped with one of another place."""
    cluster = copy.deepcopy(draw(good_clusters(most_guests=6)))
    for _ in range(draw(st.integers(0, 4))):
        found = list(places(cluster))
        parent, key = found[draw(st.integers(0, len(found) - 1))]
        other_parent, other_key = found[draw(st.integers(0, len(found) - 1))]
        match draw(st.sampled_from(["replace", "remove", "copy"])):
            case "replace":
                parent[key] = draw(st.sampled_from(_OTHER_VALUES))
            case "copy":
                parent[key] = copy.deepcopy(other_parent[other_key])
            case "remove" if isinstance(parent, dict):
                del parent[key]
    return cluster


def places(data: Any) -> list[tuple[Any, Any]]:
    """Return every mapping or list in `data` with each of its keys or indexes."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [place for key, value in items for place in ((data, key), *places(value))]


def as_yaml(data: Data) -> str:
    """Return `data` as JSON: YAML whose strings no reader takes for numbers, as PyYAML's plain `0o17` is."""
    return json.dumps(data, ensure_ascii=False, indent=2)


def shuffled(data: Any, source: random.Random) -> Any:
    """Return `data` with the keys of every mapping in another order."""
    if isinstance(data, dict):
        items = [(key, shuffled(value, source)) for key, value in data.items()]
        source.shuffle(items)
        return dict(items)
    return [shuffled(item, source) for item in data] if isinstance(data, list) else data

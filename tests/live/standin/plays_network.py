"""Plays ip, bridge and nft, as far as they show things, in the formats of iproute2 6.1 and nft 1.0.6.

What they show is in the state, below `network`: `links`, `routes`, `rules` by IP version, `vlans`, `nft`.
networks.py says what that is on a healthy machine.
"""

import json
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface
from typing import Any

from live.standin.machine import Answer, Health, Machine


def ip(machine: Machine, words: list[str]) -> Answer:
    options = [word for word in words if word.startswith("-")]
    network = machine.state["network"]
    match [word for word in words if not word.startswith("-")]:
        case ["link", "show"]:
            return _json({k: v for k, v in link.items() if k != "addr_info"} for link in network["links"])
        case ["addr", "show"]:
            return _json({k: v for k, v in link.items() if k != "linkinfo"} for link in network["links"])
        case ["address", "show"]:
            return _json(network["links"])
        case ["route", "get", to, "from", own]:
            return _json(_ways(network["links"], to, own))
        case ["route", "show", "table", "all"]:
            return _json(network["routes"])
        case ["rule", "show"]:
            return _json(network["rules"]["6" if "-6" in options else "4"])
    return Answer("", f"ip {' '.join(words)}: nobody plays that\n", 255)


def _ways(links: Any, to: str, own: str) -> Iterator[dict[str, Any]]:
    """The way of an answer: over the link that has its address, straight or by the network's first one."""
    for link in links:
        for one in link["addr_info"]:
            if one["local"] == own:
                network = ip_interface(f"{own}/{one['prefixlen']}").network
                on_link = ip_address(to) in network
                via = {} if on_link else {"gateway": str(network[1])}
                yield {"dst": to, "from": own, **via, "dev": link["ifname"], "flags": [], "uid": 0}


def bridge(machine: Machine, words: list[str]) -> Answer:
    if words == ["-json", "vlan", "show"]:
        return _json(machine.state["network"]["vlans"])
    return Answer("", f"bridge {' '.join(words)}: nobody plays that\n", 255)


def nft(machine: Machine, words: list[str]) -> Answer:
    if words == ["--json", "list", "ruleset"]:
        about = {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}
        items = [{"metainfo": about}, *machine.state["network"]["nft"]]
        return Answer(json.dumps({"nftables": items}) + "\n")
    return Answer("", f"nft {' '.join(words)}: nobody plays that\n", 1)


def _json(things: Any) -> Answer:
    return Answer(json.dumps(list(things)) + "\n\n")


PROGRAMS = {"ip": ip, "bridge": bridge, "nft": nft}


def healthy(cluster: Any, machine: Any) -> Health:
    """Return what a machine shows that networkd and nftables have set up, and its /etc/hosts."""
    from live.standin import networks  # noqa: PLC0415 - it knows hybridlab, which machines do not have

    files = {"/etc/hosts": networks.hosts(cluster, machine), "/etc/nsswitch.conf": "hosts: files\n"}
    return Health({"network": networks.network(cluster, machine)}, files)

"""What the real nft prints of the rules that our modules and NixOS's firewall make is well, on each machine.

NixOS's part is the text of its firewall-nftables.nix (26.05) for the options that the real Nix evaluates.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from hybridlab import Cluster
from hybridlab.live.checks.check import Failed, Ok
from hybridlab.live.checks.firewall import checks
from hybridlab.live.probe import Output
from live.standin.rulesets import Item, ruleset
from network.namespaces import Namespace, namespaces, need_namespaces
from nix.flakes import REPOSITORY
from nix.machines import machines


@pytest.fixture(scope="module")
def place() -> Iterator[Namespace]:
    need_namespaces("nft")
    with namespaces("firewall") as [namespace]:
        yield namespace


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    return machines(REPOSITORY, tmp_path_factory.mktemp("nix"))


def nixos_text(firewall: Mapping[str, Any], tables: Mapping[str, Any]) -> str:
    """Return what NixOS gives to nft: its own table, and those of `networking.nftables.tables`."""
    trusted = ", ".join(f'"{interface}"' for interface in ["lo", *firewall["trustedInterfaces"]])
    own = f"""
set temp-ports {{
  comment "Temporarily opened ports"
  type inet_proto . inet_service
  flags interval
  auto-merge
}}
chain rpfilter {{
  type filter hook prerouting priority mangle + 10; policy drop;
  meta nfproto ipv4 udp sport . udp dport {{ 67 . 68, 68 . 67 }} accept comment "DHCPv4 client/server"
  fib saddr . mark . iif oif exists accept
  jump rpfilter-allow
}}
chain rpfilter-allow {{
  {firewall["extraReversePathFilterRules"]}
}}
chain input {{
  type filter hook input priority filter; policy drop;
  iifname {{ {trusted} }} accept comment "trusted interfaces"
  icmpv6 type echo-reply accept
  ct state vmap {{
    invalid : drop, established : accept, related : accept,
    new : jump input-allow, untracked: jump input-allow,
  }}
}}
chain input-allow {{
  meta l4proto . th dport @temp-ports accept
  icmp type echo-request accept comment "allow ping"
  icmpv6 type != {{ nd-redirect, 139 }} accept comment "Accept all ICMPv6 messages except redirects and node \
information queries (type 139).  See RFC 4890, section 4.4."
  ip6 daddr fe80::/64 udp dport 546 accept comment "DHCPv6 client"
  {firewall["extraInputRules"]}
}}
"""
    named = {**tables, "nixos-fw": {"family": "inet", "content": own}}
    return "".join(
        f"table {table['family']} {name} {{\n{table['content']}\n}}\n"
        for name, table in sorted(named.items())
    )


def listed(place: Namespace, text: str) -> str:
    place.run("nft", "-f", "-", text=f"flush ruleset\n{text}")
    return place.run("nft", "--json", "list", "ruleset")


def of_machine(options: Mapping[str, Any]) -> str:
    assert options["firewall"]["allowedUDPPorts"] == []
    return nixos_text(options["firewall"], options["nftables"]["tables"])


def test_what_is_loaded_is_well(cluster: Cluster, options: Mapping[str, Any], place: Namespace) -> None:
    for machine in cluster.machines:
        said = Output(0, listed(place, of_machine(options[machine.name])))
        for check in checks(cluster):
            if check.key.machine == machine.name:
                assert isinstance(check.judge(said), Ok), (check.key, check.judge(said))


def test_stand_ins_print_the_same(cluster: Cluster, options: Mapping[str, Any], place: Namespace) -> None:
    for machine in cluster.machines:
        real = json.loads(listed(place, of_machine(options[machine.name])))["nftables"]
        played = ruleset(cluster, machine)
        assert _known(played) == _known(real)


@pytest.mark.parametrize(
    "line",
    [
        "tcp dport 9100 accept",
        "iifname br0.20 udp dport { 53, 5353 } accept",
        "ip saddr 10.0.0.0-10.0.0.9 tcp dport 22 accept",
        "meta skuid 1000 accept",
        "ct mark 7 accept",
        "tcp flags syn accept",
        "iifname br0.20 ip daddr 10.0.20.5 tcp dport 22 accept",
        "accept",
    ],
)
def test_a_line_of_real_text_is_one_fault(
    cluster: Cluster, options: Mapping[str, Any], place: Namespace, line: str
) -> None:
    text = of_machine(options["homelab"]) + f"add rule inet nixos-fw input-allow {line}\n"
    said = Output(0, listed(place, text))
    bad = {
        check.key.code
        for check in checks(cluster)
        if check.key.machine == "homelab" and isinstance(check.judge(said), Failed)
    }
    assert bad == {"firewall.closed"}


def _known(items: list[Item]) -> list[Item]:
    """Leave out what differs from one listing to the next, and the tables of others.

    nft 1.1 lists the sets of a table behind its chains, 1.0 before them; and their elements in other orders.
    """
    kept = []
    for item in items:
        [(kind, said)] = item.items()
        if kind != "metainfo" and said["family"] != "ip":
            kept.append({kind: {key: _in_order(value) for key, value in said.items() if key != "handle"}})
    sets = [item for item in kept if "set" in item]
    return sets + [item for item in kept if "set" not in item]


def _in_order(said: Any) -> Any:
    match said:
        case {"set": list(elements)}:
            return {"set": sorted(map(_in_order, elements), key=json.dumps)}
        case dict():
            return {key: _in_order(value) for key, value in said.items()}
        case list():
            return [_in_order(value) for value in said]
    return said

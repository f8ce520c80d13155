"""The rules for nftables of a machine: what NixOS makes of its options, and what kube-proxy adds to them.

NixOS's part is what its firewall-nftables.nix renders for the options that we set, with the same chains,
priorities and order (evaluated from the real module; docs/decisions/0003-packet-path.md).
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any


def of_nixos(firewall: Mapping[str, Any], tables: Mapping[str, Any]) -> str:
    """Return the ruleset of `networking.firewall`, and the tables of `networking.nftables.tables`."""
    trusted = ", ".join(f'"{interface}"' for interface in ["lo", *firewall["trustedInterfaces"]])
    udp = ", ".join(map(str, firewall["allowedUDPPorts"]))
    opened = f"udp dport {{ {udp} }} accept" if udp else ""
    main = f"""
table inet nixos-fw {{
  chain rpfilter {{
    type filter hook prerouting priority mangle + 10; policy drop;
    meta nfproto ipv4 udp sport . udp dport {{ 67 . 68, 68 . 67 }} accept
    fib saddr . mark . iif oif exists accept
    jump rpfilter-allow
  }}
  chain rpfilter-allow {{
    {firewall["extraReversePathFilterRules"]}
  }}
  chain input {{
    type filter hook input priority filter; policy drop;
    iifname {{ {trusted} }} accept
    ct state vmap {{
      invalid : drop, established : accept, related : accept,
      new : jump input-allow, untracked : jump input-allow
    }}
  }}
  chain input-allow {{
    {opened}
    icmp type echo-request accept
    {firewall["extraInputRules"]}
  }}
}}
"""
    ours = (
        f"table {table['family']} {name} {{\n{table['content']}\n}}\n"
        for name, table in sorted(tables.items())
    )
    return main + "".join(ours)


def of_kube_proxy(
    node_ports: Mapping[int, int], service: IPv4Address, pod: IPv4Address, pods: IPv4Network
) -> str:
    """Return what kube-proxy adds on a node for NodePorts and a Service that a pod answers.

    That is DNAT, and masquerading: its mark for what must be masqueraded is 0x4000. Its mode iptables answers
    on all local addresses.
    """
    called = {f"fib daddr type local tcp dport {port}": target for port, target in node_ports.items()}
    called |= {f"ip daddr {service} tcp dport {port}": port for port in set(node_ports.values())}
    rewrite = "\n    ".join(
        f"{what} meta mark set meta mark or 0x4000 dnat ip to {pod}:{target}"
        for what, target in called.items()
    )
    return f"""
table inet kube-proxy {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    {rewrite}
  }}
  chain output {{
    type nat hook output priority -100; policy accept;
    {rewrite}
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    meta mark and 0x4000 == 0x4000 masquerade
    ip saddr {pods} ip daddr != {pods} masquerade
  }}
}}
"""

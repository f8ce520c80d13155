"""Programs of the user's own, from the spec to the rules that the evaluated machine gives to nftables."""

import re
from pathlib import Path

import pytest

from nix.machines import machines_of
from patched import patched

pytestmark = pytest.mark.nix

SERVICES = """
hosts: {homelab: {services: {backup: {port: 873, from: [management, services]}, quiet: {port: 9100}}}}
guests: {k8s-worker-1: {services: {dns: {port: 53, protocol: udp, from: [management]}}}}
"""


def test_rules_let_in_what_the_spec_says_and_no_more(tmp_path: Path) -> None:
    rules = {name: _rules(patch, tmp_path / name) for name, patch in (("plain", ""), ("services", SERVICES))}
    added = {
        machine: lines - rules["plain"][machine]
        for machine, lines in rules["services"].items()
        if lines != rules["plain"][machine]
    }
    networks = "ip saddr { 10.0.10.0/24, 10.0.20.0/24 }"
    comment = 'comment "backup: a program of its own"'
    assert added == {
        "homelab": {
            f'iifname "br0.{vlan}" {networks} tcp dport 873 accept {comment}' for vlan in ("10", "20")
        },
        "k8s-worker-1": {
            'iifname "vlan20" ip saddr { 10.0.10.0/24 } udp dport 53 accept '
            'comment "dns: a program of its own"'
        },
    }


def _rules(patch: str, folder: Path) -> dict[str, set[str]]:
    """Return the rules of the input chain that come from openings, by machine."""
    return {
        machine: {
            re.sub(r"\s+", " ", line).strip()
            for line in options["firewall"]["extraInputRules"].splitlines()
            if line.strip()
        }
        for machine, options in machines_of(patched(patch), folder).items()
    }

"""Programs of the user's own: what opens for them, and that nothing else of any file changes."""

from typing import Any

from emitted import emitted
from hybridlab import emit_all
from patched import cluster

SERVICES = """
guests:
  k8s-worker-1: {services: {dns: {port: 53, protocol: udp, from: [management]}, quiet: {port: 9100}}}
"""
PLAN = """
networks:
  others: {wireguard: 10.9.0.0/24}
  vlans: {services: {dhcp: {from: 10.0.20.100, to: 10.0.20.199}, devices: {nas: 10.0.20.250}}}
"""


def firewall(patch: str, machine: str) -> Any:
    files = {path: values for path, values, _ in emitted(cluster(patch))}
    values: Any = files[f"modules/generated/{machine}/firewall.nix"]
    return values["hybridlab"]["firewall"]


def test_a_service_is_an_opening_with_its_sources_and_reason() -> None:
    plain, opened = (firewall(patch, "k8s-worker-1")["openings"] for patch in ("", SERVICES))
    assert [opening for opening in opened if opening not in plain] == [
        {
            "interface": "vlan20",
            "protocol": "udp",
            "port": 53,
            "sources": ["10.0.10.0/24"],
            "reason": "dns: a program of its own",
        }
    ]
    assert len(opened) == len(plain) + 1


def test_a_service_changes_no_other_file() -> None:
    plain, opened = emit_all(cluster("")), emit_all(cluster(SERVICES))
    changed = {str(file.path) for file in opened if plain[str(file.path)].text != file.text}
    assert {path for path in changed if not path.endswith("index.json")} == {
        "modules/generated/k8s-worker-1/firewall.nix"
    }


def test_what_only_the_address_plan_knows_is_in_no_file() -> None:
    assert emit_all(cluster(PLAN)) == emit_all(cluster(""))

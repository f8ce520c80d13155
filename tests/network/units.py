"""Options below `systemd.network` as the files that NixOS makes of them for networkd and udev.

The layout is that of nixpkgs' nixos/lib/systemd-network-units.nix, for the options that we set: which option
becomes which section, and which key of [Network] a list becomes. Keys are taken as they are, as there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

# Options of a file, in their order, with the section that each becomes; sections in a list become several.
_SECTIONS = {
    "matchConfig": "Match",
    "netdevConfig": "NetDev",
    "bridgeConfig": "Bridge",
    "vlanConfig": "VLAN",
    "linkConfig": "Link",
    "networkConfig": "Network",
    "routingPolicyRules": "RoutingPolicyRule",
    "routes": "Route",
    "bridgeVLANs": "BridgeVLAN",
}
_NETWORK_KEYS = {"address": "Address", "gateway": "Gateway", "vlan": "VLAN"}
_KINDS = {"netdevs": "netdev", "networks": "network", "links": "link"}


def files(network: Mapping[str, Any]) -> dict[str, str]:
    """Return the files below /etc/systemd by name."""
    found = {"networkd.conf": _section("Network", network["config"]["networkConfig"])}
    for option, kind in _KINDS.items():
        for name, definition in network[option].items():
            found[f"network/{name}.{kind}"] = "\n".join(_sections(definition))
    return found


def _sections(definition: Mapping[str, Any]) -> Iterator[str]:
    lists = {key: definition[option] for option, key in _NETWORK_KEYS.items() if definition.get(option)}
    # An option that nobody told this module about must not get lost; one without a value says nothing.
    assert definition.get("enable", True)
    set_ = {option for option, value in definition.items() if value} - {"enable"}
    assert not set_ - _SECTIONS.keys() - _NETWORK_KEYS.keys()
    for option, section in _SECTIONS.items():
        value = definition.get(option, {})
        if option == "networkConfig":
            value = value | lists
        for values in value if isinstance(value, list) else [value]:
            if values:
                yield _section(section, values)


def _section(name: str, values: Mapping[str, Any]) -> str:
    lines = [
        f"{key}={_text(value)}\n"
        for key, given in values.items()
        for value in (given if isinstance(given, list) else [given])
    ]
    return f"[{name}]\n{''.join(lines)}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

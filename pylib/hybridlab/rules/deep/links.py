"""Links of machines: networkd configures each by the first file that matches, which has to be ours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.evaluated import at, texts
from hybridlab.model.links import bridge_ports
from hybridlab.model.node import Guest, Host, leg_path
from hybridlab.rules.deep.claims import NETWORKS
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule
from hybridlab.rules.wording import listed

_MATCH = f"{NETWORKS}.*.matchConfig"
_ENABLE = f"{NETWORKS}.*.enable"


@frozen
class _Link:
    """A link, as networkd asks of it; `network` is the file of ours that is meant for it.

    `path` has the link in the spec: a value, or something that has to have one (`is_key`).
    """

    name: str
    kind: str
    mac: str | None
    network: str
    path: SpecPath
    is_key: bool = False


def _links(cluster: Cluster, seen: Seen) -> Iterator[_Link]:
    machine = seen.machine
    match machine:
        case Guest():
            name, mac = machine.leg.interface, machine.identity.mac
            yield _Link(name, "ether", mac, f"20-{name}", leg_path(machine, machine.leg))
        case Host():
            uplink, own_side, *taps = bridge_ports(cluster, machine)
            yield _Link(uplink.interface, "ether", None, "10-uplink", machine.path / "uplink")
            yield _Link(own_side.interface, "bridge", None, f"20-{own_side.interface}", machine.path, True)
            for leg in machine.legs:
                yield _Link(leg.interface, "vlan", None, f"30-{leg.interface}", leg_path(machine, leg))
            for guest, tap in zip(machine.guests, taps, strict=True):
                yield _Link(tap.interface, "none", None, f"40-{tap.interface}", guest.path, True)


@deep_rule(
    "NIX112",
    "link-of-another-file",
    summary="Another file of networkd comes before ours and matches the same link.",
    rationale="""networkd takes the first file, by name, that matches a link, and no other. A file that
        matches `en*` or `*`, as many examples have it, takes the uplink off the bridge or the address
        off a leg: the machine is cut off at the next start of networkd.""",
    source="""systemd.network(5): the first (in alphanumeric order) of the network files that matches is
        applied""",
    reads=(_MATCH, _ENABLE),
    bad=Example(
        "homelab",
        """
        systemd.network.networks."10-lan" = {
          matchConfig.Name = "en*";
          networkConfig.DHCP = "yes";
        };
        """,
        at=SpecPath.of("hosts", "homelab", "uplink"),
    ),
    good=Example(
        "homelab",
        """
        systemd.network.networks."90-lan" = {
          matchConfig.Name = "en*";
          networkConfig.DHCP = "yes";
        };
        """,
        at=SpecPath.of("hosts", "homelab", "uplink"),
    ),
)
def link_of_another_file(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        enabled = dict(seen.nixos.items(_ENABLE))
        files = sorted(
            (f"{name}.network", name, match)
            for name, match in seen.nixos.items(_MATCH)
            if enabled.get(name) is not False and isinstance(match, Mapping)
        )
        taken: dict[str, list[_Link]] = {}
        for link in _links(cluster, seen):
            first = next((name for _, name, match in files if _matches(match, link)), link.network)
            if first != link.network:
                taken.setdefault(first, []).append(link)
        for name, links in taken.items():
            which = listed([f"{link.name} (of {link.network!r})" for link in links])
            yield Difference(
                seen.machine,
                f"{NETWORKS}.{name!r} comes first and matches {which}",
                links[0].path,
                "let it match the link that it is for (matchConfig), or name it so that it comes later: "
                f"90-{name.lstrip('0123456789-')}",
                seen.nixos.defined(_MATCH, at(name)),
                on_key=links[0].is_key,
            )


def _matches(match: Mapping[str, object], link: _Link) -> bool:
    """Return whether a file is sure to match a link: not where it has conditions of which we know nothing."""
    known: Mapping[str, str | None] = {
        "Name": link.name,
        "OriginalName": None,
        "Type": link.kind,
        "MACAddress": link.mac,
        "PermanentMACAddress": link.mac,
    }
    return bool(match) and all(
        known.get(key) is not None and _one_of(value, str(known[key]), by_glob=not key.endswith("Address"))
        for key, value in match.items()
    )


def _one_of(value: object, text: str, *, by_glob: bool) -> bool:
    """Return whether a text is one of a list of shell patterns, which a `!` at its start turns around."""
    words = [word for one in texts(value) for word in one.split()]
    turned = bool(words) and by_glob and words[0].startswith("!")
    if turned:
        words[0] = words[0][1:]
    found = any(fnmatchcase(text, word) if by_glob else text.lower() == word.lower() for word in words)
    return found is not turned

"""What a machine says that a switch to another system would do to its units; it knows no machine."""

from attrs import frozen

from hybridlab.model.node import Host

# The lines of `switch-to-configuration dry-activate`, on standard error (nixpkgs,
# pkgs/by-name/sw/switch-to-configuration-ng). It looks at active units: new ones are not among them.
_LINES = {
    "would stop the following units: ": "stops",
    "would restart the following units: ": "restarts",
    "would reload the following units: ": "reloads",
    "would start the following units: ": "starts",
}
# When one of these ends, so do the pods of its node, or their network.
_OF_A_NODE = frozenset(
    f"{unit}.service" for unit in ("containerd", "flannel", "kube-proxy", "kubelet", "systemd-networkd")
)


@frozen
class Changes:
    """The units that a switch stops, restarts, reloads and starts."""

    stops: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()
    reloads: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()

    @property
    def ended(self) -> frozenset[str]:
        """Units that end, whether or not they begin again."""
        return frozenset({*self.stops, *self.restarts})


def parse_changes(text: str) -> Changes:
    """Return what the output of dry-activate says; lines of anything else are passed over."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        for start, kind in _LINES.items():
            if line.startswith(start):
                units = (unit.strip() for unit in line.removeprefix(start).split(","))
                found[kind] = (*found.get(kind, ()), *filter(None, units))
    return Changes(**found)


def restarted_guests(changes: Changes, host: Host) -> tuple[str, ...]:
    """Return the guests of `host` that restart, or begin."""
    touched = changes.ended | {*changes.starts}
    return tuple(guest.name for guest in host.guests if f"microvm@{guest.name}.service" in touched)


def disturbed_nodes(changes: Changes, host: Host) -> tuple[str, ...]:
    """Return the nodes among `host` and its guests whose pods do not live through it."""
    guests = {*restarted_guests(changes, host)}
    own = [host.name] if host.membership is not None and changes.ended & _OF_A_NODE else []
    return (*own, *(g.name for g in host.guests if g.name in guests and g.membership is not None))

"""Machines as NixOS makes them: name, platform and state version; and guests as their hosts run them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.evaluated import EvaluatedMachine, at, naming
from hybridlab.model.node import Guest, Host
from hybridlab.rules.deep.claims import READS, claims
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule
from hybridlab.rules.deep.settings import Wanted, differing
from hybridlab.rules.wording import listed

_HOMELAB = SpecPath.of("hosts", "homelab")
_WORKER = SpecPath.of("guests", "k8s-worker-1")
_NIXOS = SpecPath.of("nixos")
_MACHINE = (
    "networking.hostName",
    "nixpkgs.hostPlatform.system",
    "system.stateVersion",
    "systemd.network.enable",
    "time.timeZone",
)


@deep_rule(
    "NIX119",
    "machine-differs",
    summary="""A module makes a machine another one than the spec: its name, platform, state version or
        time zone.""",
    rationale="""A machine of another name joins as another node; one of another platform is not what
        was bought; a later state version makes programs read data as they never wrote them; without
        networkd there is no bridge and no address.""",
    source="emit/nixos/cluster.py, emit/nixos/network.py; nixpkgs, nixos/modules/misc/version.nix",
    reads=_MACHINE,
    bad=Example("homelab", 'system.stateVersion = lib.mkForce "26.11";', at=_NIXOS / "stateVersion"),
    good=Example("homelab", 'system.stateVersion = "26.05";', at=_NIXOS / "stateVersion"),
)
def machine_differs(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    nixos = cluster.nixos
    for seen in machines:
        path = seen.machine.path
        values: Mapping[str, tuple[object, SpecPath]] = {
            "networking.hostName": (seen.machine.name, path),
            "nixpkgs.hostPlatform.system": (nixos.system.value, _NIXOS / "system"),
            "system.stateVersion": (nixos.state_version, _NIXOS / "stateVersion"),
            "systemd.network.enable": (True, path),
            "time.timeZone": (nixos.time_zone, _NIXOS / "timeZone"),
        }
        rows = [
            Wanted(option, value, at, on_key=at == path)
            for option, (value, at) in values.items()
            if value is not None
        ]
        yield from differing(seen, rows, "take it out, or write the value that is meant into the spec")


_HARDWARE = ("hypervisor", "vcpu", "mem", "balloon", "machineId", "vsock.cid")
_LINKS = ("microvm.interfaces.*.id", "microvm.interfaces.*.mac")
_VOLUMES = ("microvm.volumes.*.mountPoint", "microvm.volumes.*.size")
_STATE = "/var/lib"


@deep_rule(
    "NIX120",
    "guest-differs",
    summary="A module gives a guest other hardware than the spec does.",
    rationale="""What fits on the host, which tap the bridge knows and under which address systemd tells
        guests apart is all computed from the spec. More memory than there is ends guests at random;
        another MAC address or tap is not in the VLAN.""",
    source="emit/nixos/microvm.py; microvm.nix, nixos-modules/microvm/options.nix",
    reads=(*(f"microvm.{name}" for name in _HARDWARE), *_LINKS, *_VOLUMES),
    bad=Example("k8s-worker-1", "microvm.mem = lib.mkForce 16384;", at=_WORKER / "memory"),
    good=Example("k8s-worker-1", "microvm.mem = 4096;", at=_WORKER / "memory"),
)
def guest_differs(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    hint = "take it out, and write what is meant into the spec: the host is planned by that"
    for seen in machines:
        guest = seen.machine
        if not isinstance(guest, Guest):
            continue
        identity, path = guest.identity, guest.path
        rows = [
            Wanted("microvm.hypervisor", guest.hypervisor.value, path / "hypervisor"),
            Wanted("microvm.vcpu", guest.vcpus, path / "vcpus"),
            Wanted("microvm.mem", guest.memory_mib, path / "memory"),
            Wanted("microvm.balloon", guest.balloon, path / "balloon"),
            Wanted("microvm.machineId", identity.uuid, path, on_key=True),
            Wanted("microvm.vsock.cid", identity.cid, path, on_key=True),
        ]
        yield from differing(seen, rows, hint)
        for option, message, where in _parts(guest, seen.nixos):
            definitions = seen.nixos.defined(option)
            yield Difference(guest, message, where, hint, definitions, on_key=where == path)


def _parts(guest: Guest, nixos: EvaluatedMachine) -> Iterator[tuple[str, str, SpecPath]]:
    identity = guest.identity
    links = set(zip(_items(nixos, _LINKS[0]), _items(nixos, _LINKS[1]), strict=False))
    if links and (identity.tap, identity.mac) not in links:
        has = listed([f"{tap} ({mac})" for tap, mac in sorted(links, key=str)])
        wanted = f"{identity.tap} ({identity.mac})"
        yield _LINKS[0], f"microvm.interfaces has {has}, and the bridge knows it as {wanted}", guest.path
    places, sizes = _items(nixos, _VOLUMES[0]), _items(nixos, _VOLUMES[1])
    size = dict(zip(map(str, places), sizes, strict=False)).get(_STATE)
    if size is not None and size != guest.storage_mib:
        message = f"the volume at {_STATE} has {size} MiB, and the spec has {guest.storage_mib} MiB"
        yield _VOLUMES[1], message, guest.path / "storage"


def _items(nixos: EvaluatedMachine, option: str) -> list[object]:
    value = nixos.value(option)
    return value if isinstance(value, list) else []


_AUTOSTART = "microvm.vms.*.autostart"
_HOST_ENABLE = "microvm.host.enable"


@deep_rule(
    "NIX121",
    "guest-not-run",
    summary="A host does not run a guest that the spec gives it, or does not start it.",
    rationale="""The guest is in the flake, and builds; but its host leaves it out, or does not start it
        at boot. After the next reboot a node is missing.""",
    source="microvm.nix, nixos-modules/host/options.nix (vms, autostart)",
    reads=(_AUTOSTART, _HOST_ENABLE),
    bad=Example("homelab", "microvm.vms.k8s-worker-1.autostart = lib.mkForce false;", at=_WORKER),
    good=Example("homelab", "microvm.vms.k8s-worker-1.autostart = true;", at=_WORKER),
)
def guest_not_run(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen in machines:
        host = seen.machine
        if not isinstance(host, Host):
            continue
        starts = dict(seen.nixos.items(_AUTOSTART))
        is_off = seen.nixos.is_off(_HOST_ENABLE)
        for guest in host.guests:
            if is_off:
                message, option = f"{_HOST_ENABLE} is false, so {guest} does not run", _HOST_ENABLE
            elif guest.name not in starts:
                message, option = f"microvm.vms does not have {guest}", _AUTOSTART
            elif starts[guest.name] is False:
                message, option = f"microvm.vms.{guest.name}.autostart is false", _AUTOSTART
            else:
                continue
            yield Difference(
                host,
                message,
                guest.path,
                "take that out; a guest that is not to run is taken out of the spec",
                seen.nixos.defined(option, at(guest.name) if option == _AUTOSTART else None),
                on_key=True,
            )


@deep_rule(
    "NIX122",
    "guest-not-in-spec",
    severity=Severity.WARNING,
    summary="A host runs a guest of which the spec does not know, or which it has on another host.",
    rationale="""Its memory is missing from the host's, its address may be given to another machine, and
        no VLAN of the bridge is meant for it.""",
    source="microvm.nix, nixos-modules/host/options.nix (vms)",
    reads=(_AUTOSTART, *READS),
    bad=Example(
        "homelab",
        """
        microvm.vms.scratch.evaluatedConfig = {
          options = { };
          config = { assertions = [ ]; };
        };
        """,
        at=_HOMELAB,
    ),
    good=Example("homelab", "microvm.vms.k8s-worker-1.restartIfChanged = true;", at=_HOMELAB),
)
def guest_not_in_spec(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    guests = {guest.name: guest for guest in cluster.guests}
    for seen in machines:
        for name, nixos in sorted(seen.nixos.guests.items()):
            known = guests.get(name)
            related: tuple[Related, ...] = ()
            if known is not None and known.host == seen.machine.name:
                continue
            if known is not None:
                message = f"it runs {known}, which the spec has on host {known.host!r}"
                related = (Related("here", known.path / "host"),)
            else:
                addresses = [str(claim.given) for claim in claims(nixos) if claim.on_link]
                has = f" (at {listed(addresses)})" if addresses else ""
                message = f"it runs a guest {name!r}{has}, which the spec does not have"
            yield Difference(
                seen.machine,
                message,
                seen.machine.path,
                "write it below 'guests', which gives it a tap, an address and memory; or take it out",
                seen.nixos.defined(_AUTOSTART, naming(name)),
                related,
                on_key=True,
            )

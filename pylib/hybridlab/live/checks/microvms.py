"""Whether a host runs each of its guests, and as it now is; what is in a guest is not looked at.

Facts are those of microvm.nix, nixos-modules/host/default.nix, of the revision in flake.lock.
"""

from collections.abc import Iterator
from functools import partial

from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Verdict
from hybridlab.live.checks.unit import unit_check, unit_key
from hybridlab.live.probe import Output, read
from hybridlab.model.node import Guest, Host

_STATE = "/var/lib/microvms"
# Each is there for one guest; microvm@ requires all of them, so its own check says so.
_PARTS = (
    "microvm",
    "microvm-tap-interfaces",
    "microvm-macvtap-interfaces",
    "microvm-pci-devices",
    "microvm-set-booted",
    "microvm-virtiofsd",
)


def guest_unit(guest: Guest) -> Key:
    """Return the key of the check that the host runs the guest."""
    return unit_key(guest.host, _unit(guest.name))


def units_of_guests(host: Host) -> frozenset[str]:
    """Return the units whose failure the checks here report."""
    return frozenset(f"{part}@{guest.name}.service" for guest in host.guests for part in _PARTS)


def guest_checks(host: Host) -> Iterator[Check]:
    """Yield the checks of a host's guests, as their host sees them."""
    for guest in host.guests:
        yield unit_check(
            guest_unit(guest),
            Phase.MACHINES,
            f"{host.name} runs guest {guest.name}",
            advice=f"on {host.name}, `systemctl status 'microvm*@{guest.name}*'` shows all its parts",
        )
        folder = f"{_STATE}/{guest.name}"
        yield Check(
            Key("guest.current", host.name, guest.name),
            Phase.MACHINES,
            f"guest {guest.name} runs as it was last deployed",
            (Remote(host.name, read("readlink", f"{folder}/booted", f"{folder}/current", fine=(0, 1))),),
            partial(_judge_current, host.name, guest.name),
            needs=(guest_unit(guest),),
        )


def _unit(guest: str) -> str:
    return f"microvm@{guest}.service"


def _judge_current(host: str, guest: str, output: Output) -> Verdict:
    match output.stdout.split():
        case [booted, current] if booted == current:
            return Ok(current)
        case [booted, current]:
            # A switch restarts a guest whose runner changes (modules/hypervisor.nix): it was not by one.
            return Failed(
                f"the runner {current}",
                f"the runner {booted}",
                f"start it anew, which drops what runs in it: on {host}, "
                f"`systemctl restart {_unit(guest)}`; or `hybridlab deploy {host}`",
            )
    return CouldNotLook(f"{_STATE}/{guest} does not have both links, booted and current")

"""Builds the systems of hosts, brings them there, and asks what they would change; nothing is switched.

All of it is done before the first host is touched, so that what can fail fails while everything still stands.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from attrs import frozen

from hybridlab.errors import LiveError
from hybridlab.live import nix
from hybridlab.live.chain.redact import redacted
from hybridlab.live.gather import gather
from hybridlab.live.paths import BOOTED_PARTS
from hybridlab.live.preflight import Problem, Seen, Target, room_for
from hybridlab.live.probe import read
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.live.switching import Changes, parse_changes

# Other than a switch, dry-activate does not run all checks that come before one.
_ASK = '"$1" check && exec "$1" dry-activate'
_ASK_SECONDS = 120
# It says so whatever there is to do: without it, that nothing would be disturbed is not known.
_WOULD = "would activate the configuration"


@frozen
class Prepared:
    """A host with its new system there: `changes` are the units that a switch disturbs.

    `restart_for`: what of the new system takes effect with a restart only.
    """

    seen: Seen
    system: str
    changes: Changes
    restart_for: tuple[str, ...]

    @property
    def target(self) -> Target:
        return self.seen.target

    @property
    def is_there(self) -> bool:
        """Whether the host runs the new system, and starts with it."""
        return self.seen.runs(self.system)


def build_all(
    hosts: Iterable[Seen], folder: Path, links: Path, say: Callable[[str], object]
) -> dict[str, str]:
    """Build the system of each host from the flake in `folder`; links in `links` keep them.

    Return the store paths by host. Raises: LiveError for the first that can not be built.
    """
    systems = {}
    for seen in hosts:
        say(f"building {seen.target.host}")
        systems[seen.target.name] = nix.build(folder, seen.target.name, links / seen.target.name)
    return systems


def copy_all(
    hosts: Iterable[Seen], systems: dict[str, str], ssh: Ssh, folder: Path, say: Callable[[str], object]
) -> tuple[Problem, ...]:
    """Bring each host its system, if there is room for it on all of them; return where there is none.

    Raises: LiveError if one does not arrive.
    """
    wanted = []
    for seen in hosts:
        closure = nix.closure(systems[seen.target.name])
        missing = nix.missing(ssh, seen.target.address, closure)
        if isinstance(missing, Unreachable):
            raise LiveError(f"{seen.target.name} can not be reached: {missing}")
        wanted.append((seen, missing))
    problems = tuple(p for seen, missing in wanted if (p := room_for(seen, missing)) is not None)
    if not problems:
        for seen, missing in wanted:
            if missing:
                size = sum(missing.values()) // 2**20
                say(f"copying {len(missing)} paths ({size} MiB) to {seen.target.host}")
                nix.copy(ssh, seen.target.address, systems[seen.target.name], folder, say)
    return problems


def ask_host(seen: Seen, system: str, ssh: Ssh) -> Prepared:
    """Ask a host what the system `system`, which is there, would change. Raises: LiveError if it refuses."""
    if seen.runs(system):
        return Prepared(seen, system, Changes(), ())
    words = ["sh", "-c", _ASK, "sh", f"{system}/bin/switch-to-configuration"]
    run = ssh.run(seen.target.address, words, seconds=_ASK_SECONDS)
    if isinstance(run, Unreachable):
        raise LiveError(f"{seen.target.name} can not be reached: {run}")
    if run.status:
        lines = [line.strip() for line in run.stderr.splitlines() if line.strip()]
        said = "; ".join(lines[-3:]) or f"status {run.status}"
        raise LiveError(
            f"{seen.target.name} refuses to switch to the new system while it runs: {redacted(said)} "
            f"(NixOS's switch-to-configuration; nothing was changed)"
        )
    if _WOULD not in run.stderr:
        raise LiveError(
            f"{seen.target.name} does not say what the new system would change; nothing was changed"
        )
    return Prepared(seen, system, parse_changes(run.stderr), _restart_for(seen, system, ssh))


def _restart_for(seen: Seen, system: str, ssh: Ssh) -> tuple[str, ...]:
    """Return what differs between the system that the host was started with and the new one.

    Raises: LiveError if that can not be asked.
    """
    booted = [read("readlink", f"/run/booted-system/{part}") for part in BOOTED_PARTS]
    new = [read("readlink", f"{system}/{part}") for part in BOOTED_PARTS]
    booted.append(read("cat", "/run/booted-system/kernel-params"))
    new.append(read("cat", f"{system}/kernel-params"))
    asked = gather(ssh, seen.target.address, (*booted, *new))
    if isinstance(asked, Unreachable):
        raise LiveError(f"{seen.target.name} can not be reached: {asked}")
    if any((output := asked.get(one)) is None or output.why_not(one) for one in (*booted, *new)):
        raise LiveError(f"{seen.target.name} does not say what it was started with; nothing was changed")
    pairs = zip((*BOOTED_PARTS, "kernel parameters"), booted, new, strict=True)
    return tuple(
        name.replace("-", " ") for name, before, after in pairs if asked[before].stdout != asked[after].stdout
    )

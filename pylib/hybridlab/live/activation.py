"""Make a machine run another NixOS system, so that it goes back by itself unless it is told that all is well.

The machine does it alone (activate.sh, as a unit of systemd): a connection that breaks, or a deployer that
dies, leaves it on the old system or on the new one. Which systems these are is not known here.
"""

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import PurePosixPath

from attrs import field, frozen

from hybridlab.errors import LiveError
from hybridlab.live.checks.answers import shorten
from hybridlab.live.paths import is_store_path
from hybridlab.live.probe import Output, read
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.spec.scalars import Address

# In memory, so that nothing of an attempt outlives a restart.
_FOLDER = PurePosixPath("/run/hybridlab")
_UNIT = "hybridlab-activation"
# Whether an attempt is under way, and the two kinds of answers; others say nothing.
STATE = read("systemctl", "is-active", f"{_UNIT}.service", fine=(0, 3, 4))
UNDER_WAY = ("active", "activating", "deactivating", "reloading")
AT_REST = ("inactive", "failed", "unknown")
# The script looks for an order every second. `gone`: it does not run, and has not said anything; if the order
# to begin is still on its way, it finds the folder there, and does not.
_ASK = f"""\
if [ -n "$2" ] && touch -- "$1/$2"; then
  sleep 1
fi
if ! [ -d "$1" ]; then
  mkdir -p "$1" && echo gone
elif ! [ -e "$1/outcome" ]; then
  if systemctl is-active --quiet {_UNIT}.service; then
    echo beginning
  else
    echo gone
  fi
else
  cat "$1/outcome"
fi
"""
# The script comes in on standard input: systemd-run would expand what looks like a variable in an argument.
# If the connection breaks, that looks like its end, hence the size.
_START = f"""\
set -eu
folder=$1 size=$2; shift 2
umask 077
mkdir -p "${{folder%/*}}"
mkdir "$folder"
trap 'rm -rf "$folder"' EXIT
cat >"$folder/activate"
[ "$(wc -c <"$folder/activate")" -eq "$size" ]
trap - EXIT
systemd-run --unit={_UNIT} --collect --quiet --service-type=exec \\
  --description="hybridlab activates a system" --property=KillMode=mixed \\
  --property=TimeoutStopSec=infinity \\
  --property="ExecStopPost=/bin/sh $folder/activate settle $folder" \\
  /bin/sh "$folder/activate" run "$folder" "$@"
"""
# What the script and the question say; a login may print something else before it.
_WORDS = frozenset(
    [
        "gone",
        "beginning",
        "activating",
        "activated",
        "reached",
        "keeping",
        "kept",
        "reverting",
        "reverted",
        "stuck",
    ]
)
_FORGOTTEN = "it was restarted before the new system was kept, or could not even begin"
_SECONDS = 30  # for one command
_PAUSE_SECONDS = 1.0
# Beyond its own limits, for what it runs: activating and taking back.
_GRACE_SECONDS = 600


@frozen
class Kept:
    """The machine runs the new system, and starts with it."""


@frozen
class TakenBack:
    """The machine runs the old system, and starts with it; `reason` says why."""

    reason: str


@frozen
class Unknown:
    """Nobody here knows which system the machine runs; it will settle that by itself within `seconds`."""

    reason: str
    seconds: int


Ending = Kept | TakenBack | Unknown


@frozen
class Limits:
    """How many seconds the machine waits: for a new connection, and then to be told that it is well."""

    reach: int = 120
    keep: int = 900


@frozen
class Activation:
    """An attempt on a machine to run `system`, a store path that is there already.

    `addresses`: where it can be reached before, and where afterwards if that is another one. `generation`:
    the number that the system has in the machine's profile, to go back to it.
    """

    ssh: Ssh
    addresses: tuple[Address, ...]
    system: str
    limits: Limits
    generation: int | None = None
    folder: PurePosixPath = field(factory=lambda: _FOLDER / secrets.token_hex(8))

    def begin(self) -> None:
        """Begin, and return at once. Raises: LiveError if the machine refuses: then nothing has begun."""
        script = resources.files("hybridlab.live").joinpath("activate.sh").read_text("utf-8")
        numbers = (self.limits.reach, self.limits.keep, self.generation)
        words = ["sh", "-c", _START, "sh", str(self.folder), str(len(script.encode())), self.system]
        words += [str(number) for number in numbers if number is not None]
        run = self.ssh.run(self.addresses[0], words, seconds=_SECONDS, given=script)
        # Without an answer the order may have arrived, or not: what becomes of it is found out later.
        if isinstance(run, Output) and run.status:
            said = run.complaint("systemd-run") or f"status {run.status}"
            raise LiveError(f"can not begin to activate: {said}")

    def outcome(self, order: str = "", addresses: tuple[Address, ...] = ()) -> tuple[str, str]:
        """Return how far it has come, as its word and the rest of its line, asked over a new connection.

        An `order` is given to it before, and has some time to be followed. Both are empty if the machine can
        not be asked, or says something else; `addresses`: only there.
        """
        words = ["sh", "-c", _ASK, "sh", str(self.folder), order]
        run = self._run(words, addresses or self.addresses, fresh=True)
        if isinstance(run, Unreachable) or run.status:
            return "", ""
        word, _, rest = run.stdout.strip().rpartition("\n")[2].partition(" ")
        return (word, rest) if word in _WORDS else ("", "")

    def confirm_reached(self) -> Ending | None:
        """Wait until it is activated, and confirm over a new connection that the machine can be reached.

        That is, at the address that it has afterwards. Return how it ended if it did not come to that.
        """
        for word, reason in self._progress({"activated": "reached"}):
            if word == "reached":
                return None
            if (ended := self._ended(word, reason)) is not None:
                return ended
        return Unknown("it can not be reached any more", self.limits.reach)

    def keep(self) -> Ending:
        """Tell the machine that it is well, and return how it ended."""
        return self._settle("keep")

    def take_back(self) -> Ending:
        """Tell the machine to go back, and return how it ended: it may have been kept already."""
        return self._settle("back")

    def _settle(self, order: str) -> Ending:
        for word, reason in self._progress({}, order):
            if (ended := self._ended(word, reason)) is not None:
                return ended
        return Unknown("it can not be reached any more", self.limits.keep)

    def _progress(self, answers: Mapping[str, str], order: str = "") -> Iterator[tuple[str, str]]:
        """Yield how far it is, again and again, until the machine has been silent for too long.

        With each question goes the `order`, or that which answers the last word: only where it is reached
        afterwards.
        """
        silence = self.limits.reach + _GRACE_SECONDS
        end = time.monotonic() + silence
        word = ""
        while time.monotonic() < end:
            answer = answers.get(word)
            word, reason = self.outcome(answer, self.addresses[-1:]) if answer else self.outcome(order)
            yield word, reason
            if word:
                end = time.monotonic() + silence
            if word not in answers:
                time.sleep(_PAUSE_SECONDS)

    def _ended(self, word: str, reason: str) -> Ending | None:
        match word:
            case "kept":
                return Kept()
            case "reverted":
                return TakenBack(reason)
            case "stuck":
                return Unknown(reason, 0)
            case "gone":
                return self._after_all()
        return None

    def _after_all(self) -> Ending:
        """Return how it ended, of which the machine knows nothing any more: a restart empties its memory."""
        run = self._run(["readlink", "-f", "/run/current-system"], self.addresses)
        if isinstance(run, Unreachable) or run.status:
            return Unknown("it can not be reached any more", self.limits.reach)
        running = run.stdout.strip()
        if not is_store_path(running):
            return Unknown(f"it does not say which system it runs: {shorten(running) or 'nothing'}", 0)
        return Kept() if running == self.system else TakenBack(_FORGOTTEN)

    def _run(
        self, words: Sequence[str], addresses: tuple[Address, ...], *, fresh: bool = False
    ) -> Output | Unreachable:
        """Run words at the first of these addresses at which the machine answers."""
        for address in addresses:
            run = self.ssh.run(address, words, seconds=_SECONDS, fresh=fresh)
            if isinstance(run, Output):
                break
        return run

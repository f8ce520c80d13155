"""Runs the user's own OpenSSH, with their configuration, agent and jump hosts; it knows not what for.

Host keys are checked strictly whatever the configuration says: an unknown or a changed one is an answer, with
what to do about it. Further options come from NIX_SSHOPTS, which Nix reads, too.
"""

import enum
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from attrs import field, frozen

from hybridlab.errors import LiveError
from hybridlab.live.probe import Output
from hybridlab.spec.scalars import Address

# The first value of an option wins, so nobody's configuration can loosen these, or run something else.
_ALWAYS = (
    "-oBatchMode=yes",
    "-oStrictHostKeyChecking=yes",
    "-oUpdateHostKeys=no",
    "-oClearAllForwardings=yes",
    "-oForwardAgent=no",
    "-oLogLevel=ERROR",
    "-oRemoteCommand=none",
)
# Of our own calls alone: Nix has a local command of its own.
_OURS = ("-oPermitLocalCommand=no",)
# Unless NIX_SSHOPTS says otherwise; they win over ssh_config, so that each call comes to an end.
_UNLESS_SAID = ("-oConnectTimeout=10", "-oServerAliveInterval=5", "-oServerAliveCountMax=3")
# A connection of its own, not a channel in one that is open: it shows that a new one is let in.
_FRESH = ("-oControlPath=none", "-oControlMaster=no")
_FAILED = 255  # ssh's own failures; a program may end with it, too


class Cause(enum.Enum):
    """Why ssh could not run something on a machine."""

    UNKNOWN_KEY = "its host key is not known here"
    CHANGED_KEY = "its host key is another one than is known here"
    DENIED = "it does not let this key in"
    REFUSED = "nothing answers at its ssh port"
    SILENT = "it does not answer"
    NO_ROUTE = "there is no way to it"
    CUT = "the connection was cut"


# What OpenSSH says (ssh.c, sshconnect.c, sshconnect2.c of 9.2), and what it means; the first match counts.
_SAID = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", Cause.CHANGED_KEY),
    ("host key is known for", Cause.UNKNOWN_KEY),
    ("Host key verification failed", Cause.UNKNOWN_KEY),
    ("Permission denied", Cause.DENIED),
    ("Too many authentication failures", Cause.DENIED),
    ("Connection refused", Cause.REFUSED),
    ("timed out", Cause.SILENT),
    ("not responding", Cause.SILENT),
    ("No route to host", Cause.NO_ROUTE),
    ("Network is unreachable", Cause.NO_ROUTE),
    ("Could not resolve hostname", Cause.NO_ROUTE),
)
# The last that it says when a connection breaks after the login.
_WAS_OPEN = ("closed by remote host", "Connection reset", "Broken pipe")


@frozen
class Unreachable:
    """Nothing could be run on the machine, or the connection broke; `said` is what ssh said, as one line."""

    address: Address
    cause: Cause
    said: str = ""
    # What had been written until then.
    stdout: str = field(default="", eq=False, repr=False)
    stderr: str = field(default="", eq=False, repr=False)

    def __str__(self) -> str:
        return f"{self.cause.value}{f' ({self.said})' if self.said else ''}"

    @property
    def advice(self) -> str:
        """Return what the user can do about it."""
        match self.cause:
            case Cause.UNKNOWN_KEY:
                return (
                    f"compare `ssh-keyscan {self.address} | ssh-keygen -lf -` with `ssh-keygen -lf "
                    f"/etc/ssh/ssh_host_ed25519_key.pub` on the machine's own console (a guest has none: "
                    f"docs/runbook.md, 'Host keys'); then accept it: `ssh root@{self.address}`"
                )
            case Cause.CHANGED_KEY:
                return (
                    f"somebody may be in between, or the machine was installed anew: only if you know the "
                    f"latter, `ssh-keygen -R {self.address}`, and accept the new key as that of a new machine"
                )
            case Cause.DENIED:
                return "one of admin.sshKeys has to be in your agent or configuration (`ssh-add -l`)"
            case Cause.REFUSED:
                return "on its console: `systemctl status sshd`, `nft list ruleset`"
            case Cause.SILENT | Cause.NO_ROUTE:
                return f"is it on, and are you in a VLAN of admin.sshFrom? `ip route get {self.address}`"
            case Cause.CUT:
                return "try again; if it happens again, look at its journal: `journalctl -b -u sshd`"


@frozen
class Ssh:
    """ssh as root; `options` are words for ssh that come first, after our own.

    `known_as`: under which address the host key of a machine is known that gets another address.
    """

    options: tuple[str, ...] = field(factory=lambda: tuple(shlex.split(os.environ.get("NIX_SSHOPTS", ""))))
    known_as: Mapping[Address, Address] = field(factory=dict)

    def command(
        self, address: Address, words: Sequence[str], *, tty: bool = False, fresh: bool = False
    ) -> list[str]:
        """Return the command that runs `words` on the machine at `address`; none of them: a shell.

        ssh joins its words with blanks for a shell on the other side, so they are quoted here.
        """
        own = (*_OURS, *_ALWAYS[1:], "-t") if tty else (*_OURS, *_ALWAYS, "-T")
        return [
            "ssh",
            *own,
            *(_FRESH if fresh else ()),
            *([f"-oHostKeyAlias={self.known_as[address]}"] if address in self.known_as else ()),
            *self.options,
            *_UNLESS_SAID,
            f"root@{address}",
            "--",
            *([shlex.join(words)] if words else []),
        ]

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment in which Nix uses the same ssh; messages are in English."""
        return {
            **os.environ,
            "NIX_SSHOPTS": " ".join(map(_for_nix, (*_ALWAYS, *self.options, *_UNLESS_SAID))),
            "LC_ALL": "C",
        }

    def run(
        self, address: Address, words: Sequence[str], *, seconds: float, given: str = "", fresh: bool = False
    ) -> Output | Unreachable:
        """Run `words` as root on the machine, for at most `seconds`, with `given` as its standard input.

        With `fresh` over a new connection. Raises: LiveError if there is no ssh here.
        """
        if shutil.which("ssh") is None:
            raise LiveError("ssh is not installed: install OpenSSH's client (Debian: openssh-client)")
        try:
            run = subprocess.run(
                self.command(address, words, fresh=fresh),
                # Bytes: with text Python would make newlines of carriage returns, and follow the locale.
                input=given.encode(errors="surrogateescape"),
                capture_output=True,
                check=False,
                timeout=seconds,
                env=self.environment,
            )
        except subprocess.TimeoutExpired as error:
            so_far = (_text(error.stdout), _text(error.stderr))
            return Unreachable(address, Cause.SILENT, f"no end within {seconds:g} s", *so_far)
        except OSError as error:
            raise LiveError(f"can not run ssh: {error.strerror}") from error
        stdout, stderr = _text(run.stdout), _text(run.stderr)
        if run.returncode == _FAILED or run.returncode < 0:
            return _failure(address, stdout, stderr)
        return Output(run.returncode, stdout, stderr)


def _for_nix(word: str) -> str:
    """Quote a word only if it must be: before 2.26, Nix splits NIX_SSHOPTS at blanks, and knows no quotes."""
    return shlex.quote(word) if any(char.isspace() or char in "'\"\\" for char in word) else word


def _failure(address: Address, stdout: str, stderr: str) -> Unreachable:
    last = _last(stderr)
    # What came before that is the program's own, and may say anything.
    was_open = any(text in last for text in _WAS_OPEN)
    cause = Cause.CUT if was_open else next((cause for text, cause in _SAID if text in stderr), Cause.CUT)
    said = "" if cause is Cause.CHANGED_KEY else last
    return Unreachable(address, cause, said, stdout, stderr)


def _text(written: bytes | None) -> str:
    return (written or b"").decode(errors="surrogateescape")


def _last(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")

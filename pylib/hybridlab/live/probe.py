"""What machines are asked: programs that only read, as argument lists; how they get there is not known here.

Looking is read-only by construction: a `Probe` can not be made of anything but what is listed here, and what
is secret can only be compared by its digest.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from hybridlab.live.paths import ADMIN_KUBECONFIG

# Options are listed, not excluded: programs take them abbreviated, joined, and with values like verbs.
_Allows = Callable[[Sequence[str]], bool]


def _anything(_: Sequence[str]) -> bool:
    return True


def _nothing(words: Sequence[str]) -> bool:
    return not words


def _options(words: Sequence[str], *allowed: str) -> bool:
    """Every option is one of these, or begins with one that ends in `=`."""
    beginnings = tuple(option for option in allowed if option.endswith("="))
    return all(word in allowed or word.startswith(beginnings) for word in words if word.startswith("-"))


def _only(*allowed: str) -> _Allows:
    return lambda words: _options(words, *allowed)


def _verb(*allowed: str) -> _Allows:
    """The verb is one of these, and before it are only options with `=`, which can not take it as a value."""

    def allows(words: Sequence[str]) -> bool:
        place = next((place for place, word in enumerate(words) if not word.startswith("-")), None)
        return place is not None and words[place] in allowed and all("=" in word for word in words[:place])

    return allows


def _ip(words: Sequence[str]) -> bool:
    """What is there, and which way the kernel would send a packet: RTM_GETROUTE, which sends none."""
    verbs = [word for word in words if not word.startswith("-")]
    reads = verbs[1:2] == ["show"] or verbs[:2] == ["route", "get"]
    return reads and _options(words, "-4", "-6", "-json", "-details", "-statistics")


def _nft(words: Sequence[str]) -> bool:
    """A list of what nft has a name for; it takes its words for one program, in which `;` ends a command."""
    verbs = [word for word in words if not word.startswith("-")]
    plain = all(re.fullmatch(r"[A-Za-z0-9_.-]+", word) for word in verbs)
    return verbs[:1] == ["list"] and plain and _options(words, "--json", "--stateless", "--terse")


# Variables of curl's with text around them: what begins with `@` is read from a file, %output writes one.
_WRITE_OUT = re.compile(r"--write-out=(?:%\{(?:http_code|time_connect)\}|\\n| )+")


def _curl(words: Sequence[str]) -> bool:
    """A GET whose answer goes to standard output, and no configuration from elsewhere."""
    return all(
        word in ("--silent", "--show-error", "--fail", "--insecure", "--head")
        or word.startswith(("--max-time=", "http://", "https://"))
        or _WRITE_OUT.fullmatch(word)
        for word in words
    )


# What nobody keeps a secret in, each by its name: a folder may hold one tomorrow.
_SHOWN = re.compile(
    r"/etc/(?:hostname|machine-id|os-release)"
    r"|/proc/(?:cmdline|meminfo|swaps)"
    r"|/sys/class/net/[^/]+/address"
    r"|/sys/class/drm/card[0-9]+/device/mem_info_vram_total"
    r"|/sys/class/kfd/kfd/topology/nodes/[0-9]+/properties"
    r"|(?:/run/(?:booted|current)-system|/nix/store/[0-9A-Za-z+._?=-]+)/kernel-params"
)


def _cat(words: Sequence[str]) -> bool:
    return all(_SHOWN.fullmatch(word) for word in words)


def _sha256sum(words: Sequence[str]) -> bool:
    """Digests of files, each named here: options would take their names, or texts, from a file."""
    return bool(words) and all(word.startswith("/") for word in words[words[0] == "--" :])


def _kubectl(words: Sequence[str]) -> bool:
    """Reads, and no Secret, by whatever name; from no file but the admin's kubeconfig."""
    return (
        _verb("get", "version", "api-resources")(words)
        and _options(words, *_KUBECTL)
        and not any("secret" in word.lower() or "%" in word for word in words)
    )


_KUBECTL = (
    *(f"--kubeconfig={ADMIN_KUBECONFIG}", "--request-timeout=", "--output=json", "--output=name"),
    *("--namespace=", "--all-namespaces", "--selector=", "--field-selector=", "--ignore-not-found", "--raw="),
    "--show-managed-fields",
)
_OPENSSL = ("-noout", "-enddate", "-startdate", "-subject", "-issuer", "-serial", "-fingerprint", "-sha256")
_JOURNAL = ("--unit=", "--lines=", "--output=", "--boot", "--since=", "--until=", "--grep=", "--priority=")

# Each program with the test that its words have to pass. What is here changes nothing, whatever it is given.
_READERS: Mapping[str, _Allows] = {
    "bridge": _ip,
    "cat": _cat,
    "clinfo": _nothing,
    "curl": _curl,
    # Without `+` it sets the clock.
    "date": lambda words: all(word.startswith("+") or word == "--utc" for word in words),
    "df": _anything,
    "getent": lambda words: words[:1] in (["hosts"], ["ahosts"], ["passwd"], ["group"]),
    "id": _anything,
    "ip": _ip,
    "journalctl": lambda words: (
        "--no-pager" in words and _options(words, "--no-pager", "--quiet", "--reverse", "--dmesg", *_JOURNAL)
    ),
    "kubectl": _kubectl,
    "ls": _anything,
    "nft": _nft,
    "nix-store": lambda words: (
        words[:1] == ["--check-validity"] and _options(words, "--check-validity", "--print-invalid")
    ),
    "openssl": lambda words: (
        words[:1] == ["x509"]
        and "-noout" in words
        and _options(words, *_OPENSSL, "-in", "-dateopt", "-nameopt", "-ext", "-checkend")
    ),
    # Two packets at most; root may flood.
    "ping": _only("-n", "-q", "-c1", "-c2", "-W2", "--"),
    "printenv": _anything,
    "readlink": _anything,
    "rocm-smi": lambda words: all(word == "--json" or word.startswith("--show") for word in words),
    "sha256sum": _sha256sum,
    "ss": _only("--listening", "--numeric", "--tcp", "--udp", "--no-header", "--processes"),
    "stat": _anything,
    "systemctl": _verb("is-system-running", "is-active", "show", "list-units", "list-timers"),
    "sysctl": lambda words: _options(words, "-n") and not any("=" in word for word in words),
    "timedatectl": _verb("show", "show-timesync"),
    "uname": _anything,
}

# Before it come its log and its tries (client-go's memcache.go); others begin with the cause.
_SAYS_LAST = frozenset({"kubectl"})


@frozen
class Probe:
    """A program and its words, to be run on a machine for at most `seconds`.

    `fine`: exit statuses at which its output is an answer; any other one means that it could not look.

    Raises: ValueError for a program, or words, that do more than read.
    """

    words: tuple[str, ...]
    seconds: int = 10
    fine: frozenset[int] = frozenset({0})

    def __attrs_post_init__(self) -> None:
        program, *words = self.words
        allows = _READERS.get(program)
        if allows is None or not allows(words) or "\0" in "".join(words):
            raise ValueError(f"not known to only read: {' '.join(self.words)}")


@frozen
class Output:
    """What a program on a machine wrote, and its exit status."""

    status: int
    stdout: str
    stderr: str = ""

    # coreutils' timeout(1), and a shell's for what it can not find or run.
    TIMED_OUT = 124
    KILLED = 137
    NOT_RUNNABLE = 126
    NOT_FOUND = 127

    def why_not(self, probe: Probe) -> str | None:
        """Return why this is no answer to `probe`; None if it is one."""
        if self.status in probe.fine:
            return None
        program = probe.words[0]
        if self.status == self.TIMED_OUT:
            return f"{program} did not come to an end within {probe.seconds} s"
        if self.status == self.KILLED:
            return f"{program} was killed: it did not end within {probe.seconds} s, or memory was short"
        if self.status == self.NOT_FOUND:
            return f"there is no {program} on the machine"
        return self.complaint(program) or f"{program} ended with status {self.status}"

    def complaint(self, program: str) -> str:
        """Return the line of its standard error in which `program` says what went wrong; empty if none."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        return "" if not lines else lines[-1 if program in _SAYS_LAST else 0]


def read(*words: str, seconds: int = 10, fine: Sequence[int] = (0,)) -> Probe:
    """Return the probe that runs these words."""
    return Probe(words, seconds, frozenset(fine))

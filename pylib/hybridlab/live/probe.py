"""What machines are asked: programs that only read, as argument lists; how they get there is not known here.

Looking is read-only by construction: a `Probe` can not be made of anything but what is listed here, and what
is secret can only be compared by its digest.
"""

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

# Of a program with subcommands or modes, the words before them are options without a value.
_Allows = Callable[[Sequence[str]], bool]


def _anything(_: Sequence[str]) -> bool:
    return True


def _first(*allowed: str) -> _Allows:
    """The first word that is no option is one of these."""
    return lambda words: next((word for word in words if not word.startswith("-")), None) in allowed


def _with(*required: str, but: Sequence[str] = ()) -> _Allows:
    """All of these are among the words, and none of the others is, nor one that begins like it with a `=`."""
    return lambda words: (
        {*required} <= {*words}
        and not any(word == bad or word.startswith(f"{bad}=") for word in words for bad in but)
    )


def _ip(words: Sequence[str]) -> bool:
    verbs = [word for word in words if not word.startswith("-")]
    return verbs[1:2] == ["show"] and not any(word in ("-batch", "-b", "-force") for word in words)


def _curl(words: Sequence[str]) -> bool:
    """A GET whose answer goes to standard output, and no configuration from elsewhere."""
    return all(
        word in ("--silent", "--show-error", "--fail", "--insecure", "--head")
        or word.startswith(("--max-time=", "--write-out="))
        or word.startswith(("http://", "https://"))
        for word in words
    )


# Where nothing secret lies; what is below /sys and /proc belongs to the kernel.
_READABLE = (
    "/etc/",
    "/nix/",
    "/proc/cmdline",
    "/proc/modules",
    "/run/current-system/",
    "/sys/",
    "/var/lib/microvms/",
)


def _cat(words: Sequence[str]) -> bool:
    return all(word.startswith(_READABLE) and "/../" not in word for word in words)


def _kubectl(words: Sequence[str]) -> bool:
    """Reads, and no Secret."""
    return _first("get", "version", "api-resources")(words) and not any(
        "secret" in word.lower() for word in words
    )


# Each program with the test that its words have to pass. What is here changes nothing, whatever it is given.
_READERS: Mapping[str, _Allows] = {
    "bridge": _ip,
    "cat": _cat,
    "clinfo": _anything,
    "curl": _curl,
    "date": _with(but=("-s", "--set")),
    "df": _anything,
    "findmnt": _anything,
    "getent": _anything,
    "id": _anything,
    "ip": _ip,
    "journalctl": _with(
        "--no-pager", but=("--vacuum-size", "--vacuum-time", "--rotate", "--flush", "--sync")
    ),
    "kubectl": _kubectl,
    "ls": _anything,
    "nft": lambda words: (
        [word for word in words if not word.startswith("-")][:1] == ["list"]
        and not any(word in ("-f", "--file", "-i", "--interactive") for word in words)
    ),
    "openssl": lambda words: words[:1] == ["x509"] and "-noout" in words and "-out" not in words,
    "printenv": _anything,
    "readlink": _anything,
    "rocm-smi": lambda words: all(word == "--json" or word.startswith("--show") for word in words),
    "rocminfo": _anything,
    "sha256sum": _anything,
    "ss": lambda words: not any(word in ("-K", "--kill") for word in words),
    "stat": _anything,
    "systemctl": _first("is-system-running", "is-active", "show", "list-units", "list-timers"),
    "sysctl": lambda words: (
        all(word == "-n" or not word.startswith("-") for word in words)
        and not any("=" in word for word in words)
    ),
    "timedatectl": _first("show", "show-timesync"),
    "uname": _anything,
    "nix-store": _with("--check-validity"),
}


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
        if allows is None or not allows(words):
            raise ValueError(f"not known to only read: {' '.join(self.words)}")


@frozen
class Output:
    """What a program on a machine wrote, and its exit status."""

    status: int
    stdout: str
    stderr: str = ""

    # coreutils' timeout(1), and a shell's for what it can not find or run.
    TIMED_OUT = 124
    NOT_RUNNABLE = 126
    NOT_FOUND = 127

    def why_not(self, probe: Probe) -> str | None:
        """Return why this is no answer to `probe`; None if it is one."""
        if self.status in probe.fine:
            return None
        program = probe.words[0]
        if self.status == self.TIMED_OUT:
            return f"{program} did not come to an end within {probe.seconds} s"
        if self.status == self.NOT_FOUND:
            return f"there is no {program} on the machine"
        said = next((line.strip() for line in self.stderr.splitlines() if line.strip()), "")
        return said or f"{program} ended with status {self.status}"


def read(*words: str, seconds: int = 10, fine: Sequence[int] = (0,)) -> Probe:
    """Return the probe that runs these words."""
    return Probe(words, seconds, frozenset(fine))

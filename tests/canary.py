"""A secret value that must not turn up, the places where a person keeps it, and the search for it.

What a program shows to others counts: its output, its files, and every process's arguments and environment.
"""

import base64
import os
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen


def _new_value() -> str:
    return secrets.token_hex(16)


@frozen
class Canary:
    """32 random hex digits, which are a valid join token."""

    value: str = field(factory=_new_value)

    def in_bytes(self, content: bytes) -> bool:
        """Say whether the value stands in bytes: as it is, in capitals, or in base64 or hex of its text."""
        folded = content.lower()
        plain = self.value.encode()
        # Where in three bytes a value begins decides on its base64; the edges depend on its neighbours.
        coded = [base64.b64encode(bytes(shift) + plain)[4:-4] for shift in range(3)]
        return any(form in folded for form in (plain, plain.hex().encode())) or any(
            form in content for form in coded
        )

    def in_files(self, folder: Path) -> list[str]:
        """Return what in a folder has the value: in its content, its name, or where a link leads."""
        return sorted(
            str(path.relative_to(folder))
            for path in folder.rglob("*")
            if self.in_bytes(os.fsencode(path.relative_to(folder)) + b"\0" + _content(path))
        )


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return os.fsencode(path.readlink())
    return path.read_bytes() if path.is_file() else b""


@frozen
class Run:
    """What could be seen of a program while it ran, and after."""

    code: int
    stdout: bytes
    stderr: bytes
    # Arguments and environments of all processes of the machine, as /proc shows them.
    arguments: frozenset[bytes]
    environments: frozenset[bytes]

    def places(self, canary: Canary) -> list[str]:
        """Return where the value was seen."""
        seen = {
            "stdout": [self.stdout],
            "stderr": [self.stderr],
            "arguments": self.arguments,
            "environment": self.environments,
        }
        return [place for place, texts in seen.items() if any(map(canary.in_bytes, texts))]


def watched(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Run:
    """Run a program and look at all processes for as long as it runs."""
    process = subprocess.Popen(
        command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    arguments: set[bytes] = set()
    environments: set[bytes] = set()
    with _repeating(lambda: _look(arguments, environments)):
        stdout, stderr = process.communicate(timeout=300)
    return Run(process.returncode, stdout, stderr, frozenset(arguments), frozenset(environments))


@contextmanager
def _repeating(action: Callable[[], None]) -> Iterator[None]:
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(0.002):
            action()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _look(arguments: set[bytes], environments: set[bytes]) -> None:
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            # It may end while it is looked at, or belong to somebody else.
            for name, seen in (("cmdline", arguments), ("environ", environments)):
                try:
                    seen.add((process / name).read_bytes())
                except OSError:
                    continue


def plant_at_home(home: Path, canary: Canary) -> Mapping[str, str]:
    """Put the value where a person has private keys; return the variables that say where."""
    key = f"# created: 2026-01-01T00:00:00Z\nAGE-SECRET-KEY-1{canary.value.upper()}\n"
    keys = home / "keys" / "age.txt"
    for path in (keys, home / ".config/sops/age/keys.txt", home / ".ssh/id_ed25519", home / ".netrc"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(key)
        path.chmod(0o600)
    return {"HOME": str(home), "SOPS_AGE_KEY_FILE": str(keys)}

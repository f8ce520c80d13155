"""What a play is given and what it returns; plays run inside a machine, so all here is standard library."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, NoReturn

# Of the log: between the words of a record, and after each.
WORD_END, RECORD_END = "\x1f", "\0"


class Answer(NamedTuple):
    """What a program writes, and its exit status."""

    stdout: str | bytes = ""
    stderr: str | bytes = ""
    status: int = 0


class Exec(NamedTuple):
    """Instead of an answer: become this real program, named by its path."""

    words: tuple[str, ...]


class Link(NamedTuple):
    """In place of a file's content: a symbolic link."""

    target: str


class Health(NamedTuple):
    """What a healthy machine's programs answer from, and files of its root by path: text, bytes or a Link."""

    state: Mapping[str, Any] = {}
    files: Mapping[str, str | bytes | Link] = {}


class Machine:
    """A machine as its programs see it.

    `folder` holds what the test put there, `root` is its file system, `called` the path of the program.

    `state`: what the programs answer from. It is locked while a play runs, and kept if the play changed it.
    """

    def __init__(self, folder: Path, called: Path = Path(), root: Path = Path("/")) -> None:
        self.folder = folder
        self.called = called
        self.root = root
        self.state: dict[str, Any] = {}

    @property
    def model(self) -> dict[str, Any]:
        """What it is in the model: lab.py (`facts`) says which keys there are."""
        facts: dict[str, Any] = json.loads((self.folder / "model.json").read_text())
        return facts

    def path(self, path: str) -> Path:
        """Return where an absolute path of the machine is, whatever links its folders are: never outside."""
        return _within(self.root, path)

    def read(self, path: str) -> str:
        """Return the text of a file of its root."""
        return self.real_path(path).read_text(errors="surrogateescape")

    def real_path(self, path: str) -> Path:
        """Return where that is which a path of the machine leads to, through all links."""
        file = self.path(path)
        while file.is_symlink():
            there = PurePosixPath("/", file.parent.relative_to(self.root), file.readlink())
            file = self.path(str(there))
        return file

    def write(self, path: str, content: str | bytes | Link) -> None:
        """Write a file of its root, and the folders above it; a script can be run.

        One that is there is written over in place, and through links.
        """
        file = self.path(path) if isinstance(content, Link) else self.real_path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        match content:
            case Link():
                new = file.with_name(f".{file.name}.new")
                new.unlink(missing_ok=True)
                new.symlink_to(content.target)
                new.replace(file)
            case bytes():
                file.write_bytes(content)
            case _:
                file.write_bytes(content.encode(errors="surrogateescape"))
                if content.startswith("#!"):
                    file.chmod(0o755)

    @contextlib.contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """Hold the lock, and keep what was changed of the state at the end."""
        with (self.folder / "lock").open("w") as self._lock:
            self._load()
            try:
                yield self.state
            finally:
                self._save()

    @contextlib.contextmanager
    def unlocked(self) -> Iterator[None]:
        """Let go of the lock within a play; what was changed until then is kept, and seen anew afterwards."""
        self._save()
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        try:
            yield
        finally:
            self._load()

    def pause(self, seconds: float) -> None:
        """Wait within a play, while others run."""
        with self.unlocked():
            time.sleep(seconds)

    def _load(self) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._was = (self.folder / "state.json").read_text()
        self.state.clear()
        self.state.update(json.loads(self._was))

    def _save(self) -> None:
        text = json.dumps(self.state)
        if text != self._was:
            # At once: whoever is killed here leaves the old state or the new one.
            new = self.folder / "state.json.new"
            new.write_text(text)
            new.replace(self.folder / "state.json")

    def note(self, program: str, *words: str) -> None:
        """Write into the machine's log: a program that ran, or what befell it."""
        record = WORD_END.join((f"{time.time():.6f}", str(os.getpid()), program, *words, RECORD_END))
        with (self.folder / "log").open("ab") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            log.write(record.encode(errors="surrogateescape"))

    def order(self, order: str) -> None:
        """Tell the machine's init: `open` or `close` (its sshd), `reboot`."""
        # Not to wait for a reader: a machine that is off takes none.
        orders = os.open(self.folder / "orders", os.O_RDWR | os.O_NONBLOCK)
        os.write(orders, f"{order}\n".encode())
        os.close(orders)

    def reboot(self) -> NoReturn:
        """End everything that runs on the machine, this included."""
        (self.folder / "rebooting").touch()
        self.order("reboot")
        while True:
            time.sleep(60)


def _within(root: Path, path: str) -> Path:
    """Return where `path` is for whoever has `root` as theirs; its last part may be a link."""
    found: list[str] = []
    parts = path.split("/")[::-1]
    while parts:
        match parts.pop():
            case "" | ".":
                continue
            case "..":
                del found[-1:]
            case part:
                here = root.joinpath(*found, part)
                if not (parts and here.is_symlink()):
                    found.append(part)
                    continue
                target = str(here.readlink())
                if target.startswith("/"):
                    found.clear()
                parts.extend(target.split("/")[::-1])
    return root.joinpath(*found)

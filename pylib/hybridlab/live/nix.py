"""Runs Nix here: builds what the flake has for a machine, and copies it there, over the same ssh as ours."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import frozen

from hybridlab.errors import LiveError
from hybridlab.live.ssh import Ssh, Unreachable
from hybridlab.spec.scalars import Address, in_url

NIX = ("nix", "--extra-experimental-features", "nix-command flakes")
_SECONDS = 60


@frozen
class Closure:
    """A store path with all that it needs: each path's size in bytes."""

    path: str
    sizes: Mapping[str, int]


def check_ready(folder: Path) -> None:
    """Raise LiveError if this machine can not build the flake in `folder`."""
    if not (folder / "flake.nix").is_file():
        raise LiveError(f"there is no flake.nix in {folder}, and the machines' configurations come from it")
    if shutil.which("nix") is None:
        raise LiveError("nix is not installed: see https://nixos.org/download (Debian: nix-bin)")


def build(folder: Path, machine: str, link: Path) -> str:
    """Build the NixOS system of `machine` from the flake in `folder`, and return its store path.

    `link` is made a link to it, which keeps it from being collected as garbage. What Nix says goes to
    standard error. Raises: LiveError if it can not be built.
    """
    # The flake is `.` because a folder's name may hold what a flake reference reads as something else.
    attribute = f".#nixosConfigurations.{machine}.config.system.build.toplevel"
    _run([*NIX, "build", "--out-link", str(link.absolute()), attribute], folder, f"build {machine}")
    return str(link.resolve())


def closure(path: str) -> Closure:
    """Return what has to be on a machine that runs `path`. Raises: LiveError."""
    text = _output([*NIX, "path-info", "--recursive", "--size", path], "list what belongs to a system")
    lines = (line.split() for line in text.splitlines() if line.strip())
    return Closure(path, {words[0]: int(words[1]) for words in lines})


def missing(ssh: Ssh, address: Address, wanted: Closure) -> Mapping[str, int] | Unreachable:
    """Return those paths of a closure, with their sizes, that are not on the machine. Raises: LiveError."""
    given = "".join(f"{path}\n" for path in wanted.sizes)
    words = ["xargs", "nix-store", "--check-validity", "--print-invalid"]
    run = ssh.run(address, words, seconds=_SECONDS, given=given)
    if isinstance(run, Unreachable):
        return run
    if run.status:
        said = run.complaint("nix-store") or f"status {run.status}"
        raise LiveError(f"can not see what is on the machine: {said}")
    paths = run.stdout.split()
    if not {*paths} <= {*wanted.sizes}:
        raise LiveError("nix-store says in another way than is known what is not on the machine")
    return {path: wanted.sizes[path] for path in paths}


def copy(ssh: Ssh, address: Address, path: str, folder: Path, say: Callable[[str], object]) -> None:
    """Copy a store path with all that it needs to the machine. Raises: LiveError if it does not arrive.

    `say` hears each line of what Nix says, in which the machine has its word, too.
    """
    place = f"ssh://root@{in_url(address)}"
    words = ["copy", "--substitute-on-destination", "--no-check-sigs", "--to", place, path]
    _run([*NIX, *words], folder, f"copy to {address}", environment=ssh.environment, say=say)


def _run(
    command: list[str],
    folder: Path,
    what: str,
    environment: Mapping[str, str] | None = None,
    say: Callable[[str], object] | None = None,
) -> None:
    """Run Nix, which speaks to standard error itself, unless somebody is to hear of it (`say`)."""
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=2 if say is None else subprocess.PIPE,
            stderr=None if say is None else subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
            text=True,
            errors="backslashreplace",
        )
    except OSError as error:
        raise LiveError(f"can not run nix: {error.strerror}") from error
    with process:
        try:
            for line in process.stdout or ():
                if say is not None and line.strip():
                    say(line.rstrip())
            status = process.wait()
        except KeyboardInterrupt:
            # The terminal interrupts Nix too, which then tidies up.
            process.wait()
            raise
    if status:
        raise LiveError(f"nix could not {what} (status {status}): see above")


def _output(command: list[str], what: str) -> str:
    try:
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise LiveError(f"can not run nix: {error.strerror}") from error
    if run.returncode:
        raise LiveError(f"nix could not {what}: {_first(run.stderr)}")
    return run.stdout


def _first(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "it does not say why")

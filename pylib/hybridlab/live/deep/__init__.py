"""Asks Nix what the flake makes of machines: values of options, and who defined them; it judges nothing."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from hybridlab.errors import LiveError
from hybridlab.live import nix
from hybridlab.live.deep.files import Files
from hybridlab.live.deep.refusal import refusal
from hybridlab.model.evaluated import Definition, Evaluated, EvaluatedMachine, NotEvaluated, Setting

# A machine takes NixOS seconds; but inputs of the flake may have to be fetched first.
_SECONDS = 1800
_OTHER_SHAPES = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


def ask(
    folder: Path, names: Sequence[str], asked: Sequence[str], *, seconds: float = _SECONDS
) -> Evaluated | NotEvaluated:
    """Return what the flake in `folder` makes of the machines `names`, as far as the options `asked` tell.

    An option is a dotted name; below an option, names lead on into its value, `*` into all of its parts.
    One run of Nix looks at all machines, builds nothing and writes no lock file. Raises: LiveError without
    Nix or a flake, or when it takes longer than `seconds`.
    """
    nix.check_ready(folder)
    # The flake is `.` because a folder's name may hold what a flake reference reads as something else.
    command = [*nix.NIX, "eval", "--json", "--no-write-lock-file", ".#nixosConfigurations"]
    try:
        run = subprocess.run(
            [*command, "--apply", expression(names, asked)],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
        )
    except OSError as error:
        raise LiveError(f"can not run nix: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise LiveError(f"nix has not evaluated the machines in {seconds:.0f} seconds") from None
    if run.returncode:
        return refusal(run.stderr, folder)
    return parse(run.stdout, folder)


def expression(names: Sequence[str], asked: Sequence[str]) -> str:
    """Return the function that Nix applies to the flake's configurations."""
    question = {"asked": [option.split(".") for option in asked], "names": list(names)}
    look = resources.files("hybridlab.live.deep").joinpath("look.nix").read_text(encoding="utf-8")
    return f"({look})\n(builtins.fromJSON {_text(json.dumps(question))})"


def _text(text: str) -> str:
    """Return ASCII text without control characters as Nix writes it, which is as JSON but for a dollar."""
    return json.dumps(text).replace("$", "\\$")


def parse(text: str, folder: Path) -> Evaluated:
    """Return what look.nix says, with files as a person in `folder` knows them. Raises: LiveError."""
    try:
        data = json.loads(text)
        files = Files(folder, data["store"], frozenset(data["ours"]))
        return Evaluated({name: _machine(one, files) for name, one in data["machines"].items()})
    except _OTHER_SHAPES as error:
        raise LiveError(f"what nix says of the machines can not be read: {error}") from error


def _machine(data: Mapping[str, Any], files: Files) -> EvaluatedMachine:
    return EvaluatedMachine(
        settings={
            option: _setting(option, answer, files)
            for option, answer in data["options"].items()
            if answer is not None
        },
        failed=tuple(data["failed"]),
        guests={name: _machine(guest, files) for name, guest in data["guests"].items()},
    )


def _setting(option: str, answer: Mapping[str, Any], files: Files) -> Setting:
    definitions = (
        Definition(one["value"], *files.place(one["file"], option)) for one in answer["definitions"]
    )
    return Setting(answer["value"], tuple(definitions))

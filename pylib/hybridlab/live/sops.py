"""Runs sops and age-keygen; what is secret goes through pipes, never into an argument or onto a disk."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import field, frozen

from hybridlab.errors import LiveError

_KEYS = "your age private key has to be in SOPS_AGE_KEY_FILE, SOPS_AGE_KEY or ~/.config/sops/age/keys.txt"


@frozen
class AgeKey:
    """A pair of age keys. The private half has no place in a message, so it is not shown."""

    recipient: str
    private: str = field(repr=False)


def make_age_key() -> AgeKey:
    """Make a fresh pair. Raises: LiveError if age-keygen can not."""
    text = _run(["age-keygen"], "make an age key")
    lines = text.splitlines()
    private = next((line for line in lines if line.startswith("AGE-SECRET-KEY-")), None)
    public = next((line.rpartition(" ")[2] for line in lines if line.startswith("# public key: ")), None)
    if private is None or public is None:
        raise LiveError("age-keygen made no key that hybridlab understands")
    return AgeKey(public, private)


def encrypt(data: Mapping[str, object], recipients: Iterable[str]) -> str:
    """Return the text of a sops file in YAML that holds `data`, for exactly these age recipients.

    Raises: LiveError if sops can not.
    """
    # Neither the rules of a .sops.yaml nor keys named in the environment may add a reader.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOPS_")}
    command = ["sops", "--config", os.devnull, "encrypt", "--age", ",".join(recipients)]
    command += ["--input-type", "json", "--output-type", "yaml", "--filename-override", "secrets.yaml"]
    return _run(command, "encrypt", given=json.dumps(data), environment=environment)


def set_value(file: Path, key: str, value: object, *, name: str) -> None:
    """Put `value` at `key` (nested keys joined with `/`) of the sops file `file`, for its present readers.

    The file is written in place, so it has to be a copy, of what messages call `name`.

    Raises: LiveError if sops can not decrypt it.
    """
    index = "".join(f"[{json.dumps(part)}]" for part in key.split("/"))
    types = ["--input-type", "yaml", "--output-type", "yaml"]
    # With `--`, and absolute, a file's name is never an option.
    command = ["sops", "set", *types, "--value-stdin", "--", str(file.absolute()), index]
    _run(command, f"change {name}", given=json.dumps(value), hint=_KEYS)


def _run(
    command: list[str],
    purpose: str,
    *,
    given: str = "",
    environment: Mapping[str, str] | None = None,
    hint: str | None = None,
) -> str:
    """Return what a program prints. Its own words go into the error: neither of them shows a secret."""
    program = command[0]
    if shutil.which(program) is None:
        package = {"age-keygen": "age"}.get(program, program)
        raise LiveError(
            f"{program} is not installed: run this in `nix develop`, or install the package {package}"
        )
    try:
        run = subprocess.run(
            command, input=given, capture_output=True, text=True, check=False, env=environment
        )
    except OSError as error:
        raise LiveError(f"can not run {program}: {error.strerror}") from error
    if run.returncode:
        said = next((line.strip() for line in run.stderr.splitlines() if line.strip()), "it does not say why")
        raise LiveError(f"{program} could not {purpose}: {said}{f'; {hint}' if hint else ''}")
    return run.stdout

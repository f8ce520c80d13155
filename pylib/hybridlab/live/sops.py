"""Runs sops and age-keygen; what is secret goes through pipes, never into an argument or onto a disk."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import field, frozen

from hybridlab.errors import LiveError
from hybridlab.secrets.sops_file import sops_index

_YAML = ("--input-type", "yaml", "--output-type", "yaml")
_KEYS = "your age private key has to be in SOPS_AGE_KEY_FILE, SOPS_AGE_KEY or ~/.config/sops/age/keys.txt"

# What `sops updatekeys` says before it begins.
_LOGGED = re.compile(r"\d{4}/\d\d/\d\d \S+ Syncing keys for file ")


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
    command = ["sops", "set", *_YAML, "--value-stdin", *_named(file), sops_index(key)]
    _run(command, f"change {name}", given=json.dumps(value), hint=_KEYS)


def unset_value(file: Path, key: str, *, name: str) -> None:
    """Take what stands at `key` out of the sops file `file`; all else as of `set_value`.

    Something else has to be left in the file: of one without values sops makes no mapping.
    """
    _run(["sops", "unset", *_YAML, *_named(file), sops_index(key)], f"change {name}", hint=_KEYS)


def set_readers(file: Path, recipients: Iterable[str], *, renew: bool, name: str) -> None:
    """Make `file` readable for exactly these age recipients; `renew` also gives it another data key.

    Otherwise as `set_value`. A file keeps its data key when readers change, and who could read it knows that
    key: without `renew`, whoever was taken away could read what is put there later.
    """
    # The rules of a .sops.yaml may be stale, so sops is given one, for any file. Nothing in it is secret.
    rule = {"creation_rules": [{"key_groups": [{"age": list(recipients)}]}]}
    with tempfile.NamedTemporaryFile("w", prefix="hybridlab-", suffix=".yaml", encoding="utf-8") as config:
        json.dump(rule, config)
        config.flush()
        command = ["sops", "--config", config.name]
        update = [*command, "updatekeys", "--yes", "--input-type", "yaml", *_named(file)]
        _run(update, f"change who reads {name}", hint=_KEYS)
        if renew:
            _run([*command, "rotate", "--in-place", *_YAML, *_named(file)], f"change {name}", hint=_KEYS)


def _named(file: Path) -> list[str]:
    """Name a file so that it is never an option."""
    return ["--", str(file.absolute())]


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
        lines = (line.strip() for line in run.stderr.splitlines() if not _LOGGED.match(line))
        said = next(filter(None, lines), "it does not say why")
        raise LiveError(f"{program} could not {purpose}: {said}{f'; {hint}' if hint else ''}")
    return run.stdout

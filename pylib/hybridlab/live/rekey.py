"""Makes the sops files of a cluster readable for exactly the recipients of its spec; no value is looked at.

What a reader knew that is taken away stays known: `to_replace` says what that is, and how it is replaced.
"""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from attrs import frozen

from hybridlab.errors import LiveError
from hybridlab.live import sops
from hybridlab.live.in_place import changed
from hybridlab.live.secrets import secrets_of
from hybridlab.model.cluster import Cluster, GuestKeys
from hybridlab.secrets.guest_keys import has_key_of
from hybridlab.secrets.sops_file import SopsFile, is_below, read_sops_file, unset_command


@frozen
class Reader:
    """Who can decrypt a file: an age public key, or what sops knows others by; the name that the spec has."""

    key: str
    name: str | None

    def __str__(self) -> str:
        return self.key if self.name is None else f"{self.name} ({self.key})"


@frozen
class Change:
    """A sops file as it is, the age public keys that are to read it, by name, and how these differ."""

    file: SopsFile
    recipients: Mapping[str, str]
    added: tuple[Reader, ...]
    removed: tuple[Reader, ...]

    @classmethod
    def of(cls, file: SopsFile, recipients: Mapping[str, str], names: Mapping[str, str]) -> Self:
        """Compare a file with who is to read it; `names` are those of the spec, by public key."""
        added = [Reader(key, name) for name, key in recipients.items() if key not in file.recipients]
        removed = [key for key in file.recipients if key not in recipients.values()]
        return cls(file, recipients, tuple(added), tuple(Reader(key, names.get(key)) for key in removed))


@frozen
class Plan:
    """What `rekey` will do: `changes`; files that are `right` already, and `missing` ones, by name."""

    changes: tuple[Change, ...]
    right: tuple[str, ...]
    missing: tuple[str, ...]


def plan_rekey(cluster: Cluster, folder: Path) -> Plan:
    """Compare who can read the sops files in `folder`, the spec's, with who should.

    Raises: LiveError when a file is not encrypted, or the spec wants nobody to read it; SpecError when one
    can not be read.
    """
    files = secrets_of(cluster).files
    found = {name: read_sops_file(folder / name, name=name) for name in files if (folder / name).exists()}
    for name, file in found.items():
        if not file.is_encrypted:
            raise LiveError(f"{name} is not encrypted by sops: see `hybridlab secrets check`")
        if not files[name]:
            raise LiveError(f"the spec has nobody who could read {name}")
    names = {key: name for name, key in secrets_of(cluster).recipients.items()}
    all_changes = [Change.of(file, files[name], names) for name, file in found.items()]
    changes = tuple(change for change in all_changes if change.added or change.removed)
    wrong = {change.file.name for change in changes}
    return Plan(
        changes,
        right=tuple(name for name in found if name not in wrong),
        missing=tuple(name for name in files if name not in found),
    )


def rekey(plan: Plan, folder: Path) -> None:
    """Carry out a plan: all files are replaced by copies that are done, or, if one can not be made, none is.

    Killed while it replaces, it leaves each file old or new; a new plan has what is left.

    Raises: LiveError when sops can not decrypt a file with the keys at hand, or it was changed meanwhile.
    """
    before = {change.file.name: (folder / change.file.name).read_bytes() for change in plan.changes}
    with ExitStack() as stack:
        for change in plan.changes:
            name = change.file.name
            copy = stack.enter_context(changed(folder / name))
            if _readers(copy, name) != set(change.file.recipients):
                raise _changed_meanwhile(name)
            wanted = dict.fromkeys(change.recipients.values())
            sops.set_readers(copy, wanted, renew=bool(change.removed), name=name)
            if _readers(copy, name) != set(wanted):
                raise LiveError(f"sops left other readers in {name} than it was told; nothing is done")
        # Each is looked at again when it is replaced, but then others may be replaced already.
        for name, content in before.items():
            if (folder / name).read_bytes() != content:
                raise _changed_meanwhile(name)


def _changed_meanwhile(name: str) -> LiveError:
    return LiveError(f"{name} has been changed by somebody else meanwhile; nothing is done")


def _readers(copy: Path, name: str) -> set[str]:
    return set(read_sops_file(copy, name=name).recipients)


def to_replace(cluster: Cluster, plan: Plan) -> Iterator[str]:
    """Yield what those that are taken away know, each with the command that replaces it, the first one first.

    Nothing if nobody is taken away.
    """
    read = {change.file.name: change.file for change in plan.changes if change.removed}
    wanted = secrets_of(cluster)
    for keys in wanted.guest_keys:
        if (file := read.get(keys.file)) is not None:
            yield from _guests_to_replace(file, keys)
    if (file := read.get(wanted.file)) is not None:
        yield from _own_to_replace(file, cluster)
    if (pods := wanted.of_workloads) is not None and (file := read.get(pods.file)) is not None:
        for key in filter(file.has_secret, pods.keys):
            yield f"{key}: `{shlex.join(['hybridlab', 'secrets', 'set', '--replace', key])}`"


def _guests_to_replace(file: SopsFile, keys: GuestKeys) -> Iterator[str]:
    guests = [guest for guest in keys.guests if has_key_of(file, guest)]
    for guest in guests:
        yield f"the age key of guest {guest}: `{unset_command(file.name, guest)}`"
    if guests:
        yield (
            "then `hybridlab secrets init` makes fresh keys: put what it prints into the spec, and rekey "
            "again, since the old keys open what their guests can read"
        )


def _own_to_replace(file: SopsFile, cluster: Cluster) -> Iterator[str]:
    token = None if cluster.kubernetes is None else cluster.kubernetes.join_token
    if token is not None and file.has_secret(token):
        yield "the join token: `hybridlab secrets rotate`"
    if any(token is None or not is_below(value, token) for value in file.values):
        yield f"what you have put into it yourself: `{shlex.join(['sops', 'edit', file.name])}`"

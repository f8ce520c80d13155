"""Makes the sops files of a cluster and what is secret in them; nothing that exists is ever overwritten.

Three kinds of files: the cluster's own, with the join token, for all recipients; one per host with the age
private keys of its guests, for that host and for people (docs/decisions/0007-keys-of-guests.md); and one with
what pods are given, for control planes and people (0009-secrets-in-pods.md).
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

from hybridlab.errors import LiveError
from hybridlab.live import sops
from hybridlab.model.cluster import Cluster, Secrets
from hybridlab.model.node import Guest, Host
from hybridlab.secrets.check import PRIVATE_HALF, PUBLIC_HALF
from hybridlab.secrets.sops_file import SopsFile, read_sops_file


@frozen
class Initialized:
    """What `init_secrets` did: files that it made, files that it added a key to, and files left alone.

    `missing` are recipients by name that the spec lacks, or has differently; until it has them there is no
    file with the join token. `unset` are keys of which only the user knows the value, for `set_secret`.
    """

    made: list[str] = field(factory=list)
    extended: list[str] = field(factory=list)
    left: list[str] = field(factory=list)
    missing: dict[str, str] = field(factory=dict)
    unset: list[str] = field(factory=list)


def new_join_token() -> str:
    """Return 32 hex digits: what both cfssl and nixpkgs' join script take (facts 1.8)."""
    return secrets.token_hex(16)


def init_secrets(cluster: Cluster, folder: Path) -> Initialized:
    """Make in `folder`, the spec's, every sops file and key that the cluster needs and that is not there.

    Raises: LiveError when a host that hands over keys is no recipient, or sops or age-keygen fail; SpecError
    when an existing file can not be read.
    """
    wanted = _secrets_of(cluster)
    done = Initialized()
    for host in cluster.hosts:
        guests = [guest for guest in host.guests if guest.membership or guest.name in wanted.recipients]
        if guests:
            _make_guest_keys(done, wanted, host, guests, folder)
    if done.missing or cluster.kubernetes is None:
        return done
    _require_nodes(cluster, wanted)
    if (folder / wanted.file).exists():
        done.left.append(wanted.file)
    else:
        token = _nested(cluster.kubernetes.join_token, new_join_token())
        _create(folder / wanted.file, sops.encrypt(token, wanted.recipients.values()))
        done.made.append(wanted.file)
    if (pods := wanted.of_workloads) is not None:
        path = folder / pods.file
        file = read_sops_file(path, name=pods.file) if path.exists() else None
        done.unset.extend(key for key in pods.keys if file is None or not file.has_secret(key))
    return done


def set_secret(cluster: Cluster, folder: Path, key: str, value: str, *, replace: bool = False) -> str:
    """Put a value for pods into the sops file of the workloads in `folder`, and return that file's name.

    A file that is not there yet is made, which needs nobody's private key. Raises: LiveError when no workload
    uses `key`, there is a value already and it is not to be replaced, or sops can not decrypt the file.
    """
    pods = _secrets_of(cluster).of_workloads
    if pods is None or key not in pods.keys:
        used = f": they use {', '.join(pods.keys)}" if pods is not None else ""
        raise LiveError(f"no workload of {cluster.name} uses a secret {key!r}{used}")
    path = folder / pods.file
    if not path.exists():
        _create(path, sops.encrypt(_nested(key, value), pods.recipients.values()))
        return pods.file
    _require_room(read_sops_file(path, name=pods.file), key, replace=replace)
    with _changed(path) as copy:
        sops.set_value(copy, key, value, name=pods.file)
    return pods.file


def _require_room(file: SopsFile, key: str, *, replace: bool) -> None:
    """Refuse to put a value where it would take the place of another one."""
    if file.value(key) is not None and not replace:
        raise LiveError(f"{file.name} has a value for {key} already: with --replace it is replaced")
    if file.value(key) is None and file.has(key):
        raise LiveError(f"{file.name} has other values below {key}: it can not have one itself")
    parts = key.split("/")
    for length in range(1, len(parts)):
        if file.value(parent := "/".join(parts[:length])) is not None:
            raise LiveError(f"{file.name} has a value for {parent}: there can be none below it")


def rotate_join_token(cluster: Cluster, folder: Path) -> str:
    """Put a fresh join token into the cluster's sops file, for its present readers, and return its name.

    Raises: LiveError when there is no such file, or sops can not decrypt it with the keys at hand.
    """
    wanted = _secrets_of(cluster)
    if cluster.kubernetes is None:
        raise LiveError("the spec has no Kubernetes cluster, so there is no join token")
    if not (folder / wanted.file).exists():
        raise LiveError(f"{wanted.file} does not exist: `hybridlab secrets init` makes it")
    with _changed(folder / wanted.file) as copy:
        sops.set_value(copy, cluster.kubernetes.join_token, new_join_token(), name=wanted.file)
    return wanted.file


def _secrets_of(cluster: Cluster) -> Secrets:
    if cluster.secrets is None:
        raise LiveError("the spec has no secrets: add a key 'secrets' with 'recipients'")
    return cluster.secrets


def _require_nodes(cluster: Cluster, wanted: Secrets) -> None:
    """Refuse to encrypt while a node could not read it: it would have to be encrypted again."""
    for node in cluster.nodes:
        if node.name not in wanted.recipients:
            raise _no_recipient(node.machine)


def _no_recipient(machine: Host | Guest) -> LiveError:
    where = f", which tells: ssh-keyscan {machine.legs[0].address} | ssh-to-age" if machine.legs else ""
    return LiveError(f"{machine} is no recipient: add `{machine.name}: age1…` to secrets.recipients{where}")


def _make_guest_keys(
    done: Initialized, wanted: Secrets, host: Host, guests: list[Guest], folder: Path
) -> None:
    if host.name not in wanted.recipients:
        raise _no_recipient(host)
    name = wanted.guest_file(host.name)
    path = folder / name
    known = _public_halves(read_sops_file(path, name=name)) if path.exists() else None
    new = {guest.name: sops.make_age_key() for guest in guests if known is None or guest.name not in known}
    entries = {who: {PRIVATE_HALF: key.private, PUBLIC_HALF: key.recipient} for who, key in new.items()}
    if known is None:
        _create(path, sops.encrypt(entries, wanted.readers_of_guest_keys(host.name).values()))
        done.made.append(name)
    elif entries:
        with _changed(path) as copy:
            for who, entry in entries.items():
                sops.set_value(copy, who, entry, name=name)
        done.extended.append(name)
    else:
        done.left.append(name)
    keys = {who: key.recipient for who, key in new.items()} | (known or {})
    for guest in guests:
        if wanted.recipients.get(guest.name) != keys[guest.name]:
            done.missing[guest.name] = keys[guest.name]


def _public_halves(file: SopsFile) -> dict[str, str]:
    """Return the guests that have a key in the file, with its public half."""
    return {
        guest: public
        for guest in file.keys
        if file.has_secret(f"{guest}/{PRIVATE_HALF}") and (public := file.value(f"{guest}/{PUBLIC_HALF}"))
    }


def _nested(key: str, value: str) -> Mapping[str, object]:
    first, *rest = key.split("/", 1)
    return {first: _nested(rest[0], value) if rest else value}


def _create(path: Path, text: str) -> None:
    """Write a new file; never one that has come into being meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _draft(path) as draft:
        draft.write_text(text, encoding="utf-8")
        draft.chmod(0o644)  # encrypted, and to be committed
        try:
            os.link(draft, path)  # unlike a rename it does not replace
        except FileExistsError:
            raise LiveError(f"{path} has been made by somebody else meanwhile; it is left alone") from None


@contextmanager
def _changed(path: Path) -> Iterator[Path]:
    """Yield a copy of a file to change, and put it in the place of the file if all went well."""
    before = path.read_bytes()
    with _draft(path) as draft:
        draft.write_bytes(before)
        yield draft
        if path.read_bytes() != before:
            raise LiveError(f"{path} has been changed by somebody else meanwhile; it is left alone")
        shutil.copymode(path, draft)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Yield an empty file beside `path`, which is gone afterwards."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".yaml", dir=path.parent)
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)

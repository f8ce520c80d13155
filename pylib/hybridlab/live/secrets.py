"""Makes the sops files of a cluster and what is secret in them, and takes out what nobody uses.

What exists is never overwritten, unless a command is there to do it.

Three kinds of files: the cluster's own, with the join token, for all recipients; one per host with the age
private keys of its guests, for that host and for people (docs/decisions/0007-keys-of-guests.md); and one with
what pods are given, for control planes and people (0009-secrets-in-pods.md).
"""

import secrets
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from hybridlab.errors import LiveError
from hybridlab.live import sops
from hybridlab.live.in_place import changed, create
from hybridlab.model.cluster import Cluster, Secrets
from hybridlab.model.node import Guest, Host
from hybridlab.secrets.guest_keys import PRIVATE_HALF, PUBLIC_HALF, guests_with_keys, has_key_of
from hybridlab.secrets.sops_file import SopsFile, is_below, read_sops_file


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
    wanted = secrets_of(cluster)
    done = Initialized()
    for host in cluster.hosts:
        if guests := guests_with_keys(cluster, host):
            _make_guest_keys(done, wanted, host, guests, folder)
    if done.missing or cluster.kubernetes is None:
        return done
    _require_nodes(cluster, wanted)
    if (folder / wanted.file).exists():
        done.left.append(wanted.file)
    else:
        token = _nested(cluster.kubernetes.join_token, new_join_token())
        create(folder / wanted.file, sops.encrypt(token, wanted.recipients.values()))
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
    pods = secrets_of(cluster).of_workloads
    if pods is None or key not in pods.keys:
        used = f": they use {', '.join(pods.keys)}" if pods is not None else ""
        raise LiveError(f"no workload of {cluster.name} uses a secret {key!r}{used}")
    path = folder / pods.file
    if not path.exists():
        create(path, sops.encrypt(_nested(key, value), pods.recipients.values()))
        return pods.file
    with changed(path) as copy:
        _require_room(read_sops_file(copy, name=pods.file), key, replace=replace)
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


@frozen
class Unset:
    """The file that `unset_secret` took a value out of; `is_gone`: it was the last one."""

    file: str
    is_gone: bool


def unset_secret(cluster: Cluster, folder: Path, key: str) -> Unset:
    """Take what stands at `key` out of the sops file of the workloads in `folder`.

    With the last value the file goes, too, which needs nobody's private key: `set_secret` makes it again.
    Raises: LiveError when nothing stands there, a workload uses it, or sops can not decrypt the file.
    """
    wanted = secrets_of(cluster)
    name = wanted.workloads_file
    path = folder / name
    if name == wanted.file or not path.exists():
        raise LiveError(f"there is no file {name} with values of workloads")
    with changed(path) as copy:
        file = read_sops_file(copy, name=name)
        gone = _unused_at(cluster, file, key)
        left = [value for value in file.values if value not in gone]
        if left:
            sops.unset_value(copy, _emptied(key, left), name=name)
        else:
            copy.unlink()
    return Unset(name, is_gone=not left)


def _unused_at(cluster: Cluster, file: SopsFile, key: str) -> tuple[str, ...]:
    """Return the values that stand at `key` or below, all of which nobody uses."""
    if not file.is_encrypted:
        raise LiveError(f"{file.name} is not encrypted by sops; it is left alone")
    found = tuple(value for value in file.values if is_below(value, key))
    if not found:
        raise LiveError(f"{file.name} has no {key}: it has {', '.join(file.values) or 'no values'}")
    for app in cluster.apps:
        for use in app.secrets:
            if use.key in found:
                raise LiveError(f"{use.key} is used by {app}: {cluster.source.locate(use.path) or use.path}")
    return found


def _emptied(key: str, left: list[str]) -> str:
    """Return `key`, or the highest key above it that has none of the values that are `left` below it."""
    parts = key.split("/")
    above = ("/".join(parts[:length]) for length in range(1, len(parts)))
    return next((part for part in above if not any(is_below(value, part) for value in left)), key)


def rotate_join_token(cluster: Cluster, folder: Path) -> str:
    """Put a fresh join token into the cluster's sops file, for its present readers, and return its name.

    Raises: LiveError when there is no such file, or sops can not decrypt it with the keys at hand.
    """
    wanted = secrets_of(cluster)
    if cluster.kubernetes is None:
        raise LiveError("the spec has no Kubernetes cluster, so there is no join token")
    if not (folder / wanted.file).exists():
        raise LiveError(f"{wanted.file} does not exist: `hybridlab secrets init` makes it")
    with changed(folder / wanted.file) as copy:
        sops.set_value(copy, cluster.kubernetes.join_token, new_join_token(), name=wanted.file)
    return wanted.file


def secrets_of(cluster: Cluster) -> Secrets:
    """Return what the spec says of secrets. Raises: LiveError when that is nothing."""
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
    done: Initialized, wanted: Secrets, host: Host, guests: tuple[Guest, ...], folder: Path
) -> None:
    if host.name not in wanted.recipients:
        raise _no_recipient(host)
    name = wanted.guest_file(host.name)
    path = folder / name
    known = _public_halves(read_sops_file(path, name=name)) if path.exists() else None
    new = {guest.name: sops.make_age_key() for guest in guests if known is None or guest.name not in known}
    entries = {who: {PRIVATE_HALF: key.private, PUBLIC_HALF: key.recipient} for who, key in new.items()}
    if known is None:
        create(path, sops.encrypt(entries, wanted.readers_of_guest_keys(host.name).values()))
        done.made.append(name)
    elif entries:
        with changed(path) as copy:
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
        if has_key_of(file, guest) and (public := file.value(f"{guest}/{PUBLIC_HALF}"))
    }


def _nested(key: str, value: str) -> Mapping[str, object]:
    first, *rest = key.split("/", 1)
    return {first: _nested(rest[0], value) if rest else value}

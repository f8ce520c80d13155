"""What lies in sops files and nobody in the spec uses any more: values of pods, keys of guests, whole files.

Nothing is said of the cluster's own file: what is in it beside the join token is its user's.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path

from hybridlab.diagnostic import Diagnostic, Severity, SpecPath
from hybridlab.errors import SpecError
from hybridlab.model.cluster import Cluster, Secrets
from hybridlab.model.node import Host
from hybridlab.secrets.guest_keys import guests_with_keys, has_key_of
from hybridlab.secrets.sops_file import SopsFile, read_sops_file, unset_command

_GUESTS = "-guests.yaml"  # model.cluster, Secrets.guest_file


def unused_values(file: SopsFile, keys: tuple[str, ...]) -> Iterator[Diagnostic]:
    """Yield each value in the file for pods that is not among the `keys` that workloads use."""
    for value in file.values:
        if value not in keys:
            yield _unused(
                "SEC106",
                f"no workload uses {value} in {file.name}",
                f"`{shlex.join(['hybridlab', 'secrets', 'unset', value])}` takes it out",
                file,
                value,
            )


def unused_guest_keys(file: SopsFile, cluster: Cluster, host: Host) -> Iterator[Diagnostic]:
    """Yield each age key in the file of `host` that is of none of its guests that read secrets."""
    needed = {guest.name for guest in guests_with_keys(cluster, host)}
    for name in file.keys:
        if name not in needed and has_key_of(file, name):
            yield _unused(
                "SEC107",
                f"{file.name} has the age key of guest {name!r}, and {_why(cluster, name)}",
                f"`{unset_command(file.name, name)}` takes it out",
                file,
                name,
            )


def unused_files(cluster: Cluster, folder: Path) -> Iterator[Diagnostic]:
    """Yield each sops file beside the cluster's own that has a name of hybridlab's, and that nobody needs."""
    wanted = cluster.secrets
    if wanted is None:
        return
    if wanted.of_workloads is None and wanted.workloads_file != wanted.file:
        yield from _unused_file(folder, wanted.workloads_file, "no workload has a secret")
    hosts = {host.name: host for host in cluster.hosts}
    for name, of in _files_of_guests(wanted, folder):
        if of not in hosts:
            yield from _unused_file(folder, name, f"the spec has no host {of!r}", of_guests=True)
        elif not guests_with_keys(cluster, hosts[of]):
            yield from _unused_file(folder, name, f"no guest of {hosts[of]} reads secrets", of_guests=True)


def _files_of_guests(wanted: Secrets, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the files that are called like one with keys of guests, each with the host that this names."""
    for path in sorted((folder / wanted.file).parent.glob(f"*{_GUESTS}")):
        host = path.name.removesuffix(_GUESTS)
        if host and (name := wanted.guest_file(host)) != wanted.file:
            yield name, host


def _unused_file(folder: Path, name: str, why: str, *, of_guests: bool = False) -> Iterator[Diagnostic]:
    try:
        file = read_sops_file(folder / name, name=name)
    except SpecError:
        return  # none, or nothing of hybridlab's
    if file.is_encrypted and (not of_guests or any(has_key_of(file, key) for key in file.keys)):
        hint = f"`{shlex.join(['git', 'rm', name])}`"
        yield _unused("SEC108", f"nobody uses {name}: {why}", hint, file)


def _why(cluster: Cluster, name: str) -> str:
    guest = next((guest for guest in cluster.guests if guest.name == name), None)
    if guest is None:
        return "the spec has no such guest"
    if any(guest in guests_with_keys(cluster, host) for host in cluster.hosts):
        return f"it is on host {guest.host!r}"
    return "it reads no secrets"


def _unused(code: str, message: str, hint: str, file: SopsFile, key: str = "") -> Diagnostic:
    return Diagnostic(
        code, Severity.WARNING, message, SpecPath.of("secrets"), hint=hint, span=file.place(key), on_key=True
    )

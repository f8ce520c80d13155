"""Whether the sops files beside a spec are those that its cluster needs, found out without a private key."""

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

from hybridlab.diagnostic import Diagnostic, Related, Report, Severity, SpecPath
from hybridlab.errors import SpecError
from hybridlab.model.cluster import Cluster, GuestKeys, WorkloadSecrets
from hybridlab.secrets.guest_keys import PRIVATE_HALF, PUBLIC_HALF
from hybridlab.secrets.sops_file import SopsFile, read_sops_file
from hybridlab.secrets.unused import unused_files, unused_guest_keys, unused_values

_ERROR = Severity.ERROR
_SECRETS = SpecPath.of("secrets")
_RECIPIENTS = SpecPath.of("secrets", "recipients")
_INIT = "`hybridlab secrets init` makes it"
_REKEY = "`hybridlab secrets rekey`"
_ROTATE = "`hybridlab secrets rotate` puts a fresh one there"


def check_secrets(cluster: Cluster, folder: Path) -> Report:
    """Compare the sops files in `folder`, the spec's, with the cluster.

    What keeps a machine or a pod from its secrets, or shows them to others, is an error; what nobody uses is
    a warning. What is wrong with a file is told at its place in the file, what it lacks at the place in the
    spec that asks for it.
    """
    if cluster.secrets is None:
        return Report()
    problems = list(_main_file(cluster, folder))
    for keys in cluster.secrets.guest_keys:
        problems += _guest_file(cluster, keys, folder)
    if cluster.secrets.of_workloads is not None:
        problems += _workloads_file(cluster, cluster.secrets.of_workloads, folder)
    problems += unused_files(cluster, folder)
    return Report.of(problems, cluster.source)


def _main_file(cluster: Cluster, folder: Path) -> Iterator[Diagnostic]:
    assert cluster.secrets is not None
    file = yield from _read(cluster.secrets.file, folder)
    if file is None:
        return
    if cluster.kubernetes is not None:
        token, at = cluster.kubernetes.join_token, SpecPath.of("kubernetes")
        yield from _secret(file, token, at, "the join token", _ROTATE)
    yield from _readers(file, cluster.secrets.recipients)


def _guest_file(cluster: Cluster, keys: GuestKeys, folder: Path) -> Iterator[Diagnostic]:
    file = yield from _read(keys.file, folder)
    if file is None:
        return
    yield from _readers(file, keys.recipients)
    host = next(host for host in cluster.hosts if host.name == keys.host)
    yield from unused_guest_keys(file, cluster, host)
    for guest, recipient in keys.guests.items():
        at = _RECIPIENTS / guest
        yield from _secret(file, f"{guest}/{PRIVATE_HALF}", at, f"the age key of guest {guest!r}", _INIT)
        public = f"{guest}/{PUBLIC_HALF}"
        found = file.value(public)
        if found not in (None, recipient):
            yield Diagnostic(
                "SEC105",
                _ERROR,
                f"guest {guest!r} will be handed the key of recipient {found}, and the spec has {recipient}",
                at,
                hint=f"put {found} into the spec",
                related=(Related("its key", at, file.place(public)),),
            )


def _workloads_file(cluster: Cluster, wanted: WorkloadSecrets, folder: Path) -> Iterator[Diagnostic]:
    file = yield from _read(wanted.file, folder, hint=f"`hybridlab secrets set {wanted.keys[0]}` makes it")
    if file is None:
        return
    for app in cluster.apps:
        for use in app.secrets:
            hint = f"`hybridlab secrets set {use.key}` asks for it"
            yield from _secret(file, use.key, use.path, f"a secret of {app}", hint)
    yield from _readers(file, wanted.recipients)
    yield from unused_values(file, wanted.keys)


def _read(name: str, folder: Path, hint: str = _INIT) -> Generator[Diagnostic, None, SopsFile | None]:
    """Yield why there is no encrypted file `name`; return it if there is."""
    if not (folder / name).exists():
        yield Diagnostic("SEC101", _ERROR, f"{name} does not exist", _SECRETS, hint=hint, on_key=True)
        return None
    try:
        file = read_sops_file(folder / name, name=name)
    except SpecError as error:
        yield from error.report
        return None
    if not file.is_encrypted:
        yield Diagnostic(
            "SEC102",
            _ERROR,
            f"{name} is not encrypted by sops",
            _SECRETS,
            span=file.place(),
            hint="if it was ever committed as it is, make new secrets; then `sops encrypt --in-place` it",
        )
        return None
    return file


def _secret(file: SopsFile, key: str, asked: SpecPath, what: str, hint: str) -> Iterator[Diagnostic]:
    if file.has_secret(key):
        return
    if file.value(key) is not None:
        yield Diagnostic(
            "SEC102",
            _ERROR,
            f"{key} in {file.name} is not encrypted",
            asked,
            span=file.place(key),
            hint="make a new one",
        )
    else:
        yield Diagnostic(
            "SEC103", _ERROR, f"{file.name} has no key {key}: {what} is missing", asked, hint=hint
        )


def _readers(file: SopsFile, recipients: Mapping[str, str]) -> Iterator[Diagnostic]:
    for name, key in recipients.items():
        if key not in file.recipients:
            yield Diagnostic(
                "SEC104",
                _ERROR,
                f"{name!r} can not read {file.name}",
                _RECIPIENTS / name,
                hint=f"{_REKEY} adds it",
            )
    for key, span in file.recipients.items():
        if key not in recipients.values():
            yield Diagnostic(
                "SEC104",
                _ERROR,
                f"{key} can read {file.name}, and is not among the recipients that the spec wants there",
                _RECIPIENTS,
                span=span,
                hint=f"{_REKEY} takes it away, and says what to replace, since it is known there",
            )

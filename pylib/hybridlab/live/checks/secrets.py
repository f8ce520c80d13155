"""The phase `secrets`: what the model delivers is on its machines, for its owner alone; content stays unread.

Of the join token digests are compared, on the machines' own word, and no more of a digest is ever shown than
its first digits: a token is 128 random bits, which nobody guesses by a digest.
"""

import re
from collections.abc import Iterator
from functools import partial

from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Verdict
from hybridlab.live.checks.node_programs import api_ready
from hybridlab.live.checks.reading import File, files, stat
from hybridlab.live.checks.unit import unit_check, unit_key
from hybridlab.live.probe import Output, read
from hybridlab.model.cluster import Cluster, Node
from hybridlab.model.delivery import Delivered, decrypts_in_a_unit, delivered
from hybridlab.model.node import Machine, host_of

_DECRYPT = "sops-install-secrets.service"
_DELIVER = "hybridlab-join-token.service"
_BRING = "hybridlab-pod-secrets.service"
_OWNER_ONLY = 0o400  # sops-nix's default, and modules/join-token.sh

# Where cfssl and certmgr look for the token (nixpkgs, cluster/kubernetes/pki.nix). On a control plane the
# second is a link to the first, which easyCerts makes.
_AT_CFSSL = "/var/lib/cfssl/apitoken.secret"
_AT_CERTMGR = "/var/lib/kubernetes/secrets/apitoken.secret"
# 32 hex digits and a newline, as modules/join-token.sh writes them.
_TOKEN_BYTES = 33
_SHOWN_DIGITS = 8


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield the checks of the phase, machine by machine."""
    for machine in cluster.machines:
        secrets = delivered(cluster, machine)
        if secrets:
            yield from _decrypted(cluster, machine, secrets)
    if cluster.secrets is None or cluster.kubernetes is None:
        return
    for node in cluster.nodes:
        yield from _token(cluster, node)
    for node in cluster.control_plane:
        yield unit_check(
            unit_key(node.name, _BRING),
            Phase.SECRETS,
            "the cluster has the Secrets of the workloads",
            advice="it waits for the API server; what it says names keys, never values",
            needs=(
                *(_file_key(node.name, secret.path) for secret in delivered(cluster, node.machine)),
                api_ready(cluster),
            ),
        )


def units_of_secrets(cluster: Cluster, machine: Machine) -> frozenset[str]:
    """Return the units of a machine whose failure the checks here report."""
    units = {_DECRYPT} if decrypts_in_a_unit(cluster, machine) else set()
    if cluster.secrets is not None and cluster.kubernetes is not None and machine.membership is not None:
        units |= {_DELIVER, _BRING} if machine.membership.is_control_plane else {_DELIVER}
    return frozenset(units)


def token_path(node: Node) -> str:
    """Return where the join token lies on a node: for cfssl on a control plane, else for certmgr."""
    return _AT_CFSSL if node.membership.is_control_plane else _AT_CERTMGR


def _file_key(machine: str, path: str) -> Key:
    return Key("secret.file", machine, path)


def _decrypted(cluster: Cluster, machine: Machine, secrets: tuple[Delivered, ...]) -> Iterator[Check]:
    name = machine.name
    needs: tuple[Key, ...] = ()
    if decrypts_in_a_unit(cluster, machine):
        needs = (unit_key(name, _DECRYPT),)
        yield unit_check(
            unit_key(name, _DECRYPT),
            Phase.SECRETS,
            "its secrets are decrypted",
            advice=f"is {name}'s own key among the recipients (`hybridlab secrets check`)?",
        )
    probe = stat(*(secret.path for secret in secrets))
    for secret in secrets:
        expected = File(secret.path, _OWNER_ONLY, secret.owner, secret.group, 0, "regular file")
        yield Check(
            _file_key(name, secret.path),
            Phase.SECRETS,
            f"{secret.path} is there, for {secret.owner} alone",
            (Remote(name, probe),),
            partial(_judge_file, expected, None, _advice_for_decrypted(cluster, machine)),
            needs,
        )


def _advice_for_decrypted(cluster: Cluster, machine: Machine) -> str:
    deploy = f"`hybridlab secrets check`, then `hybridlab deploy {host_of(machine)}`"
    if decrypts_in_a_unit(cluster, machine):
        return f"on {machine.name}, `systemctl restart {_DECRYPT}` puts it in place; if it does not: {deploy}"
    return f"the activation puts it in place: {deploy}"


def _token(cluster: Cluster, node: Node) -> Iterator[Check]:
    """Yield the checks of the join token: brought to where it is read, and the same as at the other end."""
    assert cluster.kubernetes is not None
    name, path = node.name, token_path(node)
    yield unit_check(
        unit_key(name, _DELIVER),
        Phase.SECRETS,
        "the join token is brought to where cfssl and certmgr read it",
        needs=tuple(
            _file_key(name, secret.path)
            for secret in delivered(cluster, node.machine)
            if secret.name == cluster.kubernetes.join_token
        ),
    )
    at_server = node.membership.is_control_plane
    owner = "cfssl" if at_server else "root"
    paths = (_AT_CFSSL, _AT_CERTMGR) if at_server else (_AT_CERTMGR,)
    again = f"on {name}, `systemctl restart {_DELIVER}` writes it again"
    for one in paths:
        linked = at_server and one == _AT_CERTMGR
        yield Check(
            _file_key(name, one),
            Phase.SECRETS,
            f"{one} is there, for {owner} alone, with {_TOKEN_BYTES} bytes",
            (Remote(name, stat(*paths)),),
            partial(
                _judge_file,
                File(one, _OWNER_ONLY, owner, owner, 0, "regular file"),
                _TOKEN_BYTES,
                f"on {name}, `systemctl restart kube-certmgr-bootstrap` links it" if linked else again,
            ),
            needs=(_file_key(name, _AT_CFSSL),) if linked else (unit_key(name, _DELIVER),),
        )
    server = cluster.control_plane[0] if cluster.control_plane else None
    if server is not None and server.name != name:
        yield Check(
            Key("token.same", name),
            Phase.SECRETS,
            f"its join token is that of {server.name}",
            (
                Remote(server.name, read("sha256sum", "--", token_path(server))),
                Remote(name, read("sha256sum", "--", path)),
            ),
            partial(_judge_same, server.name, name),
            needs=(_file_key(server.name, token_path(server)), _file_key(name, path)),
        )


def _judge_file(expected: File, size: int | None, advice: str, output: Output) -> Verdict:
    found = files(output.stdout).get(expected.path)
    if found is None:
        if expected.path not in output.stderr:
            return CouldNotLook(f"stat says nothing of {expected.path}")
        return Failed(f"{expected}", "it is not there", advice)
    if not found.kind.startswith("regular"):
        return Failed("a regular file", f"a {found.kind}", advice)
    if str(found) != str(expected):
        return Failed(str(expected), str(found), advice)
    if size is None and found.size == 0:
        return Failed("a value", "the file is empty", advice)
    if size is not None and found.size != size:
        return Failed(f"{size} bytes", f"{found.size} bytes", advice)
    return Ok(f"{found}, {found.size} bytes")


def _judge_same(server: str, name: str, at_server: Output, at_node: Output) -> Verdict:
    digests = [_digest(output.stdout) for output in (at_server, at_node)]
    match digests:
        case [str() as expected, str() as found] if expected == found:
            return Ok(f"sha256 {found[:_SHOWN_DIGITS]}…")
        case [str() as expected, str() as found]:
            return Failed(
                f"sha256 {expected[:_SHOWN_DIGITS]}…, as on {server}",
                f"sha256 {found[:_SHOWN_DIGITS]}…",
                f"both have it from one sops file, so one has an old token: `hybridlab deploy` both; and on "
                f"{server} and {name}, `systemctl restart {_DELIVER}`",
            )
    return CouldNotLook("sha256sum prints no digest")


def _digest(text: str) -> str | None:
    # A backslash before it says that the name of the file is escaped (sha256sum(1)).
    found = re.match(r"\\?([0-9a-f]{64}) ", text)
    return found[1] if found else None

"""Who can read the sops file: every machine that takes a secret of it, and somebody who can edit it."""

from collections.abc import Iterable, Iterator

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.uses import Use, used_again
from hybridlab.rules.wording import listed, nearest

_RECIPIENTS = SpecPath.of("secrets", "recipients")
_MOST_COMPARED = 50  # names that are compared with each other for a near miss


def _strangers(cluster: Cluster) -> list[str]:
    """Return the recipients that are no machine: people, and misspelt machines."""
    machines = {machine.name for machine in cluster.machines}
    return [] if cluster.secrets is None else [n for n in cluster.secrets.recipients if n not in machines]


@rule(
    "SEC001",
    "node-is-no-recipient",
    summary="A node of Kubernetes takes its join token from the sops file, but can not read it.",
    rationale="""A machine decrypts with its own ssh host key, so its age public key must be among the
        recipients. Otherwise sops-nix fails when the machine boots, and it never joins.""",
    source="Mic92/sops-nix, README (age keys from ssh host keys)",
    bad=Example(
        """
        secrets:
          recipients: {k8s-worker-1: null}
        """,
        at=_RECIPIENTS,
    ),
    good="""
        guests:
          k8s-worker-1: {kubernetes: null}
        secrets:
          recipients: {k8s-worker-1: null}
    """,
)
def node_is_no_recipient(cluster: Cluster) -> Iterable[Finding]:
    if cluster.secrets is None:
        return
    missing = [node.name for node in cluster.nodes if node.name not in cluster.secrets.recipients]
    for name, stranger in _near_misses(missing, _strangers(cluster)):
        missing.remove(name)
        machine = cluster.machine(name)
        yield Finding(
            f"recipient {stranger!r} is no machine, and {machine}, a node, is no recipient",
            _RECIPIENTS / stranger,
            f"did you mean {name!r}?",
            related=(Related(f"{machine} takes the join token", machine.path / "kubernetes"),),
            on_key=True,
        )
    if missing:
        machines = [cluster.machine(name) for name in missing]
        verb = "takes" if len(machines) == 1 else "take"
        yield Finding(
            f"{listed(machines)} {verb} the join token from {cluster.secrets.file}, and can not read it",
            _RECIPIENTS,
            f"add the age key of each under its name, `{missing[0]}: age1…`, which tells: "
            f"ssh-keyscan {machines[0].legs[0].address} | ssh-to-age",
            related=tuple(
                Related(f"{machine} is a node", machine.path / "kubernetes") for machine in machines[:3]
            ),
            on_key=True,
        )


def _near_misses(missing: list[str], strangers: list[str]) -> Iterator[tuple[str, str]]:
    """Yield machines with the recipient that may be their name misspelt, each at most once."""
    if len(missing) > _MOST_COMPARED or len(strangers) > _MOST_COMPARED:
        return
    left = list(strangers)
    for name in tuple(missing):
        if (stranger := nearest(name, left)) is not None:
            left.remove(stranger)
            yield name, stranger


@rule(
    "SEC002",
    "one-key-for-two-recipients",
    severity=Severity.WARNING,
    summary="Two recipients have the same age key.",
    rationale="""One of the names stands for nobody: most often a key was copied and not replaced, and the
        machine whose key it should be can not decrypt. If both do have that key, they share a private
        half.""",
    source="getsops/sops, README: a creation rule lists recipients by key",
    bad=Example(
        """
        secrets:
          recipients:
            k8s-master: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf
            k8s-worker-1: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf
        """,
        at=_RECIPIENTS / "k8s-worker-1",
    ),
    good="""
        secrets:
          recipients:
            k8s-worker-1: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf
    """,
)
def one_key_for_two_recipients(cluster: Cluster) -> Iterable[Finding]:
    recipients = cluster.secrets.recipients if cluster.secrets else {}
    uses = (Use(key, f"recipient {name!r}", _RECIPIENTS / name) for name, key in recipients.items())
    for earlier, use in used_again(uses):
        yield Finding(
            f"{use.who} and {earlier.who} have the same age key",
            use.path,
            "put the key of each under its name (ssh-keyscan ADDRESS | ssh-to-age)",
            related=(Related(f"{earlier.who} has it here", earlier.path),),
        )


@rule(
    "SEC003",
    "nobody-can-edit-secrets",
    severity=Severity.WARNING,
    summary="Every recipient of the secrets is a machine.",
    rationale="""Then the file can be edited only with a machine's ssh host key. Lose the machines, and the
        secrets are lost with them.""",
    source="getsops/sops, README: who is no recipient can not decrypt, nor add recipients",
    bad=Example(
        """
        secrets:
          recipients: {admin: null}
        """,
        at=_RECIPIENTS,
    ),
    good="""
        secrets:
          recipients:
            admin: null
            backup: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf
    """,
)
def nobody_can_edit_secrets(cluster: Cluster) -> Iterable[Finding]:
    if cluster.secrets is not None and not _strangers(cluster):
        who = "all recipients are machines" if cluster.secrets.recipients else "there are no recipients"
        yield Finding(
            f"{who}, so no person can edit {cluster.secrets.file}",
            _RECIPIENTS,
            "add your own age public key (age-keygen), like `admin: age1…`",
            on_key=True,
        )

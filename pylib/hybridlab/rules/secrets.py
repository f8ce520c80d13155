"""Who can read the sops file: every machine that takes a secret of it, and somebody who can edit it."""

import re
from collections.abc import Iterable, Iterator

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.uses import Use, used_again
from hybridlab.rules.wording import listed, nearest
from hybridlab.spec.machine import Hypervisor
from hybridlab.spec.scalars import AgeRecipient

_RECIPIENTS = SpecPath.of("secrets", "recipients")
_MOST_RENAMED = 3
_MOST_COMPARED = 50  # names that are compared with each other for a near miss


def _strangers(cluster: Cluster) -> list[str]:
    """Return the recipients that are no machine: people, and misspelt machines."""
    return [] if cluster.secrets is None else sorted(cluster.secrets.people)


@rule(
    "SEC001",
    "node-is-no-recipient",
    summary="A node of Kubernetes takes its join token from the sops file, but can not read it.",
    rationale="""A host decrypts with its ssh host key, a guest with a key that its host hands over, so the
        age public key of each must be among the recipients. Otherwise sops-nix fails when the machine boots,
        and it never joins.""",
    source="Mic92/sops-nix, README (age keys from ssh host keys); docs/decisions/0007-keys-of-guests.md",
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
            _where_from(machines) + _or_rename(_strangers(cluster), len(machines)),
            related=tuple(
                Related(f"{machine} is a node", machine.path / "kubernetes") for machine in machines[:3]
            ),
            on_key=True,
        )


def _or_rename(strangers: list[str], count: int) -> str:
    """Say what else may have happened: a machine got a new name, and its recipient kept the old one."""
    # One is most often the person who edits the secrets.
    if not 1 < len(strangers) <= _MOST_RENAMED:
        return ""
    which = "it" if count == 1 else "one of them"
    return f"; or, if {which} has a new name, rename its recipient: {listed(strangers)} are no machines"


def _where_from(machines: list[Machine]) -> str:
    """Say how to come by the age public keys of these machines."""
    ways = []
    if hosts := [machine for machine in machines if isinstance(machine, Host)]:
        ways.append(
            f"add `{hosts[0].name}: age1…`, which tells: ssh-keyscan {hosts[0].legs[0].address} | ssh-to-age"
        )
    if any(isinstance(machine, Guest) for machine in machines):
        ways.append("`hybridlab secrets init` makes the keys of guests, and says what to add here")
    return "; ".join(ways)


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
    machines = {machine.name: machine for machine in cluster.machines}
    uses = (Use(key, f"recipient {name!r}", _RECIPIENTS / name) for name, key in recipients.items())
    for earlier, use in used_again(uses):
        yield Finding(
            f"{use.who} and {earlier.who} have the same age key",
            use.path,
            f"put the key of each under its name: {_how_to_tell(machines.get(str(use.path[-1])))}",
            related=(Related(f"{earlier.who} has it here", earlier.path),),
            group=str(earlier.path),
        )


def _how_to_tell(machine: Machine | None) -> str:
    """Say what tells the key of a recipient."""
    match machine:
        case Host(legs=(leg, *_)):
            return f"ssh-keyscan {leg.address} | ssh-to-age tells this one's"
        case Guest():
            return "`hybridlab secrets init` makes and tells those of guests"
    return "age-keygen -y FILE tells a person's"


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


@rule(
    "SEC004",
    "hypervisor-hands-over-no-key",
    summary="A guest is a recipient of the secrets, and its hypervisor can not hand it the key.",
    rationale="""A guest's age private key comes from its host, as a systemd credential in the firmware's
        files. Of the hypervisors, microvm.nix can do that with QEMU only, and refuses to build the guest
        with another.""",
    source="microvm.nix 71beea0, lib/runners: all but qemu.nix throw on credentialFiles",
    bad=Example(
        """
        guests:
          k8s-worker-1: {hypervisor: cloud-hypervisor}
        """,
        at=SpecPath.of("guests", "k8s-worker-1", "hypervisor"),
    ),
    good="""
        guests:
          k8s-worker-1: {hypervisor: cloud-hypervisor, kubernetes: null}
        secrets:
          recipients: {k8s-worker-1: null}
    """,
)
def hypervisor_hands_over_no_key(cluster: Cluster) -> Iterable[Finding]:
    for guest in cluster.guests:
        if guest.name in cluster.guests_with_keys and guest.hypervisor is not Hypervisor.QEMU:
            yield Finding(
                f"{guest} decrypts secrets, and {guest.hypervisor.value} can not hand it the key",
                guest.path / "hypervisor",
                "use qemu, or take the guest out of the recipients (and out of Kubernetes)",
                related=(Related(f"{guest} is a recipient", _RECIPIENTS / guest.name),),
            )


@rule(
    "SEC005",
    "host-can-not-read-keys-of-guests",
    summary="A guest is a recipient of the secrets, and its host is not.",
    rationale="""The guest gets its key from its host, which decrypts it from a sops file of its own. A host
        that is no recipient can not.""",
    source="docs/decisions/0007-keys-of-guests.md",
    bad=Example(
        """
        hosts:
          homelab: {kubernetes: null, gpu: null}
        workloads: null
        secrets:
          recipients: {homelab: null}
        """,
        at=_RECIPIENTS / "k8s-master",
    ),
    good="""
        hosts:
          homelab: {kubernetes: null, gpu: null}
        workloads: null
    """,
)
def host_can_not_read_keys_of_guests(cluster: Cluster) -> Iterable[Finding]:
    for keys in cluster.guest_keys.values():
        host, guests = cluster.machine(keys.host), listed([cluster.machine(name) for name in keys.guests])
        # A host that is a node itself is told so by node-is-no-recipient.
        if keys.host not in keys.recipients and host.membership is None:
            yield Finding(
                f"{guests} can read the secrets, and {host}, which has to hand over the keys, can not",
                _RECIPIENTS / next(iter(keys.guests)),
                f"add `{host.name}: age1…`, which tells: ssh-keyscan {host.legs[0].address} | ssh-to-age"
                if host.legs
                else f"add `{host.name}: age1…`",
                related=(Related(f"{host} runs them", host.path),),
                on_key=True,
            )


@rule(
    "SEC011",
    "machine-with-a-key-of-a-plugin",
    summary="A machine's recipient is a key that only a plugin of age can use, as of a YubiKey.",
    rationale="""A host decrypts with its ssh host key, a guest with the key that its host hands over: both
        are plain age keys. For one of a plugin somebody would have to be there and touch it at every start;
        the machine boots without its secrets, and never joins.""",
    source="Mic92/sops-nix#805; age, plugin protocol (C2SP age-plugin): a recipient is age1NAME1…",
    bad=Example(
        """
        secrets:
          recipients:
            homelab: age1yubikey1qt3fmmp2wktvz5yga8kr7vfzetyu43256myz5d86km6dul3qpnqukqej3gs
        """,
        at=_RECIPIENTS / "homelab",
    ),
    good="""
        secrets:
          recipients:
            admin: age1yubikey1qt3fmmp2wktvz5yga8kr7vfzetyu43256myz5d86km6dul3qpnqukqej3gs
    """,
)
def machine_with_a_key_of_a_plugin(cluster: Cluster) -> Iterable[Finding]:
    recipients = cluster.secrets.recipients if cluster.secrets else {}
    for machine in cluster.machines:
        plugin = AgeRecipient(recipients[machine.name]).plugin if machine.name in recipients else None
        if plugin is not None:
            yield Finding(
                f"the recipient of {machine} is a key of age-plugin-{plugin}, which no machine has",
                _RECIPIENTS / machine.name,
                f"put its own key, and this one under a person's name: {_how_to_tell(machine)}",
            )


@rule(
    "SEC012",
    "recipient-of-a-machine-that-is-gone",
    severity=Severity.WARNING,
    summary="A recipient is called like one of a series of machines, and there is no such machine.",
    rationale="""A machine that was taken down can still read every secret that is encrypted for it: with its
        disk, so can whoever has that. Recipients that are no machines count as people; one that is called
        like its machines, but for a number, hardly is.""",
    source="getsops/sops, README: who was a recipient knows the secrets until they are changed",
    bad=Example(
        """
        secrets:
          recipients:
            k8s-worker-2: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf
        """,
        at=_RECIPIENTS / "k8s-worker-2",
    ),
    good="""
        secrets:
          recipients:
            alex-2: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf
    """,
)
def recipient_of_a_machine_that_is_gone(cluster: Cluster) -> Iterable[Finding]:
    if cluster.secrets is None:
        return
    missing = [node.name for node in cluster.nodes if node.name not in cluster.secrets.recipients]
    misspelt = {stranger for _, stranger in _near_misses(missing, _strangers(cluster))}
    series = {_series(machine.name): machine for machine in reversed(cluster.machines)}
    for name in _strangers(cluster):
        sibling = series.get(_series(name))
        if sibling is not None and "#" in _series(name) and name not in misspelt:
            yield Finding(
                f"recipient {name!r} is no machine, and called like {sibling}",
                _RECIPIENTS / name,
                "if the machine is gone, remove its recipient, and then `hybridlab secrets rekey`",
                related=(Related(f"{sibling} is one", sibling.path),),
                on_key=True,
            )


def _series(name: str) -> str:
    """Return a name with a mark for its numbers."""
    return re.sub("[0-9]+", "#", name)

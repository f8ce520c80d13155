"""Whether a host with its guests is as well after a switch as before; what is switched is not known here."""

import time
from collections.abc import Iterable

from attrs import frozen

from hybridlab.live.checks.all import all_checks
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Result, Skipped
from hybridlab.live.ssh import Ssh
from hybridlab.live.verify import verify
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host

# Workloads follow the machines, and may take their time: a model is loaded, an image is pulled.
_PHASES = frozenset({Phase.MACHINES, Phase.NETWORK, Phase.SECRETS, Phase.CLUSTER})
# What we bring about ourselves: a node that is drained is cordoned until its host is well again, a new kernel
# waits for a restart that is the user's, and the first node of a new Kubernetes is not what most are. And a
# ping says nothing that ssh does not.
_NOT_ASKED = frozenset({"node.schedulable", "node.version", "ping", "reboot"})
_LOGIN = "ssh"
_FIREWALL = "firewall."
_OPENS = frozenset({"firewall.opening", "firewall.nodePort"})
_SHUTS = "firewall.closed"


def gate_checks(cluster: Cluster, host: Host) -> tuple[Check, ...]:
    """Return the checks of the host and its guests that tell whether a switch went well."""
    own = {host.name, *(guest.name for guest in host.guests)}
    return tuple(
        check
        for check in all_checks(cluster)
        if check.phase in _PHASES and check.key.machine in own and check.key.code not in _NOT_ASKED
    )


def well(results: Iterable[Result]) -> frozenset[Key]:
    """Return what is well."""
    return frozenset(result.check.key for result in results if isinstance(result.verdict, Ok))


def unreached(results: Iterable[Result]) -> tuple[tuple[str, str], ...]:
    """Return the machines that root can not log in to, and why."""
    return tuple(
        (result.check.key.machine or "", result.verdict.found)
        for result in results
        if result.check.key.code == _LOGIN and isinstance(result.verdict, Failed)
    )


def wait_until_well(
    checks: Iterable[Check], cluster: Cluster, ssh: Ssh, *, seconds: float, steady: float
) -> tuple[Result, ...]:
    """Wait, for at most `seconds`, until all of this is well; return what is not.

    It has to be so still after `steady` seconds: some things break only after a while, and a node is Ready
    for most of a minute after its kubelet has died.
    """
    asked = tuple(checks)
    end = time.monotonic() + seconds
    while True:
        left = max(0.0, end - time.monotonic())
        if worse := _unwell(verify(asked, cluster, ssh, wait=left)):
            return worse
        time.sleep(steady)
        worse = _unwell(verify(asked, cluster, ssh))
        if not worse or time.monotonic() > end:
            return worse


def _unwell(results: Iterable[Result]) -> tuple[Result, ...]:
    return tuple(result for result in results if not isinstance(result.verdict, Ok))


@frozen
class FirewallChanges:
    """What a switch changes in firewalls.

    `opens`: what is open then, and is not, or to others, now; `shuts`: what is open now, and not then;
    `unknown`: machines that could not be asked, and why.
    """

    opens: tuple[str, ...] = ()
    shuts: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def firewall_changes(cluster: Cluster, hosts: Iterable[Host], ssh: Ssh) -> FirewallChanges:
    """Return what changes on these hosts and their guests: what verify says of the firewalls loaded now."""
    own = {name for host in hosts for name in (host.name, *(guest.name for guest in host.guests))}
    checks = [
        check
        for check in all_checks(cluster)
        if check.key.machine in own and check.key.code.startswith(_FIREWALL)
    ]
    opens, shuts = [], []
    unknown: dict[str, str] = {}
    for result in verify(checks, cluster, ssh):
        machine = result.check.key.machine or ""
        match result.verdict:
            case Failed() if result.check.key.code in _OPENS:
                opens.append(f"{machine}: {result.check.title}")
            case Failed(found=found) if result.check.key.code == _SHUTS:
                shuts.append(f"{machine}: {found}")
            case CouldNotLook(reason=reason) | Skipped(reason=reason):
                unknown.setdefault(machine, f"{machine}: {reason}")
    return FirewallChanges(tuple(opens), tuple(shuts), tuple(unknown.values()))

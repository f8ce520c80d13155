"""What lines of journals mean, and what mends it; who said them, and where they come from, is not known here.

The texts are those that kubelet, certmgr, cfssl, flannel, sops-install-secrets and QEMU are known to write
(issues kubernetes#127747, #48282, #129294, nixpkgs#59364, cfssl#864, flannel#1936, sops-nix#65), and those of
modules/join-token.sh.
"""

import re
from collections.abc import Iterable

from attrs import frozen

_OTHER_NODE = re.compile(r'node \\?"([^"\\]+)\\?" not found', re.IGNORECASE)


@frozen
class Place:
    """Of which node the journal is, on which host that is, and which node is the control plane."""

    node: str
    host: str
    control_plane: str
    control_host: str

    @property
    def is_first(self) -> bool:
        """Whether the node is the control plane itself."""
        return self.node == self.control_plane

    @property
    def deploy_both(self) -> str:
        """The deployment of the node and of the control plane."""
        return f"hybridlab deploy {' '.join(dict.fromkeys((self.control_host, self.host)))}"


@frozen
class Cause:
    """What is the matter (`means`), and the fix."""

    means: str
    fix: str


@frozen
class _Known:
    """All of `texts` are in a line, in lower case; `of_way`: it is about the way to the control plane."""

    texts: tuple[str, ...]
    means: str
    fix: str
    of_way: bool = False


# docs/runbook.md, "When a node does not join".
_FORGET_CA = "systemctl stop certmgr && rm /var/lib/kubernetes/secrets/ca.pem && systemctl start certmgr"
NEW_CA = (
    f"on {{node}}: `{_FORGET_CA}`, so that certmgr fetches the CA and asks for new certificates; then "
    f"`systemctl restart kubelet`"
)
_CLOCK = (
    "set the clocks right: on both, `timedatectl timesync-status`, `systemctl restart systemd-timesyncd`; "
    "then `systemctl restart certmgr kubelet` on {node}"
)
_WAY = (
    "`hybridlab show openings` says what {control_plane} lets in, `hybridlab verify --phase network "
    "{control_plane} {node}` whether it does"
)
_RECIPIENT = (
    "`hybridlab secrets check` says whether its key is among the recipients, `hybridlab secrets rekey` adds "
    "it; then `hybridlab deploy {host}`"
)
_ROOM = "make room on {node}: `df -h`, `nix-collect-garbage`, `journalctl --vacuum-size=200M`"

# The first that fits a line counts: what is special comes before what is general.
_KNOWN = (
    _Known(
        ("swap on is not supported",),
        "the kubelet does not start with swap",
        "on {node}: `swapoff -a && systemctl restart kubelet`; for good, take the swap out of its hardware "
        "file, and `hybridlab deploy {host}`",
    ),
    _Known(
        ("invalid token",),
        "the control plane knows another join token",
        "`{deploy_both}`; if they still differ, on {control_plane} and {node} "
        "`systemctl restart hybridlab-join-token`; then `systemctl restart certmgr` on {node}",
    ),
    _Known(
        ("certificate signed by unknown authority",),
        "the control plane has made a new CA, which this node does not trust",
        NEW_CA,
    ),
    _Known(
        ("expired or is not yet valid", "is before"),
        "for its clock the certificate is not yet valid: the clocks of the node and the control plane differ",
        _CLOCK,
    ),
    _Known(
        ("expired or is not yet valid", "is after"),
        "a certificate has expired, or a clock is ahead",
        "if the clocks are right (`timedatectl` on both), `systemctl restart certmgr` on {node}, and on "
        "{control_plane} if it is the API server's",
    ),
    _Known(("not yet valid",), "a certificate is not valid at the time that a clock shows", _CLOCK),
    _Known(
        ("is forbidden", "is not allowed to modify node"),
        "the API server knows the kubelet under another name",
        "`hybridlab deploy {host}`, then `systemctl restart certmgr kubelet` on {node}",
    ),
    _Known(
        ("unauthorized",),
        "the API server does not take the node's certificate: it is of an older CA, or has ended",
        NEW_CA,
    ),
    _Known(
        ("network plugin", "cni"),
        "the container runtime has no configuration of a network plugin",
        "on {node}: `ls /etc/cni/net.d` should have 10-flannel.conf; `systemctl restart flannel containerd "
        "kubelet`; if it is missing, `hybridlab deploy {host}`",
    ),
    _Known(
        ("pod cidr not assigned",),
        "the control plane has given the node no part of the pod network",
        "on {control_plane}: `systemctl restart kube-controller-manager`; its journal says why not",
    ),
    _Known(("no identity matched",), "the machine's key is no recipient of its sops file", _RECIPIENT),
    _Known(("getting data key",), "the machine can not decrypt its sops file", _RECIPIENT),
    _Known(("get the data key",), "the machine can not decrypt its sops file", _RECIPIENT),
    _Known(
        ("join token:", "does not exist"),
        "the join token was not decrypted on this machine",
        "`hybridlab secrets check`, then `hybridlab deploy {host}`",
    ),
    _Known(
        ("join token:",),
        "the sops file holds something else than a join token",
        "`hybridlab secrets rotate`, commit, `{deploy_both}`",
    ),
    _Known(("no space left on device",), "a disk is full", _ROOM),
    _Known(
        ("kvm", "no such file"),
        "the host can not virtualize",
        "turn on virtualization (AMD: SVM, Intel: VT-x) in the firmware of {host}, and look for /dev/kvm",
    ),
    _Known(
        ("cannot allocate memory",),
        "the host has too little memory left",
        "`free -m` on {host}; give its guests less memory in the spec, and `hybridlab deploy {host}`",
    ),
    _Known(
        ("no such host",),
        "the control plane's name does not resolve",
        "on {node}: `getent hosts {control_plane}`; `hybridlab deploy {host}` writes /etc/hosts anew",
        of_way=True,
    ),
    _Known(
        ("could not resolve host",),
        "the control plane's name does not resolve",
        "on {node}: `getent hosts {control_plane}`; `hybridlab deploy {host}` writes /etc/hosts anew",
        of_way=True,
    ),
    _Known(("curl: (28)",), "cfssl on the control plane does not answer", _WAY, of_way=True),
    _Known(("curl: (7)",), "cfssl on the control plane can not be reached", _WAY, of_way=True),
    _Known(
        ("no route to host",),
        "there is no way to the control plane, or it rejects packets",
        _WAY,
        of_way=True,
    ),
    _Known(("network is unreachable",), "the node has no route to the control plane", _WAY, of_way=True),
    _Known(("i/o timeout",), "the control plane does not answer", _WAY, of_way=True),
    _Known(
        ("connection refused",),
        "nothing listens on the control plane, or did when this was said",
        "`hybridlab diagnose {control_plane}`",
        of_way=True,
    ),
)


def cause(lines: Iterable[str], place: Place, *, of_way: bool = True) -> Cause | None:
    """Return what the newest line that is understood means; `lines` are oldest first.

    `of_way`: whether what is said of a connection may be about the one to the control plane.
    """
    for line in reversed(tuple(lines)):
        found = _of_line(line, place, of_way=of_way)
        if found is not None:
            return found
    return None


def filled(template: str, place: Place) -> str:
    """Return the fix for this place."""
    return template.format(
        node=place.node,
        host=place.host,
        control_plane=place.control_plane,
        deploy_both=place.deploy_both,
    )


def _of_line(line: str, place: Place, *, of_way: bool) -> Cause | None:
    lower = line.lower()
    for known in _KNOWN:
        if known.of_way and (place.is_first or not of_way):
            continue  # on the control plane itself, the chain looks before at what it asks
        if all(text in lower for text in known.texts):
            return Cause(known.means, filled(known.fix, place))
    other = _OTHER_NODE.search(line)
    if other is not None and other[1] != place.node:
        return Cause(
            f"it calls itself {other[1]}, and the spec {place.node}",
            f"`hybridlab deploy {place.host}` gives it its name; then `systemctl restart certmgr kubelet` on "
            f"{place.node}, and `kubectl delete node {other[1]}` if there is one",
        )
    return None

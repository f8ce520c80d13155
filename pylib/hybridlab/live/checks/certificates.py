"""Checks of a node's certificates: there, issued by this cluster's CA, and renewed in time.

Only certificates and digests are read, never a key.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from hybridlab.live.checks import answers, node_programs, parts
from hybridlab.live.checks.answers import NotUnderstoodError, fetched, said, understanding
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Skipped, Verdict
from hybridlab.live.probe import Output, read
from hybridlab.model.cluster import Cluster, Node

_ENDS = re.compile(r"notAfter=(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)Z")


def same_ca(node: str) -> Key:
    return Key("ca.same", node)


def authority_lasts(control_plane: str, path: str) -> Key:
    return Key("certificates.authority", control_plane, path)


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield two checks of the certificate authority, and three of every node."""
    for issuer in cluster.control_plane[:1]:
        yield from _authority(issuer)
    for node in cluster.nodes:
        yield _there(cluster, node)
        yield _ca(cluster, node)
        yield _renewed(cluster, node)


def ends(node: Node, path: str) -> Remote:
    """Return the look at the end of a certificate; the machine may have no openssl, which is an answer."""
    words = ("openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in", path)
    return Remote(node.name, read(*words, fine=(0, 1, Output.NOT_FOUND)))


def now(node: Node) -> Remote:
    """Return the look at the machine's clock."""
    return Remote(node.name, read("date", "+%s"))


def hours_left(end: Output, clock: Output) -> float | None:
    """Return for how long a certificate is still valid; None if nobody knows."""
    match = _ENDS.search(end.stdout)
    if end.status != 0 or match is None:
        return None
    try:
        until = datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return (until - datetime.fromtimestamp(int(clock.stdout), UTC)).total_seconds() / 3600
    except (ValueError, OverflowError, OSError):
        return None


def _there(cluster: Cluster, node: Node) -> Check:
    paths = (parts.CA, *parts.certificates(node.membership))
    sizes = Remote(node.name, read("stat", "--dereference", "--format=%s %n", *paths, fine=(0, 1)))
    cfssl = answers.curl(node.name, cluster.cfssl_url)

    @understanding
    def judge(output: Output, way: Output) -> Verdict:
        found = [line.partition(" ") for line in output.stdout.splitlines()]
        filled = {path for size, _, path in found if size.strip("0")}
        missing = [path for path in paths if path not in filled]
        if not missing:
            return Ok(f"{len(paths) - 1} and the CA's")
        if not found and "No such file" not in output.stderr:
            raise NotUnderstoodError(said(output))
        names = ", ".join(path.rpartition("/")[2] for path in missing)
        reached = fetched(way)
        why = "" if reached.status else f", and cfssl does not answer it: {reached.why}"
        return Failed(
            f"{len(paths) - 1} certificates and the CA's in {parts.SECRETS}",
            f"{names} missing or empty{why}",
            f"`hybridlab diagnose {node.name}`",
        )

    return Check(
        node_programs.certificates_there(node.name),
        Phase.CLUSTER,
        "its certificates are there",
        (sizes, cfssl),
        judge,
    )


def _ca(cluster: Cluster, node: Node) -> Check:
    issuer = cluster.control_plane[0]
    own = Remote(node.name, read("sha256sum", parts.CA))
    issued = Remote(issuer.name, read("sha256sum", parts.ISSUED_CA))

    @understanding
    def judge(has: Output, wanted: Output) -> Verdict:
        digests = [output.stdout.split(maxsplit=1)[:1] for output in (has, wanted)]
        if any(not digest or len(digest[0]) != 64 for digest in digests):
            raise NotUnderstoodError("sha256sum says no digest")
        if digests[0] == digests[1]:
            return Ok()
        return Failed(
            f"{issuer.name}'s (sha256 {digests[1][0][:12]}…)",
            f"another one (sha256 {digests[0][0][:12]}…)",
            f"it is only fetched where there is none; on {node.name}: `systemctl stop certmgr && rm "
            f"{parts.CA} && systemctl start certmgr`; once there are new certificates, "
            "`systemctl restart kubelet`",
        )

    there = (node_programs.certificates_there(node.name), node_programs.certificates_there(issuer.name))
    return Check(
        same_ca(node.name),
        Phase.CLUSTER,
        f"it trusts the certificate authority of {issuer.name}",
        (own, issued),
        judge,
        tuple(dict.fromkeys(there)),
    )


def _authority(issuer: Node) -> Iterator[Check]:
    """Yield a check of each of the files that cfssl's unit makes once, before its first start (pki.nix)."""
    server, ca = parts.SERVER, parts.ISSUED_CA
    # Its unit makes whichever is not there: 8760 h for cfssl, 43800 h for the CA, which are cfssl's defaults.
    alone = f"nothing renews it; on {issuer.name}: `rm {server} && systemctl restart cfssl` makes a new one"
    both = (
        f"nothing renews it; on {issuer.name}: `rm {ca} {server} && systemctl restart cfssl` makes a new "
        f"one, which no node trusts yet: on each, {issuer.name} first, `systemctl stop certmgr && rm "
        f"{parts.CA} && systemctl start certmgr`, then `systemctl restart kubelet`; last, restart pods that "
        f"talk to the API server: `kubectl rollout restart --namespace=kube-system deployment/coredns`"
    )
    yield _lasts(issuer, server, "cfssl's own certificate", alone)
    yield _lasts(issuer, ca, "the certificate authority's certificate", both)


def _lasts(issuer: Node, path: str, what: str, advice: str) -> Check:
    least = parts.AUTHORITY_WITH_DAYS_LEFT

    def judge(clock: Output, end: Output) -> Verdict:
        if end.status == Output.NOT_FOUND:
            return CouldNotLook("there is no openssl on the machine")
        hours = hours_left(end, clock)
        if hours is None:
            return CouldNotLook(f"when {path} ends is not known: {said(end)}")
        if hours >= least * 24:
            return Ok(f"{hours // 24:.0f} days left")
        found = f"{hours // 24:.0f} days left" if hours > 0 else f"ended {-hours / 24:.0f} days ago"
        return Failed(f"at least {least} days left", found, advice)

    return Check(
        authority_lasts(issuer.name, path),
        Phase.CLUSTER,
        f"{what} is valid for {least} days more",
        (now(issuer), ends(issuer, path)),
        judge,
        # It makes both before it starts.
        (node_programs.active(issuer.name, "cfssl"),),
    )


def _renewed(cluster: Cluster, node: Node) -> Check:
    paths = parts.certificates(node.membership)
    issuer = cluster.control_plane[0]
    of_issuer = {path: ends(issuer, path) for path in (parts.SERVER, parts.ISSUED_CA)}

    def judge(clock: Output, *outputs: Output) -> Verdict:
        of_authority, outputs = outputs[: len(of_issuer)], outputs[len(of_issuer) :]
        left: dict[str, float] = {}
        for path, output in zip(paths, outputs, strict=True):
            if output.status == Output.NOT_FOUND:
                return CouldNotLook("there is no openssl on the machine")
            hours = hours_left(output, clock)
            if hours is None:
                return CouldNotLook(f"when {path} ends is not known: {said(output)}")
            left[path.rpartition("/")[2]] = hours
        late = {name: hours for name, hours in left.items() if hours < parts.RENEWED_WITH_HOURS_LEFT}
        if not late:
            return Ok(f"{min(left.values()):.0f} h left")
        for path, end in zip(of_issuer, of_authority, strict=True):
            of_it = hours_left(end, clock)
            if of_it is not None and of_it <= 0:
                return Skipped(f"nothing is issued: see {authority_lasts(issuer.name, path)}")
        return Failed(
            f"at least {parts.RENEWED_WITH_HOURS_LEFT} h left of each",
            ", ".join(f"{name} {_left(hours)}" for name, hours in late.items()),
            f"certmgr gets new ones 72 h before; {parts.logs(node.name, 'certmgr')} says why not",
        )

    name = node.name
    return Check(
        Key("certificates.renewed", name),
        Phase.CLUSTER,
        f"its certificates are valid for {parts.RENEWED_WITH_HOURS_LEFT} h more",
        (now(node), *of_issuer.values(), *(ends(node, path) for path in paths)),
        judge,
        (
            node_programs.active(name, "certmgr"),
            node_programs.cfssl_reachable(name),
            node_programs.certificates_there(name),
        ),
    )


def _left(hours: float) -> str:
    return f"has {hours:.0f} h left" if hours > 0 else f"ended {-hours:.0f} h ago"

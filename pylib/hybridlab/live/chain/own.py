"""Checks that only the chain has: what lies between those of `verify`, and is nobody's item of a checklist.

Only certificates and what files are is read, never a key.
"""

import re
from datetime import UTC, datetime

from hybridlab.live.checks import parts
from hybridlab.live.checks.answers import said
from hybridlab.live.checks.certificates import hours_left, now
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Verdict
from hybridlab.live.checks.reading import files, stat
from hybridlab.live.probe import Output, read
from hybridlab.model.cluster import Node
from hybridlab.model.node import Guest

_CLIENT = f"{parts.SECRETS}/kubelet-client.pem"
_SUBNET = "/run/flannel/subnet.env"
_FIELD = re.compile(r"^(subject|issuer|notBefore)=(.*)$", re.MULTILINE)
_KEY_ID = re.compile(r"((?:[0-9A-F]{2}:){7,}[0-9A-F]{2})")


def host_ping(guest: Guest) -> Check:
    """Return the check that a guest answers its host: nothing but the bridge is between them."""
    address = guest.leg.address
    probe = read("ping", "-n", "-q", "-c2", "-W2", "--", str(address), fine=(0, 1, 2))

    def judge(output: Output) -> Verdict:
        if output.status == 0:
            return Ok()
        if output.status != 1 and "unreachable" not in output.stderr.lower():
            return CouldNotLook(said(output))
        return Failed(
            f"an answer from {address}",
            "none" if output.status == 1 else said(output),
            f"the guest's console says how far it came: `hybridlab logs {guest.host} microvm@{guest.name}`; "
            f"the bridge: `hybridlab verify --phase network {guest.host}`",
        )

    return Check(
        Key("ping.host", guest.name, str(address)),
        Phase.NETWORK,
        f"{address} answers {guest.host}",
        (Remote(guest.host, probe),),
        judge,
    )


def ca_there(node: Node) -> Check:
    """Return the check that a node has fetched the CA's certificate."""
    return _there(node, Key("ca.there", node.name), parts.CA, "it has the certificate of the CA")


def subnet_there(node: Node) -> Check:
    """Return the check that flannel has told the CNI plugin what the node's network is."""
    return _there(node, Key("flannel.subnet", node.name), _SUBNET, f"flannel has written {_SUBNET}")


def _there(node: Node, key: Key, path: str, title: str) -> Check:
    def judge(output: Output) -> Verdict:
        found = files(output.stdout).get(path)
        if found is None and path not in output.stderr:
            return CouldNotLook(said(output))
        if found is None or not found.size:
            return Failed(path, "it is empty" if found else "it is not there", "")
        return Ok()

    return Check(key, Phase.CLUSTER, title, (Remote(node.name, stat(path)),), judge)


def own_certificate(node: Node) -> Check:
    """Return the check that the kubelet's certificate is of this name, valid now, and of this CA.

    kubelet.nix names the kubelet by its host's name, and pki.nix the certificate system:node:NAME, which is
    what the API server's node authorizer goes by.
    """
    name = f"system:node:{node.name}"

    def judge(clock: Output, certificate: Output, ca: Output) -> Verdict:
        if Output.NOT_FOUND in (certificate.status, ca.status):
            return Ok("there, and with no openssl on the machine nobody can read it")
        fields, of_ca = (dict(_FIELD.findall(output.stdout)) for output in (certificate, ca))
        try:
            begin = datetime.strptime(fields["notBefore"].rstrip("Z"), "%Y-%m-%d %H:%M:%S").replace(
                tzinfo=UTC
            )
            since = (datetime.fromtimestamp(int(clock.stdout), UTC) - begin).total_seconds()
        except (KeyError, ValueError, OverflowError, OSError):
            return CouldNotLook(f"{_CLIENT} can not be read: {said(certificate)}")
        left = hours_left(certificate, clock)
        if left is None or "subject" not in of_ca:
            return CouldNotLook(f"{_CLIENT} or {parts.CA} can not be read: {said(certificate)}")
        if since < 0:
            return Failed("valid now", f"not yet valid, for {-since / 3600:.1f} h", "")
        if left <= 0:
            return Failed("valid now", f"expired {-left:.0f} h ago", "")
        if f"CN={name}" not in fields.get("subject", "").split(","):
            return Failed(name, fields.get("subject", "") or "no subject", "")
        issuers = (fields.get("issuer"), *_key_id(certificate)), (of_ca["subject"], *_key_id(ca))
        if any(one != other for one, other in zip(*issuers, strict=False)):
            return Failed(
                "issued by the CA that is there", f"issued by another one: {fields.get('issuer')}", ""
            )
        return Ok(f"{left:.0f} h left")

    return Check(
        Key("certificate.own", node.name),
        Phase.CLUSTER,
        f"the kubelet's certificate is that of {name}, valid now, and of the CA that is there",
        (
            now(node),
            _shown(node, _CLIENT, "authorityKeyIdentifier"),
            _shown(node, parts.CA, "subjectKeyIdentifier"),
        ),
        judge,
    )


def _shown(node: Node, path: str, extension: str) -> Remote:
    form = ("-nameopt", "RFC2253", "-dateopt", "iso_8601")
    what = ("-subject", "-issuer", "-startdate", "-enddate", "-ext", extension)
    probe = read("openssl", "x509", "-noout", *what, *form, "-in", path, fine=(0, 1, Output.NOT_FOUND))
    return Remote(node.name, probe)


def _key_id(output: Output) -> tuple[str, ...]:
    """Return the key identifier that openssl shows: two CAs of one name differ in it."""
    found = _KEY_ID.search(output.stdout.upper())
    return (found[1],) if found else ()

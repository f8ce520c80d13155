"""Texts of one form in the user's own manifests: addresses, names in the DNS, paths, time zones, fields."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network

from attrs import frozen

from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import EACH, mapping, matching
from hybridlab.model.workload import KubernetesObject
from hybridlab.rules.manifests.field_tables import Fields, Written, written_below, written_fields
from hybridlab.rules.manifests.fields import LABEL, SUBDOMAIN
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import nearest
from hybridlab.spec.scalars import Name
from hybridlab.tables.time_zones import TIME_ZONES

_ANY_BELOW = re.compile(rf"(?=.{{1,253}}$)\*(?:\.{LABEL})+")
# What stands around a name in a URL.
_URL = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*://)?([^/:?#]+)(?::[0-9]+)?(?:[/?#].*)?")
_FIELD_PATHS = (
    *("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName"),
    *("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
)
_KEYED = re.compile(r"metadata\.(?:labels|annotations)\['[^']+'\]")
_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_RESOURCE = re.compile(r"(?:limits|requests)\.(?:cpu|memory|ephemeral-storage|hugepages-.+)")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _is_network(text: str) -> bool:
    try:
        ip_network(text.strip(), strict=False)
    except ValueError:
        return False
    return "/" in text


def _is_host(text: str) -> bool:
    return bool(SUBDOMAIN.fullmatch(text) or _ANY_BELOW.fullmatch(text)) and not _is_address(text)


def _as_name(text: str) -> str:
    found = _URL.fullmatch(text)
    name = found[1].lower() if found else ""
    return f"write {name}" if name != text and _is_host(name) else "write a name in the DNS, like nas.lan"


def _as_network(text: str) -> str:
    if not _is_address(text):
        return "write a network, like 10.0.20.0/24"
    return f"write {text}/{ip_address(text).max_prefixlen} for this one address"


def _as_hostname(text: str) -> str:
    return Name.suggest(text) or "take lower-case letters, digits and '-'"


def _as_zone(text: str) -> str:
    close = nearest(text, sorted(TIME_ZONES))
    return f"did you mean {close}?" if close else "write one like Europe/Lisbon"


def _as_field(text: str) -> str:
    close = nearest(text, _FIELD_PATHS)
    return f"did you mean {close}?" if close else "write one like metadata.name or status.podIP"


def _as_resource(text: str) -> str:
    head, _, tail = text.partition(".")
    close = nearest(tail, _RESOURCES)
    return f"did you mean {head}.{close}?" if close else "write one like limits.memory or requests.cpu"


@frozen
class _Form:
    """What a text has to be: its name, whether it is, and what to do where it is not."""

    name: str
    fits: Callable[[str], object]
    hint: Callable[[str], str]


_ADDRESS = _Form("no IP address", _is_address, lambda _: "write an address, like 10.0.20.11")
_NETWORK = _Form("no network", _is_network, _as_network)
_HOST = _Form("no name in the DNS", _is_host, _as_name)
_EXTERNAL = _Form("no name in the DNS", lambda text: SUBDOMAIN.fullmatch(text.removesuffix(".")), _as_name)
_HOSTNAME = _Form("no name of a host", Name.pattern.fullmatch, _as_hostname)
_PATH = _Form("no absolute path", lambda text: text.startswith("/"), lambda text: f"write /{text}")
_ZONE = _Form("no time zone", TIME_ZONES.__contains__, _as_zone)
_FIELD = _Form(
    "no field that a pod can be told",
    lambda text: text in _FIELD_PATHS or _KEYED.fullmatch(text),
    _as_field,
)
_AMOUNT = _Form("nothing that a container has", _RESOURCE.fullmatch, _as_resource)

_POD: Fields[_Form] = {
    ("hostname",): _HOSTNAME,
    ("hostAliases", EACH, "ip"): _ADDRESS,
    ("dnsConfig", "nameservers", EACH): _ADDRESS,
    ("volumes", EACH, "nfs", "path"): _PATH,
}
_CONTAINER: Fields[_Form] = {
    ("env", EACH, "valueFrom", "fieldRef", "fieldPath"): _FIELD,
    ("env", EACH, "valueFrom", "resourceFieldRef", "resource"): _AMOUNT,
}
_OBJECTS: Mapping[tuple[str, str], Fields[_Form]] = {
    ("", "PersistentVolume"): {("spec", "nfs", "path"): _PATH},
    ("", "Service"): {
        ("spec", "externalIPs", EACH): _ADDRESS,
        ("spec", "loadBalancerSourceRanges", EACH): _NETWORK,
    },
    ("batch", "CronJob"): {("spec", "timeZone"): _ZONE},
    ("networking.k8s.io", "Ingress"): {
        ("spec", "rules", EACH, "host"): _HOST,
        ("spec", "tls", EACH, "hosts", EACH): _HOST,
    },
    ("networking.k8s.io", "NetworkPolicy"): {
        ("spec", "ingress", EACH, "from", EACH, "ipBlock", "cidr"): _NETWORK,
        ("spec", "egress", EACH, "to", EACH, "ipBlock", "cidr"): _NETWORK,
    },
}
_SERVICE = """
        apiVersion: v1
        kind: Service
        metadata: {{name: nas, namespace: default}}
        spec: {{type: ExternalName, externalName: {}}}
"""


@rule(
    "MAN059",
    "text-of-another-form",
    summary="A field in a manifest wants an address, a name, a path or the like, and has another text.",
    rationale="""Where an IP address is meant, no name is looked up; a name stands there without
        `https://` and without a port; the path of an Ingress begins with '/'. The API server refuses the
        object.""",
    source="kubernetes/kubernetes, pkg/apis/core/validation and pkg/apis/networking/validation",
    bad=Example(
        OWN, at=OWN_DOCUMENT / "spec" / "externalName", manifest=_SERVICE.format('"https://nas.lan/"')
    ),
    good=OWN,
    good_manifest=_SERVICE.format("nas.lan"),
)
def text_of_another_form(cluster: Cluster) -> Iterable[Finding]:
    yield from _misformed(written_fields(cluster, _OBJECTS, _POD, _CONTAINER))
    for one in cluster.objects:
        yield from _misformed(_dependent(one))


def _dependent(one: KubernetesObject) -> Iterator[Written[_Form]]:
    """Yield the fields whose form depends on another one."""
    who = str(one)
    match one.group, one.kind:
        case "", "Service" if one.spec.get("type") == "ExternalName":
            yield from written_below(who, one.spec, one.path / "spec", {("externalName",): _EXTERNAL})
        case "networking.k8s.io", "Ingress":
            for value, at in matching(one.data, one.path, ("spec", "rules", EACH, "http", "paths", EACH)):
                if mapping(value).get("pathType") in ("Exact", "Prefix"):
                    yield from written_below(who, value, at, {("path",): _PATH})
        case "discovery.k8s.io", "EndpointSlice" if one.data.get("addressType") in ("IPv4", "IPv6"):
            addresses: Fields[_Form] = {("endpoints", EACH, "addresses", EACH): _ADDRESS}
            yield from written_below(who, one.data, one.path, addresses)


def _misformed(fields: Iterable[Written[_Form]]) -> Iterator[Finding]:
    for one in fields:
        value, form = one.value, one.wanted
        if isinstance(value, str) and value and not form.fits(value):
            yield Finding(
                f"{one.who} has {one.name} {value!r}, which is {form.name}", one.path, form.hint(value)
            )

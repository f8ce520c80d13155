"""What kubectl and curl are asked, and their answers taken apart; what these mean is not known here.

An answer of another shape is no answer: a judge that meets one could not look.
"""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from hybridlab.live.checks.check import CouldNotLook, Remote, Verdict
from hybridlab.live.paths import ADMIN_KUBECONFIG
from hybridlab.live.probe import Output, read
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import items, mapping

_MOST_CHARACTERS = 300

Object = Mapping[str, Any]


class NotUnderstoodError(Exception):
    """An answer has another shape than is known."""


def understanding(judge: Callable[..., Verdict]) -> Callable[..., Verdict]:
    """Return a judge to which an answer that is not understood is no answer."""

    @functools.wraps(judge)
    def judged(*answers: Any) -> Verdict:
        try:
            return judge(*answers)
        except NotUnderstoodError as error:
            return CouldNotLook(str(error))

    return judged


def said(output: Output) -> str:
    """Return what a program said of its failure, as one short line."""
    text = output.stderr.strip() or output.stdout.strip() or f"status {output.status}"
    return shorten(text)


def shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]} …"


# Many checks look at the same few answers; nobody changes what was read.
@functools.lru_cache(maxsize=16)
def parse_json(text: str) -> Any:
    """Raises: NotUnderstoodError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotUnderstoodError(f"this is no JSON: {shorten(text)[:60] or 'nothing'}") from error


def at(data: object, *way: str) -> Any:
    """Return what lies in nested mappings at the end of `way`, None if there is no such thing."""
    for key in way:
        data = mapping(data).get(key)
    return data


def count(data: object, *way: str) -> int:
    """Return the number there; Kubernetes leaves out one that is 0."""
    found = at(data, *way)
    return found if type(found) is int else 0


def text(data: object, *way: str) -> str:
    """Return the text there, empty if there is none."""
    found = at(data, *way)
    return found if isinstance(found, str) else ""


def kubectl(cluster: Cluster, *words: str, fine: tuple[int, ...] = (0,)) -> Remote:
    """Return the look at the cluster as its control plane's own kubectl sees it."""
    probe = read(
        "kubectl", f"--kubeconfig={ADMIN_KUBECONFIG}", "--request-timeout=15s", *words, seconds=25, fine=fine
    )
    return Remote(cluster.control_plane[0].name, probe)


def nodes(cluster: Cluster) -> Remote:
    """Return the look at all nodes."""
    return kubectl(cluster, "get", "nodes", "--output=json")


def pods(cluster: Cluster) -> Remote:
    """Return the look at all pods."""
    return kubectl(cluster, "get", "pods", "--all-namespaces", "--output=json")


def objects(cluster: Cluster) -> Remote:
    """Return the look at all that keeps pods running and makes them reachable."""
    kinds = ("namespaces", "services", "endpointslices", "deployments", "daemonsets", "statefulsets")
    return kubectl(cluster, "get", ",".join(kinds), "--all-namespaces", "--output=json")


def listed(output: Output, kind: str | None = None) -> tuple[Object, ...]:
    """Return the objects in a List of kubectl's, of one kind if it is given. Raises: NotUnderstoodError."""
    data = mapping(parse_json(output.stdout))
    if not isinstance(data.get("items"), list):
        raise NotUnderstoodError(f"this is no list of objects: {shorten(output.stdout)[:60]}")
    found = (mapping(item) for item in items(data["items"]))
    return tuple(item for item in found if kind is None or item.get("kind") == kind)


def find(output: Output, kind: str, namespace: str | None, name: str) -> Object | None:
    """Return the object of this name, None if there is none. Raises: NotUnderstoodError."""
    wanted = (namespace or "", name)
    return next((one for one in listed(output, kind) if (namespace_of(one), name_of(one)) == wanted), None)


def name_of(one: Object) -> str:
    return text(one, "metadata", "name")


def namespace_of(one: Object) -> str:
    return text(one, "metadata", "namespace")


@frozen
class Fetched:
    """What came of a request by curl: the HTTP status (0: no HTTP answer came) with the body, or why not.

    `connected` says whether at least a TCP connection came about.
    """

    status: int
    connected: bool
    body: str
    why: str


def curl(machine: str, url: str, *options: str) -> Remote:
    """Return the look at a URL as a machine sees it; the certificate may be anybody's."""
    words = ("--silent", "--show-error", "--insecure", "--max-time=5", *options)
    # Every exit status of curl's is an answer: it says how far it came (curl(1), EXIT CODES).
    form = "--write-out=\\n%{time_connect} %{http_code}"
    return Remote(machine, read("curl", *words, form, url, fine=range(100)))


def fetched(output: Output) -> Fetched:
    """Raises: NotUnderstoodError."""
    body, _, last = output.stdout.rpartition("\n")
    try:
        connect, status = last.split()
        connected, number = float(connect.replace(",", ".")) > 0, int(status)
    except ValueError as error:
        raise NotUnderstoodError(f"this is no answer of curl: {said(output)}") from error
    why = said(output).partition(") ")[2] or said(output)
    return Fetched(number, connected, body, "" if output.status == 0 else why.lower())

"""Plays kubectl on the control plane, and curl and certificates everywhere.

In the state: `kubectl` has the lists `nodes`, `pods` and `objects` (recorded_cluster.py), `raw`, what lies at
paths of the API, and `error`, what kubectl says instead of any answer (exit status 1). With `real`, the path
of a kubeconfig in the machine's root, the real kubectl answers all but what is in `raw` (`serve` of
recorded_cluster.py sets both). `curl` has by URL, which may be a pattern, `status` and `body`, or curl's exit
status as `exit` with what it says as `stderr`; what is not there refuses the connection.
"""

import fnmatch
import json
from collections.abc import Iterable
from typing import Any

from live.standin.machine import Answer, Exec, Health, Machine
from live.standin.words import parse

REAL = "/opt/kubectl"
_KINDS = {
    "daemonsets": "DaemonSet",
    "deployments": "Deployment",
    "endpointslices": "EndpointSlice",
    "namespaces": "Namespace",
    "node": "Node",
    "nodes": "Node",
    "pods": "Pod",
    "services": "Service",
    "statefulsets": "StatefulSet",
}
_VALUED = ("-o", "--output", "-n", "--namespace", "-l", "--selector")


def kubectl(machine: Machine, words: list[str]) -> Answer | Exec:
    """Play kubectl: `get`, and what a deploy does to nodes."""
    options, rest = parse(words, valued=_VALUED)
    state = machine.state.get("kubectl")
    if state is None:
        return Answer("", "error: stat /etc/kubernetes/cluster-admin.kubeconfig: no such file\n", 1)
    if (error := state.get("error")) is not None:
        return Answer("", f"{error}\n", 1)
    if (path := options.get("--raw")) is not None and path in state["raw"]:
        return Answer(state["raw"][path])
    if (real := state.get("real")) is not None:
        theirs = [word for word in words if not word.startswith("--kubeconfig=")]
        return Exec((REAL, f"--kubeconfig={real}", *theirs))
    if path is not None:
        return Answer("", f"Error from server (NotFound): the server could not find {path}\n", 1)
    match rest:
        case ["get", kinds] if options.get("--output", options.get("-o")) == "json":
            wanted = {_KINDS[kind.partition(".")[0]] for kind in kinds.split(",")}
            return Answer(_list([one for one in _everything(state) if one["kind"] in wanted]))
        case ["get", kind, name]:
            return _get(state, kind, name, options)
        case ["cordon" | "drain" | "uncordon" as verb, name]:
            return _cordon(state, name, verb != "uncordon")
        case ["annotate", "node", name, annotation]:
            return _annotate(state, name, annotation)
    return Answer("", f"error: not played: {' '.join(rest)}\n", 1)


def _everything(state: dict[str, Any]) -> list[Any]:
    return [*state["nodes"], *state["pods"], *state["objects"]]


def _list(found: Iterable[Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [*found], "metadata": {}}) + "\n"


def _get(state: dict[str, Any], kind: str, name: str, options: dict[str, str]) -> Answer:
    """Get one object; a kind is `Kind.version.group` here."""
    short = kind.partition(".")[0]
    namespace = options.get("--namespace", options.get("-n", ""))
    for one in _everything(state):
        place = one["metadata"].get("namespace", "default" if one["kind"] != "Namespace" else "")
        is_it = (one["kind"], one["metadata"]["name"]) == (_KINDS.get(short, short), name)
        if is_it and (not namespace or namespace == place):
            if options.get("--output", options.get("-o")) == "name":
                return Answer(f"{one['kind'].lower()}/{name}\n")
            return Answer(json.dumps(one))
    if "--ignore-not-found" in options:
        return Answer()
    return Answer("", f'Error from server (NotFound): {short.lower()} "{name}" not found\n', 1)


def _node(state: dict[str, Any], name: str) -> Any:
    return next((one for one in state["nodes"] if one["metadata"]["name"] == name), None)


def _cordon(state: dict[str, Any], name: str, unschedulable: bool) -> Answer:
    node = _node(state, name)
    if node is None:
        return Answer("", f'Error from server (NotFound): nodes "{name}" not found\n', 1)
    node["spec"]["unschedulable"] = unschedulable
    return Answer(f"node/{name} {'' if unschedulable else 'un'}cordoned\n")


def _annotate(state: dict[str, Any], name: str, annotation: str) -> Answer:
    node = _node(state, name)
    if node is None:
        return Answer("", f'Error from server (NotFound): nodes "{name}" not found\n', 1)
    key, _, value = annotation.partition("=")
    annotations = node["metadata"].setdefault("annotations", {})
    if annotation.endswith("-"):
        annotations.pop(annotation[:-1], None)
    else:
        annotations[key] = value
    return Answer(f"node/{name} annotated\n")


def curl(machine: Machine, words: list[str]) -> Answer:
    """Play curl(1) with --write-out as hybridlab asks for it."""
    options, [url] = parse(words, valued=())
    answers = machine.state.get("curl", {})
    found = next((answers[pattern] for pattern in answers if fnmatch.fnmatch(url, pattern)), None)
    if found is None:
        port = url.partition("://")[2].partition("/")[0]
        found = {"exit": 7, "stderr": f"Failed to connect to {port} after 0 ms: Couldn't connect to server"}
    exit_status = found.get("exit", 0)
    status = found.get("status", 0)
    body = "" if "--head" in options else found.get("body", "")
    form = options.get("--write-out", "").replace("\\n", "\n")
    form = form.replace("%{time_connect}", "0.000421" if status or found.get("connected") else "0.000000")
    error = f"curl: ({exit_status}) {found.get('stderr', '')}\n" if exit_status else ""
    return Answer(f"{body}{form.replace('%{http_code}', f'{status:03}')}", error, exit_status)


PROGRAMS = {"curl": curl, "kubectl": kubectl}


def healthy(cluster: Any, machine: Any) -> Health:
    """Return what a node has: units, certificates, and ways to the control plane, which has the objects."""
    # They know hybridlab, which machines do not have.
    from hybridlab.live.checks import parts  # noqa: PLC0415
    from live.standin import recorded_cluster as recorded  # noqa: PLC0415
    from live.standin.plays_units import running  # noqa: PLC0415

    member = machine.membership
    if member is None or cluster.kubernetes is None:
        return Health()
    urls: dict[str, Any] = {
        "http://127.0.0.1:10248/healthz": {"status": 200, "body": "ok"},
        f"{cluster.api_url}/readyz": {"status": 401, "body": '{"kind":"Status","code":401}'},
        cluster.cfssl_url: {"status": 404, "body": "404 page not found\n"},
        # NodePorts.
        "http://*:3[0-2][0-9][0-9][0-9]/": {"status": 200, "body": "Ollama is running"},
    }
    state: dict[str, Any] = {
        "curl": urls,
        "units": {f"{unit}.service": running(f"Kubernetes {unit}") for unit in parts.units(member)},
    }
    files: dict[str, str] = {parts.CA: recorded.certificate("ca", hours=43800)}
    files |= {path: recorded.certificate("node") for path in parts.certificates(member)}
    if member.is_control_plane:
        # As long as cfssl makes them: its own for a year, the CA for five.
        files[parts.ISSUED_CA] = recorded.certificate("ca", hours=43800)
        files[parts.SERVER] = recorded.certificate("cfssl", hours=8760)
        state["kubectl"] = {
            "nodes": recorded.nodes(cluster),
            "pods": recorded.pods(cluster),
            "objects": recorded.objects(cluster),
            "raw": recorded.raw(cluster),
        }
    return Health(state, files)

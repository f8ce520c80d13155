"""Checks of the user's own manifests: each object is there, and what keeps pods running has them running.

What may hold something secret is never asked for.
"""

from collections.abc import Iterable, Iterator

from hybridlab.live.checks import answers, parts, programs
from hybridlab.live.checks.answers import Object, count, find, listed, said, text, understanding
from hybridlab.live.checks.check import Check, CouldNotLook, Failed, Key, Ok, Phase, Remote, Skipped, Verdict
from hybridlab.live.checks.pods import Wanted, explain
from hybridlab.live.probe import Output
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import KubernetesObject, Manifests, ServicePort

_DEFAULT = "default"
# Where an object of these says how many pods are to be ready, and where the cluster's does.
_RUNNING = {
    "Deployment": ("spec", "replicas"),
    "StatefulSet": ("spec", "replicas"),
    "DaemonSet": ("status", "desiredNumberScheduled"),
}


def checks(cluster: Cluster) -> Iterator[Check]:
    """Yield the checks of all manifests."""
    seen: set[Key] = set()
    for one in cluster.objects:
        if (key := _key("object.exists", one)) in seen:
            continue  # the rules say so
        seen.add(key)
        yield _exists(cluster, one)
        if one.group == "apps" and one.kind in _RUNNING:
            yield _available(cluster, one)


def behind(workload: Manifests, ports: Iterable[ServicePort]) -> Iterator[Key]:
    """Yield what identifies the checks of the Services of these ports, and of what their pods come from."""
    ports = tuple(ports)
    for one in workload.objects:
        if any(port.title == str(one) for port in ports):
            yield _key("object.exists", one)
        labels = [t.labels for t in workload.templates if t.pods.path == one.name_path]
        selectors = [port.selector for port in ports if port.namespace == one.namespace and port.selector]
        if any(selector.items() <= has.items() for selector in selectors for has in labels):
            yield _key("object.available", one)


def _key(code: str, one: KubernetesObject) -> Key:
    return Key(code, None, _title(one))


def _title(one: KubernetesObject) -> str:
    place = f"{one.namespace}/" if one.namespace else ""
    return f"{one.kind} {place}{one.name}"


def _exists(cluster: Cluster, one: KubernetesObject) -> Check:
    title = f"{_title(one)} is there"
    look = _look(cluster, one)
    if look is None:
        reason = "it is called secret, and nothing of that kind is looked at"
        return Check(_key("object.exists", one), Phase.WORKLOADS, title, (), lambda: Skipped(reason))

    def judge(output: Output) -> Verdict:
        if output.status == 0 and output.stdout.strip():
            return Ok()
        if output.status == 0 or "(NotFound)" in output.stderr:
            return Failed(_title(one), "none", programs.APPLY)
        if (
            "the server doesn't have a resource type" in output.stderr
            or "no matches for kind" in output.stderr
        ):
            definition = f"whatever defines the kind {one.kind} of {one.api_version} has to be applied first"
            return Failed(_title(one), "the API server does not know this kind", definition)
        return CouldNotLook(said(output))

    namespace = [programs.namespace_exists(one.namespace)] if one.namespace else []
    return Check(
        _key("object.exists", one),
        Phase.WORKLOADS,
        title,
        (look,),
        judge,
        (programs.kept(cluster)[0], *namespace),
    )


def _look(cluster: Cluster, one: KubernetesObject) -> Remote | None:
    """Return the look at an object's name alone; None where a probe may not ask for it."""
    group, _, version = one.api_version.rpartition("/")
    kind = f"{one.kind}.{version}.{group}"
    namespace = [f"--namespace={one.namespace}"] if one.namespace else []
    words = ("get", kind, one.name, *namespace, "--ignore-not-found", "--output=name")
    try:
        return answers.kubectl(cluster, *words, fine=(0, 1))
    except ValueError:
        return None


def _available(cluster: Cluster, one: KubernetesObject) -> Check:
    pods = [template.pods for template in cluster.templates if template.pods.path == one.name_path]
    places = tuple(name for found in pods for name in found.nodes)
    way = _RUNNING[one.kind]

    @understanding
    def judge(output: Output, pods: Output, nodes: Output) -> Verdict:
        found: Object | None = find(output, one.kind, one.namespace or _DEFAULT, one.name)
        if found is None:
            return CouldNotLook("it is not there any more")
        wanted = Wanted(count(found, *way), places)
        if count(found, "status", "observedGeneration") < count(found, "metadata", "generation"):
            return Failed(
                "rolled out as it was applied last",
                "the controller manager has not seen that yet",
                f"if it lasts: {parts.logs(cluster.control_plane[0].name, 'kube-controller-manager')}",
            )
        verdict = explain(cluster, found, wanted, listed(pods), listed(nodes))
        if isinstance(verdict, Ok) and wanted.count == 0:
            return Ok(f"none wanted{_why_none(found)}")
        return verdict

    return Check(
        _key("object.available", one),
        Phase.WORKLOADS,
        f"{_title(one)} has all its pods ready",
        (answers.objects(cluster), answers.pods(cluster), answers.nodes(cluster)),
        judge,
        (_key("object.exists", one), *programs.kept(cluster)),
    )


def _why_none(found: Object) -> str:
    return "" if text(found, "kind") != "DaemonSet" else ": no node is as its pods need one"

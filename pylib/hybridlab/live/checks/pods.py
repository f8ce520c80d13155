"""Why pods do not run: what the scheduler, the kubelet and the last container said of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from attrs import frozen

from hybridlab.live.checks import node_object
from hybridlab.live.checks.answers import Object, at, count, name_of, namespace_of, shorten, text
from hybridlab.live.checks.check import Failed, Ok, Skipped, Verdict
from hybridlab.live.checks.node_object import OF_COMING, OF_RUNNING, Judge
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import items, mapping, texts

_OVER = ("Succeeded", "Failed")


def pods_of(owner: Object, pods: Iterable[Object]) -> tuple[Object, ...]:
    """Return the pods that an object's selector finds, without those that are over or on their way out."""
    labels = texts(at(owner, "spec", "selector", "matchLabels"))
    return tuple(
        pod
        for pod in pods
        if labels
        and namespace_of(pod) == namespace_of(owner)
        and labels.items() <= texts(at(pod, "metadata", "labels")).items()
        and text(pod, "status", "phase") not in _OVER
        and at(pod, "metadata", "deletionTimestamp") is None
    )


def is_ready(pod: Object) -> bool:
    return _condition(pod, "Ready").get("status") == "True"


def node_of(pod: Object) -> str | None:
    """Return the node that it was put on."""
    return text(pod, "spec", "nodeName") or None


@frozen
class Wanted:
    """How many pods have to be ready, and the nodes, by name, that may run them.

    `also`: what such a node needs for one to come, beside what it needs for every pod.
    """

    count: int
    places: tuple[str, ...]
    also: tuple[Judge, ...] = ()


def explain(
    cluster: Cluster, owner: Object, wanted: Wanted, pods: Iterable[Object], nodes: Collection[Object]
) -> Verdict:
    """Judge whether enough pods of `owner` are ready, and if not, why; `pods` and `nodes` are all there are.

    They are skipped if it is for a node that they do not run: nodes have checks of their own.
    """
    own = pods_of(owner, pods)
    ready = sum(map(is_ready, own))
    if ready >= wanted.count:
        return Ok(f"{ready} ready")
    waiting = [pod for pod in own if not is_ready(pod)]
    reason = _for_a_node(cluster, waiting, wanted, nodes)
    if reason is not None:
        return Skipped(reason)
    if not waiting:
        failure = next(
            (text(c, "message") for c in _conditions(owner) if text(c, "type") == "ReplicaFailure"), ""
        )
        what = f"{text(owner, 'kind').lower()}/{name_of(owner)}"
        return Failed(
            f"{wanted.count} ready",
            f"{ready}{f': {shorten(failure)}' if failure else ''}",
            f"`kubectl describe --namespace={namespace_of(owner)} {what}`",
        )
    found, advice = trouble(waiting[0])
    return Failed(f"{wanted.count} ready", f"{ready} ready; {found}", advice)


def _for_a_node(
    cluster: Cluster, waiting: Collection[Object], wanted: Wanted, nodes: Collection[Object]
) -> str | None:
    """Return what is wrong with the node of a pod, or with one that a pod could come to."""
    by_name = {node.name: node for node in cluster.nodes}
    for pod in waiting or ({},):
        name = node_of(pod)
        if name is not None:
            reason = node_object.fault(by_name[name], nodes, OF_RUNNING) if name in by_name else None
            if reason is not None:
                return reason
        else:
            for place in wanted.places:
                if reason := node_object.fault(by_name[place], nodes, (*OF_COMING, *wanted.also)):
                    return reason
    return None


def trouble(pod: Object) -> tuple[str, str]:
    """Return why a pod does not run, or is not ready, and what to do."""
    name, place = name_of(pod), f"--namespace={namespace_of(pod)}"
    describe = f"`kubectl describe {place} pod/{name}`"
    if node_of(pod) is None:
        scheduled = _condition(pod, "PodScheduled")
        message = text(scheduled, "message") or "the scheduler has not looked at it"
        return (f"{name} is pending: {shorten(message)}", f"make room for it, or see {describe}")
    for status in _containers(pod):
        waiting, last = mapping(at(status, "state", "waiting")), _ended(status)
        if text(waiting, "reason") == "CrashLoopBackOff" or (last and count(status, "restartCount") > 1):
            times = count(status, "restartCount")
            return (
                f"{name} crashes again and again ({times} restarts): {_end(last)}",
                f"`kubectl logs --previous {place} {name} --container={text(status, 'name')}`",
            )
        if waiting and text(waiting, "reason") not in ("ContainerCreating", "PodInitializing"):
            why = ": ".join(filter(None, (text(waiting, "reason"), text(waiting, "message"))))
            return (f"{name} waits: {shorten(why)}", describe)
        if ended := mapping(at(status, "state", "terminated")):
            return (
                f"{name} has ended: {_end(ended)}",
                f"`kubectl logs {place} {name} --container={text(status, 'name')}`",
            )
    phase = text(pod, "status", "phase") or "in no phase"
    why = text(_condition(pod, "Ready"), "message")
    return (
        f"{name} is {phase} and not ready{f': {shorten(why)}' if why else ''} on {node_of(pod)}",
        describe,
    )


def _end(ended: Mapping[str, object]) -> str:
    if not ended:
        return "it does not say why"
    said = f"exit code {count(ended, 'exitCode')}"
    return ", ".join(filter(None, (text(ended, "reason"), said, shorten(text(ended, "message")))))


def _ended(status: Object) -> Mapping[str, object]:
    return mapping(at(status, "lastState", "terminated"))


def _containers(pod: Object) -> Iterator[Object]:
    for key in ("initContainerStatuses", "containerStatuses"):
        for status in items(at(pod, "status", key)):
            if at(status, "ready") is not True or mapping(at(status, "state", "waiting")):
                yield mapping(status)


def _conditions(one: Object) -> list[Object]:
    return [mapping(condition) for condition in items(at(one, "status", "conditions"))]


def _condition(one: Object, kind: str) -> Object:
    return next((found for found in _conditions(one) if found.get("type") == kind), {})

"""Numbers in the user's own manifests that are less or more than their fields take."""

from collections.abc import Iterable, Mapping

from attrs import frozen

from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import whole
from hybridlab.rules.manifests.field_tables import Fields, written_fields
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule

_MOST_ID = 2**31 - 1
_MOST_MODE = 0o777
_MOST_PRIORITY = 10**9
_DEPLOYMENT = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {{name: page, namespace: default}}
        spec:
          replicas: {}
          selector: {{matchLabels: {{app: page}}}}
          template:
            metadata: {{labels: {{app: page}}}}
            spec: {{containers: [{{name: page, image: "nginx:1.29.1"}}]}}
"""


@frozen
class _Range:
    """The least and the most that a field takes; `most` is None where only its type bounds it."""

    least: int = 0
    most: int | None = None


def _ranges(written: Mapping[str, _Range]) -> Fields[_Range]:
    return {tuple(way.split(".")): span for way, span in written.items()}


def _all(below: str, fields: str, span: _Range | None = None) -> dict[str, _Range]:
    return {f"{below}{field}": span or _Range() for field in fields.split()}


_AFFINITIES = "affinity.{}.preferredDuringSchedulingIgnoredDuringExecution.*.weight"
_MODES = _Range(0, _MOST_MODE)
_IDS = _Range(0, _MOST_ID)
_POD = _ranges(
    {
        "topologySpreadConstraints.*.maxSkew": _Range(1),
        **{_AFFINITIES.format(f"{what}Affinity"): _Range(1, 100) for what in ("node", "pod", "podAnti")},
        **_all("securityContext.", "runAsUser runAsGroup fsGroup", _IDS),
        **_all("volumes.*.", "configMap.items.*.mode secret.items.*.mode", _MODES),
        **_all("volumes.*.", "configMap.defaultMode secret.defaultMode projected.defaultMode", _MODES),
        "volumes.*.downwardAPI.defaultMode": _MODES,
    }
)
_CONTAINER = _ranges(_all("securityContext.", "runAsUser runAsGroup", _IDS))
_JOB = "backoffLimit parallelism completions ttlSecondsAfterFinished activeDeadlineSeconds"
_CRON_JOB = "startingDeadlineSeconds successfulJobsHistoryLimit failedJobsHistoryLimit"
_ROLLED = "replicas minReadySeconds revisionHistoryLimit"
_OBJECTS: Mapping[tuple[str, str], Fields[_Range]] = {
    ("", "Pod"): _ranges({"spec.activeDeadlineSeconds": _Range(1, _MOST_ID)}),
    ("apps", "Deployment"): _ranges(_all("spec.", f"{_ROLLED} progressDeadlineSeconds")),
    ("apps", "ReplicaSet"): _ranges(_all("spec.", "replicas minReadySeconds")),
    ("apps", "StatefulSet"): _ranges(_all("spec.", _ROLLED)),
    ("apps", "DaemonSet"): _ranges(_all("spec.", "minReadySeconds revisionHistoryLimit")),
    ("batch", "Job"): _ranges(_all("spec.", _JOB)),
    ("batch", "CronJob"): _ranges({**_all("spec.", _CRON_JOB), **_all("spec.jobTemplate.spec.", _JOB)}),
    ("autoscaling", "HorizontalPodAutoscaler"): _ranges(_all("spec.", "minReplicas maxReplicas", _Range(1))),
    ("scheduling.k8s.io", "PriorityClass"): _ranges({"value": _Range(-(2**31), _MOST_PRIORITY)}),
}


@rule(
    "MAN058",
    "number-that-can-not-be",
    summary="A number in a manifest is less or more than its field takes.",
    rationale="""There is no Deployment of -1 pods, no user -1, no weight of 0, no permissions above 0777:
        YAML reads `644` as six hundred and forty-four, and only `0644` as the permissions that are meant. The
        API server refuses the object.""",
    source="kubernetes/kubernetes, pkg/apis/*/validation; refusals of an API server of Kubernetes 1.36",
    bad=Example(OWN, at=OWN_DOCUMENT / "spec" / "replicas", manifest=_DEPLOYMENT.format(-1)),
    good=OWN,
    good_manifest=_DEPLOYMENT.format(1),
)
def number_that_can_not_be(cluster: Cluster) -> Iterable[Finding]:
    for one in written_fields(cluster, _OBJECTS, _POD, _CONTAINER):
        number, span = whole(one.value), one.wanted
        if number is None or (span.least <= number and (span.most is None or number <= span.most)):
            continue
        shown = getattr(one.value, "text", str(number))
        yield Finding(f"{one.who} has {one.name} {shown}, which can not be", one.path, _hint(number, span))


def _hint(number: int, span: _Range) -> str:
    if span == _MODES:
        meant = str(number)
        if all(digit in "01234567" for digit in meant) and int(meant, 8) <= _MOST_MODE:
            return f"did you mean 0{meant}? In YAML, {meant} is no octal number"
        return "write permissions up to 0777, beginning with 0"
    if span.most is None:
        return f"write {span.least} or more"
    return f"write {span.least} to {span.most}"

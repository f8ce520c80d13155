"""What pods ask for that are not all there at one time: Jobs end, and suspended ones have not begun."""

import pytest

from patched import report

# The node has 8 GiB, less what its kubelet keeps back; the host is left out so that there is no other.
ONE_NODE = """
hosts: {homelab: {kubernetes: null, gpu: null}}
guests: {k8s-worker-1: {memory: 8GiB}}
workloads:
  amd-gpu-device-plugin: null
  ollama: null
  own: {type: manifests, folder: own}
"""
JOB = """
---
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}, namespace: default}}
spec:
  {more}
  template: {{spec: {{restartPolicy: Never, containers: [
    {{name: a, image: "busybox:1.37.0", resources: {{requests: {{memory: {memory}}}}}}}]}}}}
"""
CRON_JOB = """
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: {name}, namespace: default}}
spec:
  schedule: "0 2 * * *"
  {more}
  jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, containers: [
    {{name: a, image: "busybox:1.37.0", resources: {{requests: {{memory: {memory}}}}}}}]}}}}}}}}
"""
POD = """
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: default}}
spec:
  {more}
  containers: [{{name: a, image: "busybox:1.37.0", resources: {{requests: {{memory: {memory}}}}}}}]
"""


def made(form: str, name: str, memory: str, more: str = "") -> str:
    return form.format(name=name, memory=memory, more=more)


def found(*manifests: str) -> list[str]:
    return [one.code for one in report(ONE_NODE, manifest="".join(manifests))]


@pytest.mark.parametrize("form", [JOB, CRON_JOB])
def test_what_ends_makes_room_for_another(form: str) -> None:
    assert found(made(form, "first", "5Gi"), made(form, "second", "5Gi")) == []
    assert found(made(form, "first", "5Gi"), made(POD, "app", "2Gi")) == []


@pytest.mark.parametrize("form", [JOB, CRON_JOB])
def test_what_ends_must_fit_beside_what_stays(form: str) -> None:
    stays = made(POD, "app", "4Gi")
    assert found(stays, made(form, "small", "1Gi"), made(form, "large", "5Gi")) == ["CAP007"]
    assert found(stays, made(form, "small", "1Gi"), made(form, "middle", "3Gi")) == []


def test_only_those_are_named_that_are_there_together() -> None:
    stays = made(POD, "app", "4Gi")
    ends = (made(JOB, "small", "1Gi"), made(JOB, "large", "5Gi"), made(JOB, "asleep", "6Gi", "suspend: true"))
    [one] = report(ONE_NODE, manifest="".join((stays, *ends)))
    assert one.message.startswith("the Job 'large' of workload 'own' and the Pod 'app' of workload 'own'")
    assert "ask for 9GiB of memory" in one.message


@pytest.mark.parametrize("more", ["parallelism: 8", "parallelism: 8\n  completions: 8"])
def test_a_job_may_run_one_pod_after_the_other(more: str) -> None:
    assert found(made(JOB, "many", "3Gi", more), made(POD, "app", "4Gi")) == []


@pytest.mark.parametrize(
    "asleep",
    [
        made(JOB, "asleep", "7Gi", "suspend: true"),
        made(JOB, "asleep", "7Gi", "parallelism: 0"),
        made(CRON_JOB, "asleep", "7Gi", "suspend: true"),
    ],
)
def test_what_has_not_begun_asks_for_nothing(asleep: str) -> None:
    stays = made(POD, "app", "4Gi")
    assert found(stays, asleep) == []
    assert found(stays, asleep.replace("suspend: true", "suspend: false").replace("m: 0", "m: 1")) == [
        "CAP007"
    ]


@pytest.mark.parametrize(("policy", "codes"), [("Never", []), ("OnFailure", []), ("Always", ["CAP007"])])
def test_a_pod_ends_unless_it_is_started_again(policy: str, codes: list[str]) -> None:
    more = f"restartPolicy: {policy}"
    assert found(made(POD, "first", "5Gi", more), made(POD, "second", "5Gi", more)) == codes


def test_a_pod_that_is_too_large_for_its_node_is_so_whenever_it_runs() -> None:
    assert found(made(JOB, "asleep", "9Gi", "suspend: true")) == ["CAP006"]

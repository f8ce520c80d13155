"""Words, texts, amounts, labels and schedules in manifests: each as the API server takes or refuses it."""

import pytest

from own_manifests import OWN, container, found, pod, several
from patched import report

DEPLOYMENT = """
apiVersion: apps/v1
kind: {kind}
metadata: {{name: app, namespace: default}}
spec:
  {more}
  selector: {{matchLabels: {{app: app}}}}
  template:
    metadata: {{labels: {{app: app}}}}
    spec: {{{restart}containers: [{{name: app, image: "nginx:1.29.1"}}]}}
"""
JOB = """
apiVersion: batch/v1
kind: {}
metadata: {{name: app, namespace: default}}
spec: {{{}template: {{spec: {{{}containers: [{{name: app, image: "nginx:1.29.1"}}]}}}}{}}}
"""


def controller(kind: str = "Deployment", more: str = "", restart: str = "") -> str:
    return DEPLOYMENT.format(kind=kind, more=more, restart=restart)


def job(restart: str) -> str:
    return JOB.format("Job", "", restart, "")


def cron_job(schedule: str) -> str:
    return JOB.format(
        "CronJob", f"schedule: '{schedule}', jobTemplate: {{spec: {{", "restartPolicy: Never, ", "}}"
    )


def service(spec: str) -> str:
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: app, namespace: default}}\nspec: {spec}\n"


CONTAINER = "0.spec.containers.0"
CHOICES = {
    "a job without a policy": (job(""), ["0.spec.template.spec"]),
    "a job that restarts always": (job("restartPolicy: Always, "), ["0.spec.template.spec.restartPolicy"]),
    "a job that does not": (job("restartPolicy: Never, "), []),
    "a Deployment that never restarts": (
        controller(restart="restartPolicy: Never, "),
        ["0.spec.template.spec.restartPolicy"],
    ),
    "a Deployment that says what it is": (controller(restart="restartPolicy: Always, "), []),
    "a pod's word for it": (container(spec="restartPolicy: Sometimes"), ["0.spec.restartPolicy"]),
    "a pod that ends": (container(spec="restartPolicy: OnFailure"), []),
    "a protocol in small letters": (
        container("ports: [{containerPort: 53, protocol: udp}]"),
        [f"{CONTAINER}.ports.0.protocol"],
    ),
    "SCTP": (container("ports: [{containerPort: 53, protocol: SCTP}]"), []),
    "a policy to pull that is none": (
        container("imagePullPolicy: ifNotPresent"),
        [f"{CONTAINER}.imagePullPolicy"],
    ),
    "no word at all": (container("imagePullPolicy: ''"), []),
    "a strategy that is none": (controller(more="strategy: {type: Rolling}"), ["0.spec.strategy.type"]),
    "a DaemonSet is updated in another way": (
        controller("DaemonSet", more="updateStrategy: {type: Recreate}"),
        ["0.spec.updateStrategy.type"],
    ),
    "an operator in small letters": (
        controller(more="").replace(
            "matchLabels: {app: app}", "matchExpressions: [{key: app, operator: in, values: [app]}]"
        ),
        ["0.spec.selector.matchExpressions.0.operator"],
    ),
    "a type of hostPath": (
        container(spec="volumes: [{name: a, hostPath: {path: /srv/a, type: Dir}}]"),
        ["0.spec.volumes.0.hostPath.type"],
    ),
}


@pytest.mark.parametrize("case", CHOICES)
def test_a_word_is_one_of_those_that_the_field_takes(case: str) -> None:
    manifest, places = CHOICES[case]
    assert found(manifest) == [("MAN021", place) for place in places]


def config(data: str) -> str:
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: default}}\ndata: {{X: {data}}}\n"
    )


@pytest.mark.parametrize(
    "value", ["1", "1.5", "true", "yes", "off", "017", "0x1F", "1_000", "1e3", "{a: b}", "[a]"]
)
def test_what_yaml_does_not_read_as_text_is_refused_where_text_is_meant(value: str) -> None:
    assert found(config(value)) == [("MAN022", "0.data.X")]


@pytest.mark.parametrize(
    "value", ["'1'", '"yes"', "12:30", "2026-01-01", "1.2.3", "~", "null", "''", "text", "v1"]
)
def test_text_is_what_kubernetes_readers_take_for_it(value: str) -> None:
    assert found(config(value)) == []


@pytest.mark.parametrize(
    ("manifest", "place"),
    [
        (container("args: [--port, 80]"), f"{CONTAINER}.args.1"),
        (container("command: [sleep, 1]"), f"{CONTAINER}.command.1"),
        (container("env: [{name: X, value: on}]"), f"{CONTAINER}.env.0.value"),
        (container().replace("{app: app}", "{app: app, web: yes}"), "0.metadata.labels.web"),
        (
            container().replace("labels: {app: app}", "annotations: {scrape: true}"),
            "0.metadata.annotations.scrape",
        ),
        (container(spec="nodeSelector: {gpu: 1}"), "0.spec.nodeSelector.gpu"),
    ],
)
def test_so_it_is_wherever_text_stands(manifest: str, place: str) -> None:
    assert ("MAN022", place) in found(manifest)


def resources(text: str) -> str:
    return container(f"resources: {text}")


LIMITS = f"{CONTAINER}.resources.limits"


@pytest.mark.parametrize(
    "amount", ["500Mb", "'1,5'", "'2 Gi'", "1GB", "1gi", "''", "10%", "1e3Mi", "-1", "true", "-1Gi"]
)
def test_an_amount_that_is_none(amount: str) -> None:
    assert found(resources(f"{{limits: {{cpu: {amount}}}}}")) == [("MAN023", f"{LIMITS}.cpu")]


@pytest.mark.parametrize(
    "amount", ["500m", "1", "1.5", ".5", "5.", "+1", "0", "1e0", "null", "0x1", "1_0", "0.1n"]
)
def test_an_amount(amount: str) -> None:
    assert found(resources(f"{{limits: {{cpu: {amount}}}}}")) == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("500Mb", "500M"),
        ("1,5", "1.5"),
        ("2 Gi", "2Gi"),
        ("512MiB", "512Mi"),
        ("1gi", "1Gi"),
        ("-5Mi", "5Mi"),
    ],
)
def test_what_may_have_been_meant_is_said(written: str, meant: str) -> None:
    [one] = report(OWN, manifest=resources(f"{{limits: {{memory: '{written}'}}}}"))
    assert one.hint == f"did you mean {meant}?"


AMOUNTS = {
    "of a folder in memory": (
        container(spec="volumes: [{name: a, emptyDir: {sizeLimit: 5GB}}]"),
        [("MAN023", "0.spec.volumes.0.emptyDir.sizeLimit")],
    ),
    "half a byte": (resources("{limits: {memory: 512m}}"), [("MAN025", f"{LIMITS}.memory")]),
    "half a byte as a fraction": (resources("{limits: {memory: 0.5}}"), [("MAN025", f"{LIMITS}.memory")]),
    "one byte": (resources("{limits: {memory: 1}}"), []),
    "half a processor": (resources("{limits: {cpu: 512m}}"), []),
    "more than allowed": (
        resources("{requests: {memory: 2Gi, cpu: 1}, limits: {memory: 1Gi, cpu: 1}}"),
        [("MAN024", f"{CONTAINER}.resources.requests.memory")],
    ),
    "as much as allowed": (resources("{requests: {memory: 1024Mi}, limits: {memory: 1Gi}}"), []),
    "without a limit": (resources("{requests: {memory: 1Gi}}"), []),
    "a device of nobody": (
        resources("{limits: {nvidia.com/gpu: 1}}"),
        [("MAN026", f"{LIMITS}.nvidia.com/gpu")],
    ),
    "none of a device of nobody": (resources("{limits: {nvidia.com/gpu: 0}}"), []),
    "half a device of nobody: once": (
        resources("{limits: {nvidia.com/gpu: 500m}}"),
        [("MAN018", f"{LIMITS}.nvidia.com/gpu")],
    ),
    "a device without a limit": (
        resources("{requests: {example.com/dongle: 1}}"),
        [("MAN018", f"{CONTAINER}.resources.requests.example.com/dongle")],
    ),
    "a device without a domain": (resources("{limits: {gpu: 1}}"), [("MAN026", f"{LIMITS}.gpu")]),
    "memory in capitals": (resources("{limits: {Memory: 1Gi}}"), [("MAN026", f"{LIMITS}.Memory")]),
    "large pages": (resources("{limits: {hugepages-2Mi: 4Mi, memory: 1Gi}}"), []),
    "of Kubernetes' own": (resources("{limits: {kubernetes.io/batteries: 1}}"), []),
}


@pytest.mark.parametrize("case", AMOUNTS)
def test_amounts(case: str) -> None:
    manifest, expected = AMOUNTS[case]
    assert found(manifest) == expected


def test_a_device_that_somebody_may_offer_is_not_missed() -> None:
    wanted = resources("{limits: {nvidia.com/gpu: 1}}")
    plugin = controller("DaemonSet").replace(
        'image: "nginx:1.29.1"}]',
        'image: "nginx:1.29.1"}], volumes: [{name: p, hostPath: {path: /var/lib/kubelet/device-plugins}}]',
    )
    assert found(several(wanted, plugin)) == []
    # An operator with a custom resource.
    definition = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clusterpolicies.nvidia.com}
spec: {group: nvidia.com, names: {kind: ClusterPolicy, plural: clusterpolicies}, scope: Cluster}
"""
    policy = "\napiVersion: nvidia.com/v1\nkind: ClusterPolicy\nmetadata: {name: all}\n"
    assert found(several(wanted, definition, policy)) == []


def labelled(metadata: str, kind: str = "ConfigMap") -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: a, namespace: default, {metadata}}}\n"


@pytest.mark.parametrize("value", ["b c", "b@c", "http://x", "b-", "-b", "x" * 64])
def test_values_of_labels_that_are_none(value: str) -> None:
    assert found(labelled(f"labels: {{a: '{value}'}}")) == [("MAN029", "0.metadata.labels.a")]
    assert found(labelled(f"annotations: {{a: '{value}'}}")) == []


@pytest.mark.parametrize("key", ["a b", "a/b/c", "Example.com/b", "/b", "a/", "é", "x" * 64])
def test_keys_of_labels_that_are_none(key: str) -> None:
    assert found(labelled(f"labels: {{'{key}': x}}")) == [("MAN029", f"0.metadata.labels.{key}")]


@pytest.mark.parametrize("key", ["a", "example.com/B", "x" * 63, "a_b.c-d", "0"])
def test_keys_of_labels(key: str) -> None:
    assert found(labelled(f"labels: {{'{key}': '{'x' * 63}', empty: ''}}")) == []


def test_an_annotation_s_domain_may_be_in_capitals_and_its_key_has_no_blank() -> None:
    assert found(labelled("annotations: {Example.com/b: x}")) == []
    assert found(labelled("annotations: {'a b': x}")) == [("MAN029", "0.metadata.annotations.a b")]


def test_labels_are_looked_at_wherever_they_select() -> None:
    assert ("MAN029", "0.spec.selector.app") in found(
        service("{selector: {app: 'a b'}, ports: [{port: 80}]}")
    )
    policy = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: a, namespace: default}
spec: {minAvailable: 0, selector: {matchLabels: {'a b': c}}}
"""
    assert ("MAN029", "0.spec.selector.matchLabels.a b") in found(policy)


def test_what_only_looks_like_labels_is_none() -> None:
    definition = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  names: {kind: Thing, plural: things}
  scope: Cluster
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        properties:
          labels: {type: object, description: "of a thing, and more", additionalProperties: {type: string}}
"""
    assert found(definition) == []
    assert found(config("'labels: {a: b c}'")) == []


@pytest.mark.parametrize("key", ["a/b", "a b", "..", "..a"])
def test_keys_of_a_config_map_are_names_of_files(key: str) -> None:
    assert found(config("x").replace("X", f"'{key}'")) == [("MAN029", f"0.data.{key}")]


@pytest.mark.parametrize("key", ["a.b", ".a", "A_b-c"])
def test_names_of_files(key: str) -> None:
    assert found(config("x").replace("X", f"'{key}'")) == []


SELECTORS = {
    "empty": ("{}", [("MAN030", "0.spec.selector")]),
    "no labels": ("{matchLabels: {}}", [("MAN030", "0.spec.selector")]),
    "a condition": ("{matchExpressions: [{key: app, operator: In, values: [app, other]}]}", []),
    "a condition that its pods do not meet": (
        "{matchExpressions: [{key: app, operator: NotIn, values: [app]}]}",
        [("MAN013", "0.spec.selector")],
    ),
    "a label that must not be there": (
        "{matchLabels: {app: app}, matchExpressions: [{key: app, operator: DoesNotExist}]}",
        [("MAN013", "0.spec.selector")],
    ),
}


@pytest.mark.parametrize("case", SELECTORS)
def test_selectors(case: str) -> None:
    selector, expected = SELECTORS[case]
    assert found(controller().replace("{matchLabels: {app: app}}", selector)) == expected


def test_no_selector_at_all_is_told_at_the_spec() -> None:
    assert found(controller().replace("  selector: {matchLabels: {app: app}}\n", "")) == [
        ("MAN030", "0.spec")
    ]


def test_two_that_select_the_same_pods() -> None:
    other = controller("StatefulSet").replace("name: app, namespace", "name: other, namespace")
    assert found(several(controller(), other)) == [("MAN052", "1.spec.selector")]
    elsewhere = other.replace("namespace: default", "namespace: kube-system")
    assert found(several(controller(), elsewhere)) == []
    assert found(several(controller(), other.replace("app: app", "app: other"))) == []


BAD_SCHEDULES = (
    "30 25 * * *", "0 0 * * 7", "@fortnightly", "TZ=UTC 0 0 * * *", "* * * *", "0 0 0 * * *", "60 * * * *",
    "0 0 0 * *", "0 0 1 13 *", "0-70 * * * *", "5-1 * * * *", "*/0 * * * *", "1,2,x * * * *", "0 0 L * *",
    "0 0 * * FRI#2", "@Daily", "@hourly x", "@every", "@every x", "H 3 * * *", "@reboot",
    "1-2-3 * * * *", "*/x * * * *",
)  # fmt: skip
GOOD_SCHEDULES = (
    "*/5 * * * *", "0 0 * * SUN", "0 0 ? * mon-fri", "@daily", "@every 1h", "@every 1h30m", "0 0 31 2 *",
    "0  3 * * *", " 0 3 * * *", "0 0 * JAN *", "0/15 * * * *", "*/90 * * * *", "59 23 31 12 6",
    "0 0 1,15 * 1-5",
)  # fmt: skip


@pytest.mark.parametrize("schedule", BAD_SCHEDULES)
def test_schedules_that_are_none(schedule: str) -> None:
    assert found(cron_job(schedule)) == [("MAN051", "0.spec.schedule")]


@pytest.mark.parametrize("schedule", GOOD_SCHEDULES)
def test_schedules(schedule: str) -> None:
    assert found(cron_job(schedule)) == []


def test_a_cron_job_has_a_short_name() -> None:
    long = cron_job("@daily").replace("name: app, namespace", f"name: {'a' * 53}, namespace")
    assert found(long) == [("MAN016", "0.metadata.name")]
    assert found(long.replace("a" * 53, "a" * 52)) == []


def test_some_kinds_are_not_called_like_a_host() -> None:
    address = """
apiVersion: networking.k8s.io/v1
kind: IPAddress
metadata: {name: "fd00:96::1"}
spec: {parentRef: {resource: services, namespace: default, name: app}}
"""
    assert found(address) == []
    assert found(pod("{}").replace("name: app,", "name: 'fd00:96::1',")) == [("MAN016", "0.metadata.name")]

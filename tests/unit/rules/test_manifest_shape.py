"""Fields of the user's manifests against the table of them: what is told, in which words, and once.

What a real API server says of the same is in tests/kubernetes/test_own_rules.py.
"""

import pytest

from hybridlab.tables.fields import MINOR, knows
from own_manifests import OWN, container, found, in_default
from patched import report


def told(manifest: str) -> list[tuple[str, str | None]]:
    return [(one.message.partition(" has ")[2], one.hint) for one in report(OWN, manifest=manifest)]


def deployment(fields: str, pods: str = "") -> str:
    pod = f"{{{pods}containers: [{{name: a, image: 'nginx:1.29.1'}}]}}"
    template = f"{{metadata: {{labels: {{a: b}}}}, spec: {pod}}}"
    spec = f"spec: {{selector: {{matchLabels: {{a: b}}}}, {fields} template: {template}}}"
    return in_default("apps/v1", "Deployment", "a", spec)


UNKNOWN = ", which Kubernetes does not have"


@pytest.mark.parametrize(
    ("manifest", "field", "hint"),
    [
        (container("livenesProbe: {}"), "spec.containers.0.livenesProbe", "did you mean 'livenessProbe'?"),
        (
            container("IMAGEPULLPOLICY: Never"),
            "spec.containers.0.IMAGEPULLPOLICY",
            "did you mean 'imagePullPolicy'?",
        ),
        (
            container("resources: {memory: 1Gi}"),
            "spec.containers.0.resources.memory",
            "the fields here are claims, limits and requests",
        ),
        (
            container(spec="xyz: 1"),
            "spec.xyz",
            "`kubectl explain pod.spec` lists the fields that there are",
        ),
        (
            container("securityContext: {sysctls: []}"),
            "spec.containers.0.securityContext.sysctls",
            "`kubectl explain pod.spec.containers.securityContext` lists the fields that there are",
        ),
        (
            deployment("", "replicas: 2, "),
            "spec.template.spec.replicas",
            "it belongs further out: indent it less",
        ),
        (
            in_default("v1", "ConfigMap", "a", "data: {}", "namespace: default, immutable: true"),
            "metadata.immutable",
            "it belongs further out: indent it less",
        ),
    ],
)
def test_a_field_that_is_not_there(manifest: str, field: str, hint: str) -> None:
    assert told(manifest) == [(f"a field {field!r}{UNKNOWN}", hint)]


def test_what_stands_beside_spec_belongs_into_it() -> None:
    manifest = in_default("v1", "Service", "a", "spec:\nexternalName: nas.lan\ntype: ExternalName")
    assert (f"a field 'externalName'{UNKNOWN}", "it belongs into 'spec': indent it below that") in told(
        manifest
    )


@pytest.mark.parametrize(
    ("manifest", "message", "hint"),
    [
        (
            container("command: cat x"),
            "the text 'cat x' as 'C.command', where a list",
            "write a list: [cat, x]",
        ),
        (
            container("args: echo 'a b'"),
            "the text \"echo 'a b'\" as 'C.args', where a list",
            "write a list: […]",
        ),
        (
            container("args: {a: b}"),
            "a mapping as 'C.args', where a list",
            "write '- ' before each of its items",
        ),
        (
            container("securityContext: {runAsUser: '1000'}"),
            "the text '1000' as 'C.securityContext.runAsUser', where a whole number",
            "write it without quotes: 1000",
        ),
        (
            container(spec="terminationGracePeriodSeconds: 30s"),
            "the text '30s' as 'spec.terminationGracePeriodSeconds', where a whole number",
            "write the number alone: 30",
        ),
        (
            container(spec="terminationGracePeriodSeconds: 99999999999999999999"),
            "99999999999999999999 as 'spec.terminationGracePeriodSeconds', where a whole number",
            "write a number below 9223372036854775808",
        ),
        (
            container(spec="terminationGracePeriodSeconds: 1.5"),
            "1.5 as 'spec.terminationGracePeriodSeconds', where a whole number",
            "write a whole number",
        ),
        (
            container("tty: 'True'"),
            "the text 'True' as 'C.tty', where true or false",
            "write it without quotes: true",
        ),
        (
            container("tty: off"),
            "off as 'C.tty', where true or false",
            "write false: not all readers take off for it",
        ),
        (container("workingDir: 5"), "5 as 'C.workingDir', where text", 'write it in quotes: "5"'),
        (container("workingDir: {a: b}"), "a mapping as 'C.workingDir', where text", None),
        (
            deployment("strategy: Recreate,"),
            "the text 'Recreate' as 'spec.strategy', where a mapping",
            "it has fields like rollingUpdate and type",
        ),
        (
            container(spec="imagePullSecrets: [registry]"),
            "the text 'registry' as 'spec.imagePullSecrets.0', where a mapping",
            "it has the field name",
        ),
        (
            in_default("v1", "ConfigMap", "a", "data: [a]"),
            "a list as 'data', where a mapping",
            "write NAME: VALUE for each",
        ),
    ],
)
def test_a_value_of_another_type(manifest: str, message: str, hint: str | None) -> None:
    assert told(manifest) == [(f"{message} is meant".replace("C.", "spec.containers.0."), hint)]


@pytest.mark.parametrize(
    "fields",
    [
        "tty: null",
        "resources: {limits: {cpu: 1.5, memory: 1Gi}}",
        "livenessProbe: {httpGet: {port: 80.0}}",
        "env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]",
    ],
)
def test_what_has_the_right_shape(fields: str) -> None:
    assert found(container(fields)) == []


def test_rules_that_know_the_field_say_it_better_and_alone() -> None:
    assert found(container("env: [{name: A, value: 4}]")) == [("MAN022", "0.spec.containers.0.env.0.value")]


def test_nothing_is_said_of_what_is_inside_a_value_of_the_wrong_shape() -> None:
    assert found(container("ports: {a: {containerPort: 0}}")) == [("MAN057", "0.spec.containers.0.ports")]


def test_values_of_secrets_are_not_told() -> None:
    manifest = in_default("v1", "Secret", "a", "stringData: {pin: 123456}\ntype: [hunter2]")
    for message, hint in told(manifest):
        assert "123456" not in f"{message} {hint}"
        assert "hunter2" not in f"{message} {hint}"


def test_of_a_kind_that_nobody_knows_nothing_is_said() -> None:
    assert "MAN056" not in dict(
        found("\napiVersion: example.org/v1\nkind: Lamp\nmetadata: {name: a}\nlight: on\n")
    )


def test_a_later_kubernetes_may_have_more_fields() -> None:
    assert [minor for minor in ("1.9", "1.34", MINOR, "1.37", "2.0") if knows(minor)] == [
        "1.9",
        "1.34",
        MINOR,
    ]

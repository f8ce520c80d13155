"""The rules on manifests of the user's own against a real API server: what it refuses, and what it takes.

Each rule's own examples, and then many fragments of a pod, a Service, a claim and more: where the server
refuses one, a rule says so as an error, and where it takes one, none does.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hybridlab.diagnostic import Severity
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.rule import Rule
from kubernetes.control_plane import Api, RefusedError
from kustomize_cases import NO_TEXT, REFUSED, TAKEN, TEXT, key_of
from own_manifests import OWN, container, found, in_default, pod
from patched import report
from programs import need_program

# Errors that the server takes; what happens then is in the rule's rationale.
DEAD = frozenset({"MAN020", "MAN026", "MAN032", "MAN042", "MAN043", "MAN046"})
# What it refuses only until another object is there: an account, or what defines a kind.
OF_OTHERS = frozenset({"MAN037", "MAN039", "MAN054"})
PLURALS = {
    "Ingress": "ingresses",
    "IngressClass": "ingressclasses",
    "NetworkPolicy": "networkpolicies",
    "PriorityClass": "priorityclasses",
}
CLUSTER_WIDE = (
    *("Namespace", "PersistentVolume", "IngressClass", "IPAddress", "CustomResourceDefinition"),
    "PriorityClass",
)


def path_of(one: dict[str, Any]) -> str:
    kind, version, name = one["kind"], one["apiVersion"], one["metadata"]["name"]
    group = f"/apis/{version}" if "/" in version else f"/api/{version}"
    space = one["metadata"].get("namespace", "default")
    place = "" if kind in CLUSTER_WIDE else f"/namespaces/{space}"
    return f"{group}{place}/{PLURALS.get(kind, kind.lower() + 's')}/{name}"


def refusal(api: Api, manifest: str) -> str | None:
    """Return what the server says of the first object that it does not take, trying them one by one."""
    for one in yaml.safe_load_all(manifest):
        query = "?fieldManager=test&fieldValidation=Strict&force=true&dryRun=All"
        try:
            api.request("PATCH", path_of(one) + query, one, "application/apply-patch+yaml")
        except RefusedError as error:
            return error.message
    return None


@pytest.fixture(scope="module")
def server(api: Api) -> Iterator[Api]:
    """The server with what its controllers would have made."""
    for space in ("default", "ollama"):
        with contextlib.suppress(RefusedError):
            api.request("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        with contextlib.suppress(RefusedError):
            api.request("POST", f"/api/v1/namespaces/{space}/serviceaccounts", account)
    yield api


examples = pytest.mark.parametrize(
    "rule",
    [
        rule
        for rule in ALL_RULES
        if rule.code.startswith("MAN")
        and rule.code not in OF_OTHERS
        and rule.good_manifest
        and rule.code > "MAN015"
    ],
    ids=lambda rule: rule.code,
)


@examples
def test_of_a_rule_s_examples_the_server_takes_the_good_one(server: Api, rule: Rule) -> None:
    assert rule.good_manifest is not None
    assert refusal(server, rule.good_manifest) is None


@examples
def test_and_refuses_the_bad_one_unless_it_is_known_to_take_it(server: Api, rule: Rule) -> None:
    assert rule.bad.manifest is not None
    refused = refusal(server, rule.bad.manifest) is not None
    assert refused == (rule.severity is Severity.ERROR and rule.code not in DEAD)


def test_an_account_and_a_priority_have_to_be_there_first(server: Api) -> None:
    for field in ("serviceAccountName", "priorityClassName", "runtimeClassName"):
        manifest = container(spec=f"{field}: gone")
        assert refusal(server, manifest) is not None
        assert found(manifest) == [("MAN039", f"0.spec.{field}")]


def resources(text: str) -> str:
    return container(f"resources: {text}")


def limits(amounts: list[str]) -> list[str]:
    return [resources(f"{{limits: {{cpu: {amount}}}}}") for amount in amounts]


def service(spec: str) -> str:
    return in_default("v1", "Service", "a", f"spec: {spec}")


def ports(text: str) -> str:
    return service(f"{{selector: {{a: b}}, ports: [{text}]}}")


def probe(text: str) -> str:
    return container(f"livenessProbe: {text}")


def volumes(text: str, mounts: str = "") -> str:
    return container(f"volumeMounts: [{mounts}]" if mounts else "", f"volumes: [{text}]")


def claim(spec: str) -> str:
    return in_default("v1", "PersistentVolumeClaim", "a", f"spec: {spec}")


def config(metadata: str = "labels: {}", data: str = "{}") -> str:
    return in_default("v1", "ConfigMap", "a", f"data: {data}", f"namespace: default, {metadata}")


def cron_job(schedule: str, name: str = "a") -> str:
    template = "{spec: {restartPolicy: Never, containers: [{name: a, image: 'a:1'}]}}"
    spec = f"spec: {{schedule: '{schedule}', jobTemplate: {{spec: {{template: {template}}}}}}}"
    return in_default("batch/v1", "CronJob", name, spec)


def controller(kind: str, selector: str, restart: str = "") -> str:
    template = (
        f"{{metadata: {{labels: {{a: b}}}}, spec: {{{restart}containers: [{{name: a, image: 'a:1'}}]}}}}"
    )
    return in_default("apps/v1", kind, "a", f"spec: {{{selector}template: {template}}}")


SELECTOR = "selector: {matchLabels: {a: b}}, "
EMPTY = "{name: v, emptyDir: {}}"
SHAPES = (
    *map(
        container,
        [
            "livenesProbe: {tcpSocket: {port: 80}}",
            "restartpolicy: Always",
            "resources: {memory: 512Mi}",
            "command: cat x",
            "command: [sleep, 5]",
            "lifecycle: {preStop: [sleep, '5']}",
            "lifecycle: {preStop: {exec: {command: cat x}}}",
            "env: {TZ: UTC}",
            "env: [{name: 4, value: '4'}]",
            "ports: {containerPort: 80}",
            "ports: [{containerPort: '80'}]",
            "ports: [{containerPort: 80.0}]",
            "ports: [{containerPort: 80.5}]",
            "ports: [null]",
            "tty: 'true'",
            "tty: true",
            "tty: null",
            "tty: 1",
            "stdin: {}",
            "workingDir: 5",
            "securityContext: {runAsUser: '1000'}",
            "securityContext: {runAsUser: 99999999999999999999}",
            "securityContext: {capabilities: [NET_ADMIN]}",
            "securityContext: []",
            "livenessProbe: {httpGet: {port: 80.0}, timeoutSeconds: 5}",
            "livenessProbe: {httpGet: {port: 80.5}}",
            "livenessProbe: {httpGet: {port: 80}, timeoutSeconds: 5s}",
            "resources: {limits: {cpu: [1]}}",
        ],
    ),
    *(
        container(spec=spec)
        for spec in (
            "terminationGracePeriodSeconds: 30s",
            "terminationGracePeriodSeconds: 30.0",
            "hostNetwork: 'true'",
            "hostNetwork: 1",
            "hostAliases: {nas: 10.0.0.1}",
            "hostAliases: [{ip: 10.0.0.1, hostnames: nas}]",
            "imagePullSecrets: [regcred]",
            "volumes: [{name: a, hostPath: /x}]",
            "volumes: {a: {emptyDir: {}}}",
            "nodeSelector: [gpu=amd]",
            "tolerations: {key: a}",
            "dnsConfig: {nameservers: 1.1.1.1}",
            "replicas: 2",
            "affinity: {nodeAffinity: {required: {}}}",
        )
    ),
    service("{selector: {a: b}, ports: [{port: '80'}]}"),
    service("{selector: {a: b}, ports: [{port: 80, targetport: 80}]}"),
    service("{selector: {a: b}, ports: [{port: 80, targetPort: 80.0}]}"),
    in_default("v1", "Service", "a", "spec:\nselector: {a: b}\nports: [{port: 80}]"),
    in_default("v1", "Service", "a", "specs: {selector: {a: b}, ports: [{port: 80}]}"),
    in_default("v1", "ConfigMap", "a", "data: {a: b}\nimmutable: 'yes'"),
    in_default("v1", "ConfigMap", "a", "data: [a]"),
    in_default("v1", "ConfigMap", "a", "data: {a: b}", "namespace: default, annotation: {a: b}"),
    in_default("v1", "ConfigMap", "a", "data: {a: b}", "namespace: default, labels: [a=b]"),
    in_default("v1", "ConfigMap", "a", "data: {a: b}\nstatus: {}"),
)
FRAGMENTS = (
    *SHAPES,
    *limits(["500Mb", "'1,5'", "'2 Gi'", "1GB", "1gi", "''", "-1", "10%", "1e3Mi", "1Mi1", "true", "1ee3"]),
    *limits(["500m", "0", "1e0", "0x1", ".5", "5.", "+1", "null", "'0500m'", "1_0", "0.1n", "1.5"]),
    resources("{requests: {memory: 2Gi}, limits: {memory: 1Gi}}"),
    resources("{requests: {memory: 1Gi}, limits: {memory: 1024Mi}}"),
    resources("{requests: {ephemeral-storage: 2Gi}, limits: {ephemeral-storage: 1Gi}}"),
    resources("{requests: {nvidia.com/gpu: 1}}"),
    resources("{limits: {nvidia.com/gpu: 0.5}}"),
    resources("{limits: {gpu: 1}}"),
    resources("{limits: {hugepages-2Mi: 4Mi, memory: 1Gi}}"),
    resources("{limits: {kubernetes.io/batteries: 1}}"),
    ports("{port: 80}, {port: 81}"),
    ports("{name: a, port: 80}, {name: a, port: 81}"),
    ports("{name: a, port: 80}, {name: b, port: 80}"),
    ports("{name: a, port: 80}, {name: b, port: 80, protocol: UDP}"),
    ports("{name: Http, port: 80}"),
    ports("{name: abcdefghijklmnopqrstuvwxyz, port: 80}"),
    ports("{port: 0}"),
    ports("{port: 70000}"),
    ports("{port: 80, targetPort: 0}"),
    ports("{port: 80, targetPort: 70000}"),
    ports("{port: 80, targetPort: '80'}"),
    ports("{port: 80, nodePort: 30080}"),
    ports("{port: 80, protocol: tcp}"),
    ports(""),
    service("{selector: {a: b}, clusterIP: None}"),
    service("{type: ExternalName}"),
    service("{type: ExternalName, externalName: nas.lan}"),
    service("{type: Nodeport, ports: [{port: 80}]}"),
    service("{selector: {a: 'b c'}, ports: [{port: 80}]}"),
    container("ports: [{name: a, containerPort: 1}, {name: a, containerPort: 2}]"),
    container("ports: [{containerPort: 1}, {containerPort: 1}]"),
    container("ports: [{containerPort: 1}, {containerPort: 1, protocol: UDP}]"),
    container("ports: [{containerPort: 0}]"),
    container("ports: [{name: a}]"),
    container("ports: [{containerPort: 8070, hostPort: 8071}]", "hostNetwork: true"),
    container("ports: [{containerPort: 1, hostPort: 8071}, {containerPort: 2, hostPort: 8071}]"),
    container("ports: [{containerPort: 1, protocol: udp}]"),
    container("imagePullPolicy: ifNotPresent"),
    container(spec="restartPolicy: Sometimes"),
    container(spec="dnsPolicy: clusterFirst"),
    container("securityContext: {privileged: true, allowPrivilegeEscalation: false}"),
    pod("{containers: []}"),
    pod("{containers: [{image: 'a:1'}]}"),
    pod("{containers: [{name: a}]}"),
    pod("{containers: [{name: a.b, image: 'a:1'}]}"),
    pod("{containers: [{name: a, image: 'a:1'}, {name: a, image: 'b:1'}]}"),
    pod("{initContainers: [{name: a, image: 'a:1'}], containers: [{name: a, image: 'b:1'}]}"),
    container("env: [{name: X, value: 1}]"),
    container("env: [{name: X, value: yes}]"),
    container("env: [{name: X, value: null}]"),
    container("env: [{value: a}]"),
    container("env: [{name: 'X=1'}]"),
    container("env: [{name: odd.name-with_all, value: ''}, {name: a b}]"),
    container("env: [{name: X, value: a}, {name: X, value: c}]"),
    container("env: [{name: X, value: a, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]"),
    container("args: [--port, 80]"),
    probe("{httpGet: {port: 80}, tcpSocket: {port: 80}}"),
    probe("{initialDelaySeconds: 4}"),
    probe("{exec: {}}"),
    probe("{httpGet: {port: 80}, periodSeconds: -1}"),
    probe("{httpGet: {port: 80}, periodSeconds: 0, timeoutSeconds: 0, failureThreshold: 0}"),
    probe("{httpGet: {port: 80}, successThreshold: 2}"),
    probe("{httpGet: {port: 0}}"),
    probe("{tcpSocket: {port: '80'}}"),
    probe("{httpGet: {path: /}}"),
    probe("{httpGet: {path: /, port: 80, scheme: https}}"),
    container("readinessProbe: {httpGet: {port: 80}, successThreshold: 2}"),
    container("lifecycle: {preStop: {exec: {command: [a]}, httpGet: {port: 80}}}"),
    volumes(f"{EMPTY}, {EMPTY}"),
    volumes("{name: v, emptyDir: {}, hostPath: {path: /srv}}"),
    volumes("{name: v}"),
    volumes("{name: v, persistentVolumeClaim: {}}"),
    volumes("{emptyDir: {}}"),
    volumes("{name: V_x, emptyDir: {}}"),
    volumes("{name: v, hostPath: {path: /srv/../x}}"),
    volumes("{name: v, hostPath: {path: /srv, type: Dir}}"),
    volumes("{name: v, emptyDir: {sizeLimit: 5GB}}"),
    volumes(f"{EMPTY}, {{name: w, emptyDir: {{}}}}", "{name: v, mountPath: /d}, {name: w, mountPath: /d}"),
    volumes(EMPTY, "{name: v}"),
    volumes(EMPTY, "{name: v, mountPath: /d, subPath: /x}"),
    claim("{resources: {requests: {storage: 1Gi}}}"),
    claim("{accessModes: [ReadWriteOnce]}"),
    claim("{accessModes: [ReadWriteOnce], resources: {limits: {storage: 1Gi}}}"),
    claim("{accessModes: [ReadWriteOnce], resources: {requests: {storage: 0}}}"),
    claim("{accessModes: [RWO], resources: {requests: {storage: 1Gi}}}"),
    claim("{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1GB}}}"),
    claim("{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}"),
    config("labels: {a: 'b c'}"),
    config("labels: {a: b@c}"),
    config("labels: {a: b-}"),
    config(f"labels: {{a: {'x' * 64}}}"),
    config(f"labels: {{a: {'x' * 63}, b: ''}}"),
    config("labels: {'a b': c}"),
    config("labels: {Example.com/b: c}"),
    config("labels: {example.com/B: c}"),
    config("labels: {a/b/c: d}"),
    config("labels: {a: 1}"),
    config("annotations: {Example.com/b: 'b c'}"),
    config("annotations: {'a b': c}"),
    config(data="{a: 1}"),
    config(data="{a: {b: c}}"),
    config(data="{a/b: c}"),
    config(data="{..a: c}"),
    config(data="{.a: c, a.b: c}"),
    controller("Deployment", ""),
    controller("Deployment", "selector: {matchLabels: {}}, "),
    controller("Deployment", "selector: {matchLabels: {a: c}}, "),
    controller("Deployment", "selector: {matchExpressions: [{key: a, operator: In, values: [c]}]}, "),
    controller("Deployment", "selector: {matchExpressions: [{key: a, operator: in, values: [b]}]}, "),
    controller("Deployment", "selector: {matchExpressions: [{key: a, operator: Exists}]}, "),
    controller("Deployment", SELECTOR, "restartPolicy: Never, "),
    controller("StatefulSet", SELECTOR),
    controller("DaemonSet", SELECTOR + "updateStrategy: {type: Recreate}, "),
    *map(cron_job, ["30 25 * * *", "0 0 * * 7", "@fortnightly", "TZ=UTC 0 0 * * *", "0 0 L * *"]),
    *map(cron_job, ["*/5 * * * *", "0 0 ? * mon-fri", "@every 1h", "0/15 * * * *", "*/90 * * * *"]),
    cron_job("@daily", "a" * 53),
    cron_job("@daily", "a" * 52),
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(FRAGMENTS)))
def test_what_the_server_refuses_is_an_error_and_nothing_else_is(server: Api, number: int) -> None:
    manifest = FRAGMENTS[number]
    errors = [one for one in report(OWN, manifest=manifest) if one.severity is Severity.ERROR]
    said = refusal(server, manifest)
    assert (said is not None) == bool(errors), (manifest, said, errors)


def kustomized(folder: Path, text: str) -> bool:
    """Whether kubectl reads a folder of this one manifest."""
    (folder / "kustomization.yaml").write_text("resources: [app.yaml]\n")
    (folder / "app.yaml").write_bytes(text.encode())
    words = [need_program("kubectl"), "kustomize", str(folder)]
    run = subprocess.run(words, capture_output=True, check=False, timeout=60)
    return run.returncode == 0


@pytest.mark.parametrize("text", [*(text for text, _, _ in REFUSED.values()), *map(key_of, NO_TEXT)])
def test_what_is_refused_as_no_manifest_kustomize_does_not_read(tmp_path: Path, text: str) -> None:
    assert not kustomized(tmp_path, text)


@pytest.mark.parametrize("text", [*TAKEN, *map(key_of, TEXT)])
def test_and_what_is_taken_it_reads(tmp_path: Path, text: str) -> None:
    assert kustomized(tmp_path, text)

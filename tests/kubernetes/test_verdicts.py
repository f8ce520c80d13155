"""One mistake at a time in a manifest of the user's own: what `check`, the schema and a real API server say.

docs/verdicts.md is the table; `HYBRIDLAB_UPDATE=1 ./just test tests/kubernetes/test_verdicts.py` writes it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from attrs import frozen

from hybridlab import check
from kubernetes.control_plane import Api, RefusedError, path_of
from kubernetes.test_manifests import MINOR, manifests
from patched import cluster

PAGE = Path(__file__).parents[2] / "docs" / "verdicts.md"
SPEC = """
workloads:
  ollama: {gpus: 0}
  own: {type: manifests, folder: own, expose: [{nodePort: 30080, from: [services]}]}
"""
RIGHT = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      nodeSelector: {gpu: amd}
      tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]
      containers:
      - name: shop
        image: nginx:1.29.1
        ports: [{name: http, containerPort: 80}]
        env: [{name: LEVEL, value: "11"}]
        resources: {limits: {amd.com/gpu: 1}}
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: shop}
spec:
  type: NodePort
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: http, nodePort: 30080}]
"""
ONE = "---\napiVersion: {}\nkind: {}\nmetadata: {{name: more, namespace: shop}}\n"


@frozen
class Fault:
    """A mistake: text of the right manifests and what stands in its place, or what is added at their end.

    `alone` says why nobody but `check` can see it, where that is so.
    """

    written: str
    instead: str
    alone: str = ""

    @property
    def text(self) -> str:
        assert not self.written or RIGHT.count(self.written) >= 1, self.written
        return RIGHT.replace(self.written, self.instead) if self.written else RIGHT + self.instead


PENDING = "taken; its pod stays Pending"
FAULTS = {
    "field that does not exist": Fault("replicas: 1", "replica: 1"),
    "number where text is meant": Fault('value: "11"', "value: 11"),
    "label that YAML reads as a truth value": Fault("labels: {app: shop}", "labels: {app: shop, web: yes}"),
    "labels that the selector does not match": Fault("labels: {app: shop}", "labels: {app: other}"),
    "name with a capital": Fault("{name: shop, namespace: shop}", "{name: Shop, namespace: shop}"),
    "Service with a dot in its name": Fault(
        "kind: Service\nmetadata: {name: shop", "kind: Service\nmetadata: {name: shop.web"
    ),
    "namespace that nobody makes": Fault("namespace: shop", "namespace: store"),
    "kind that does not exist": Fault("kind: Deployment", "kind: Deploymnt"),
    "version that was removed": Fault("apps/v1", "apps/v1beta1"),
    "mount without a volume": Fault("volumeMounts: [{name: data", "volumeMounts: [{name: date"),
    "half a GPU": Fault("amd.com/gpu: 1", "amd.com/gpu: 500m"),
    "more GPUs requested than allowed": Fault(
        "{limits: {amd.com/gpu: 1}}", "{limits: {amd.com/gpu: 1}, requests: {amd.com/gpu: 2}}"
    ),
    "toleration with an unknown effect": Fault("effect: NoSchedule", "effect: Never"),
    "port with a name that is too long": Fault("http", "a-name-that-is-too-long"),
    "NodePort out of range": Fault("nodePort: 30080", "nodePort: 8080"),
    "NodePort that another workload has": Fault("nodePort: 30080", "nodePort: 31434"),
    "NodePort for two ports over two protocols": Fault(
        "nodePort: 30080}]", "nodePort: 30080}, {name: b, port: 81, protocol: UDP, nodePort: 30080}]"
    ),
    "NodePort that another workload has over another protocol": Fault(
        "targetPort: http, nodePort: 30080", "protocol: UDP, targetPort: 80, nodePort: 31434"
    ),
    "address outside of the network of services": Fault(
        "selector: {app: shop}\n  ports", "selector: {app: shop}\n  clusterIP: 10.244.0.9\n  ports"
    ),
    "address of the cluster's DNS": Fault(
        "selector: {app: shop}\n  ports",
        "selector: {app: shop}\n  clusterIP: 10.96.0.10\n  ports",
        alone="taken: the DNS gets it later, or does not",
    ),
    "object that another workload makes": Fault(
        "{name: shop}\n", "{name: ollama}\n", alone="taken by itself; kustomize refuses the set"
    ),
    "no namespace": Fault(
        "",
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n",
        alone="taken, into whatever namespace",
    ),
    "labels that no node has": Fault("{gpu: amd}", "{gpu: nvidia}", alone=PENDING),
    "more GPUs than the node has": Fault("amd.com/gpu: 1", "amd.com/gpu: 2", alone=PENDING),
    "more pods with a GPU than there are GPUs": Fault("replicas: 1", "replicas: 2", alone=PENDING),
    "more memory than any node has": Fault("amd.com/gpu: 1", "memory: 100Gi", alone=PENDING),
    "node that does not exist": Fault(
        "nodeSelector: {gpu: amd}", "nodeName: homelap", alone="taken; its pod is nobody's"
    ),
    "Service that selects no pods": Fault(
        "selector: {app: shop}\n  ports", "selector: {app: shops}\n  ports", alone="taken; nothing answers"
    ),
    "Service that leads to no port": Fault(
        "targetPort: http", "targetPort: web", alone="taken; nothing answers"
    ),
    "NodePort that no VLAN may use": Fault(
        "nodePort: 30080", "nodePort: 30081", alone="taken; the firewall refuses everybody"
    ),
    "address of a pod": Fault('value: "11"', "value: 10.244.1.7", alone="taken; wrong after a restart"),
    "NodePort of nobody in a variable": Fault(
        'value: "11"', "value: http://10.0.20.5:31435", alone="taken; nothing answers"
    ),
    "image without a version": Fault("nginx:1.29.1", "nginx", alone="taken; runs what the day brings"),
    "Secret in the open": Fault(
        "",
        ONE.format("v1", "Secret") + "stringData: {password: hunter2}\n",
        alone="taken; everybody has read it",
    ),
    "NetworkPolicy": Fault(
        "",
        ONE.format("networking.k8s.io/v1", "NetworkPolicy") + "spec: {podSelector: {}}\n",
        alone="taken; flannel obeys none",
    ),
    "Deployment whose pods end": Fault(
        "    spec:\n      nodeSelector", "    spec:\n      restartPolicy: Never\n      nodeSelector"
    ),
    "memory with a unit of our own": Fault(
        "{limits: {amd.com/gpu: 1}}", "{limits: {amd.com/gpu: 1, memory: 1GiB}}"
    ),
    "request above the limit": Fault(
        "{limits: {amd.com/gpu: 1}}", "{limits: {amd.com/gpu: 1, cpu: 1}, requests: {cpu: 2}}"
    ),
    "memory in thousandths": Fault(
        "{limits: {amd.com/gpu: 1}}",
        "{limits: {amd.com/gpu: 1, memory: 512m}}",
        alone="taken, with a warning",
    ),
    "GPU of another vendor": Fault("amd.com/gpu: 1", "nvidia.com/gpu: 1", alone=PENDING),
    "two ports without names": Fault(
        "{name: http, port: 80, targetPort: http,", "{port: 81}, {port: 80, targetPort: http,"
    ),
    "label with an address": Fault(
        "metadata: {labels: {app: shop}}", "metadata: {labels: {app: shop, owner: a@b.org}}"
    ),
    "empty selector": Fault("{matchLabels: {app: shop}}", "{}"),
    "container twice": Fault("      volumes:", '      - {name: shop, image: "redis:8.2.2"}\n      volumes:'),
    "probe of two kinds": Fault(
        "        volumeMounts",
        "        livenessProbe: {httpGet: {port: http}, tcpSocket: {port: http}}\n        volumeMounts",
    ),
    "probe of a port by another name": Fault(
        "        volumeMounts",
        "        livenessProbe: {httpGet: {port: web}}\n        volumeMounts",
        alone="taken; the pod is restarted for ever",
    ),
    "volume from two sources": Fault(
        "{name: data, emptyDir: {}}", "{name: data, emptyDir: {}, hostPath: {path: /srv}}"
    ),
    "volume from nowhere": Fault(
        "{name: data, emptyDir: {}}", "{name: data}", alone="taken; it is an empty folder"
    ),
    "claim without a size": Fault(
        "", ONE.format("v1", "PersistentVolumeClaim") + "spec: {accessModes: [ReadWriteOnce]}\n"
    ),
    "claim that nothing fills": Fault(
        "",
        ONE.format("v1", "PersistentVolumeClaim")
        + "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n",
        alone="taken; it stays Pending",
    ),
    "ConfigMap that nobody brings": Fault(
        "emptyDir: {}", "configMap: {name: settings}", alone="taken; the container is not started"
    ),
    "account that nobody brings": Fault(
        "      nodeSelector",
        "      serviceAccountName: shop\n      nodeSelector",
        alone="taken; it has no pods",
    ),
    "binding to a role that nobody brings": Fault(
        "",
        ONE.format("rbac.authorization.k8s.io/v1", "RoleBinding")
        + "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: shop}\n"
        "subjects: [{kind: User, name: alex}]\n",
        alone="taken; it gives no rights",
    ),
    "Ingress without a controller": Fault(
        "",
        ONE.format("networking.k8s.io/v1", "Ingress")
        + "spec: {defaultBackend: {service: {name: shop, port: {name: http}}}}\n",
        alone="taken; nothing answers",
    ),
    "port of the kubelet": Fault(
        "containerPort: 80}",
        "containerPort: 10250, hostPort: 10250}",
        alone="taken; it takes the kubelet's place",
    ),
    "hostPort": Fault(
        "containerPort: 80}", "containerPort: 80, hostPort: 8080}", alone="taken; nothing forwards it"
    ),
    "second pod network": Fault(
        "emptyDir: {}", "hostPath: {path: /etc/cni/net.d}", alone="taken; the folder is in the Nix store"
    ),
    "name of no Service": Fault(
        'value: "11"', "value: http://store.shop.svc", alone="taken; there is no such name"
    ),
    "CronJob at 25 o'clock": Fault(
        "",
        ONE.format("batch/v1", "CronJob")
        + 'spec: {schedule: "0 25 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never,'
        ' containers: [{name: a, image: "busybox:1.37"}]}}}}}\n',
    ),
    "version that is deprecated": Fault(
        "", ONE.format("v1", "Endpoints") + "subsets: []\n", alone="taken, with a warning"
    ),
}


@frozen
class Verdicts:
    """Codes of `check`, errors marked with `!`; whether the schema sees it; the server's words."""

    ours: tuple[str, ...]
    schema: bool
    server: str | None


def ours(text: str) -> tuple[str, ...]:
    found = check(cluster(SPEC, manifest=text))
    return tuple(sorted({d.code + ("!" if d.severity.value == "error" else "") for d in found}))


def schema(text: str) -> bool:
    """Whether `nix flake check` refuses it by the schema."""
    for one in yaml.safe_load_all(text):
        try:
            kubernetes_validate.validate(one, MINOR, strict=True)
        except kubernetes_validate.ValidationError:
            return True
        except kubernetes_validate.SchemaNotFoundError:
            continue  # as nix/validate_manifests.py: it may be a custom resource
    return False


def refusal(api: Api, text: str, file: Path) -> str | None:
    """What the server says when this is applied for real: a dry run gives out no NodePort."""
    file.write_text(text, encoding="utf-8")
    run = api.kubectl(
        "apply", "--server-side", "--field-manager=hybridlab", "--validate=strict", "-f", str(file)
    )
    for one in yaml.safe_load_all(text):
        if one["kind"] in ("Deployment", "Service"):
            # Another kind, or another version, is not there.
            try:
                api.request("DELETE", path_of(one))
            except (RefusedError, KeyError):
                continue
    lines = [line for line in run.stderr.splitlines() if "Warning:" not in line]
    return lines[-1] if run.returncode else None


@pytest.fixture(scope="module")
def server(api: Api) -> Iterator[Api]:
    """The server with the example's own workloads on it."""
    for one in manifests(cluster(SPEC, manifest=RIGHT)):
        if one["metadata"]["name"] != "shop":
            api.apply(one)
    yield api


def test_of_the_right_manifests_nobody_says_anything(server: Api, tmp_path: Path) -> None:
    assert ours(RIGHT) == ()
    assert not schema(RIGHT)
    assert refusal(server, RIGHT, tmp_path / "right.yaml") is None


@pytest.fixture(scope="module")
def verdicts(server: Api, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdicts]:
    folder = tmp_path_factory.mktemp("faults")
    found = {}
    for number, (name, fault) in enumerate(FAULTS.items()):
        text = fault.text
        found[name] = Verdicts(ours(text), schema(text), refusal(server, text, folder / f"{number}.yaml"))
    return found


def test_what_the_server_refuses_we_have_seen_before(verdicts: dict[str, Verdicts]) -> None:
    for name, found in verdicts.items():
        if found.server is not None:
            assert found.schema or any(code.endswith("!") for code in found.ours), (name, found)
            assert not FAULTS[name].alone, (name, found)


def test_what_only_we_see_has_a_reason(verdicts: dict[str, Verdicts]) -> None:
    for name, found in verdicts.items():
        if found.server is None:
            assert found.ours and FAULTS[name].alone, (name, found)


def test_each_fault_is_told_at_its_place() -> None:
    for name, fault in FAULTS.items():
        for diagnostic in check(cluster(SPEC, manifest=fault.text)):
            assert diagnostic.span is not None, name
            assert diagnostic.span.file in ("own/app.yaml", "cluster.yaml"), name


def test_the_page_of_verdicts_is_current(verdicts: dict[str, Verdicts]) -> None:
    text = page(verdicts)
    if os.environ.get("HYBRIDLAB_UPDATE"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text


def page(verdicts: dict[str, Verdicts]) -> str:
    alone = sum(found.server is None for found in verdicts.values())
    missed = [name for name, found in verdicts.items() if not found.ours]
    rows = [
        f"| {name} | {cell(found.ours)} | {'refuses' if found.schema else ''} | {said(name, found)} |"
        for name, found in verdicts.items()
    ]
    introduction = f"""\
<!-- Made by `HYBRIDLAB_UPDATE=1 ./just test tests/kubernetes/test_verdicts.py`: do not edit. -->

# Who sees which mistake

{len(verdicts)} mistakes, one at a time, in manifests of the user's own (the type `manifests`), and what is
said of each by `hybridlab check` ([rules](rules.md)), by the schema as in `nix flake check`, and by the API
server of Kubernetes {MINOR} when they are applied for real. A code in brackets is a warning.

What the server refuses, check or schema have refused before. {alone} mistakes are taken by the server: only
`check` sees them. Seen by the schema and not by `check`: {", ".join(missed) or "none"}.

| mistake | check | schema | API server |
| --- | --- | --- | --- |
"""
    return introduction + "".join(f"{row}\n" for row in rows)


def cell(codes: tuple[str, ...]) -> str:
    return ", ".join(code[:-1] if code.endswith("!") else f"({code})" for code in codes)


def said(name: str, found: Verdicts) -> Any:
    return "refuses" if found.server is not None else FAULTS[name].alone

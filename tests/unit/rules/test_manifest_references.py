"""What manifests need and lead to: somebody brings it, or nobody can know whether somebody does."""

import pytest
import yaml

from hybridlab import emit_all
from hybridlab.model.inventory import Inventory, made_by
from own_manifests import container, found, in_default, pod, several
from patched import cluster

CONTAINER = "0.spec.containers.0"


CONFIG = in_default("v1", "ConfigMap", "settings", "data: {level: info}\nbinaryData: {icon: AA==}")
SECRET = in_default("v1", "Secret", "keys")
SERVICE_ACCOUNT = in_default("v1", "ServiceAccount", "reader")
SERVICE = in_default("v1", "Service", "page", "spec: {selector: {app: app}, ports: [{name: web, port: 80}]}")
CUSTOM = in_default("example.com/v1", "Thing", "any")
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  names: {kind: Thing, plural: things}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true}, {name: v1alpha1, served: false, storage: false}]
"""


def role(resources: str, verbs: str = "[create]", groups: str = '[""]') -> str:
    rule = f"{{apiGroups: {groups}, resources: {resources}, verbs: {verbs}}}"
    return in_default("rbac.authorization.k8s.io/v1", "ClusterRole", "acts", f"rules: [{rule}]", "labels: {}")


ENV = "env: [{name: X, valueFrom: {"
SETTINGS = {
    "a variable of a ConfigMap": (
        ENV + "configMapKeyRef: {name: gone, key: level}}}]",
        ".env.0.valueFrom.configMapKeyRef.name",
    ),
    "a variable of a Secret": (
        ENV + "secretKeyRef: {name: gone, key: level}}}]",
        ".env.0.valueFrom.secretKeyRef.name",
    ),
    "variables of a ConfigMap": ("envFrom: [{configMapRef: {name: gone}}]", ".envFrom.0.configMapRef.name"),
    "variables of a Secret": ("envFrom: [{secretRef: {name: gone}}]", ".envFrom.0.secretRef.name"),
    "a key": (
        ENV + "configMapKeyRef: {name: settings, key: gone}}}]",
        ".env.0.valueFrom.configMapKeyRef.key",
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_nobody_brings(case: str) -> None:
    fields, place = SETTINGS[case]
    assert found(several(container(fields), CONFIG)) == [("MAN038", f"{CONTAINER}{place}")]


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ("volumes: [{name: v, configMap: {name: gone}}]", "volumes.0.configMap.name"),
        ("volumes: [{name: v, secret: {secretName: gone}}]", "volumes.0.secret.secretName"),
        (
            "volumes: [{name: v, projected: {sources: [{secret: {name: gone}}]}}]",
            "volumes.0.projected.sources.0.secret.name",
        ),
        ("imagePullSecrets: [{name: gone}]", "imagePullSecrets.0.name"),
        (
            "volumes: [{name: v, configMap: {name: settings, items: [{key: gone, path: a}]}}]",
            "volumes.0.configMap.items.0.key",
        ),
    ],
)
def test_so_are_volumes_and_secrets_to_pull_with(spec: str, place: str) -> None:
    assert found(several(container(spec=spec), CONFIG)) == [("MAN038", f"0.spec.{place}")]


def test_a_part_of_a_volume_is_a_key() -> None:
    mount = container(
        "volumeMounts: [{name: v, mountPath: /a, subPath: gone}, {name: v, mountPath: /b, subPath: level}]",
        "volumes: [{name: v, configMap: {name: settings}}]",
    )
    assert found(several(mount, CONFIG)) == [("MAN038", f"{CONTAINER}.volumeMounts.0.subPath")]


@pytest.mark.parametrize(
    "fields",
    [
        ENV + "configMapKeyRef: {name: settings, key: icon}}}]",
        ENV + "configMapKeyRef: {name: gone, key: gone, optional: true}}}]",
        ENV + "secretKeyRef: {name: keys, key: whatever-is-in-it}}}]",
        "envFrom: [{configMapRef: {name: kube-root-ca.crt}}]",
    ],
)
def test_settings_that_are_there_or_may_be_missing(fields: str) -> None:
    assert found(several(container(fields), CONFIG, SECRET)) == []


def test_one_that_is_missing_is_told_once() -> None:
    twice = container("envFrom: [{configMapRef: {name: gone}}, {configMapRef: {name: gone}}]")
    assert len(found(several(twice, twice.replace("name: app, namespace", "name: b, namespace")))) == 1


MISSING = container("envFrom: [{secretRef: {name: gone}}]")


@pytest.mark.parametrize(
    "maker",
    [
        several(DEFINITION, CUSTOM),
        several(
            DEFINITION,
            in_default(
                "example.com/v1", "Thing", "any", "spec: {targetNamespace: default}", "namespace: kube-system"
            ),
        ),
        role("[secrets]"),
        role("['*']", "['*']", "['*']"),
        several(
            in_default(
                "rbac.authorization.k8s.io/v1",
                "ClusterRoleBinding",
                "all",
                "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n"
                "subjects: [{kind: ServiceAccount, name: reader, namespace: default}]",
                "labels: {}",
            ),
            SERVICE_ACCOUNT,
            pod('{serviceAccountName: reader, containers: [{name: a, image: "a:1"}]}').replace(
                "name: app,", "name: b,"
            ),
        ),
    ],
)
def test_what_somebody_may_make_is_not_missed(maker: str) -> None:
    assert found(several(MISSING, maker)) == []


@pytest.mark.parametrize(
    "bystander",
    [
        several(DEFINITION, in_default("example.com/v1", "Thing", "any", metadata="namespace: kube-public")),
        role("[secrets]", "[get, list]"),
        role("[configmaps]"),
        CONFIG,
    ],
)
def test_nobody_else_makes_it(bystander: str) -> None:
    assert found(several(MISSING, bystander)) == [("MAN038", f"{CONTAINER}.envFrom.0.secretRef.name")]


def test_a_secret_of_a_workload_of_the_spec_has_the_keys_that_it_uses() -> None:
    patch = """
workloads:
  ollama: {gpus: 0}
  page: {type: deployment, image: "nginx:1.29.1", env: {PASSWORD: {secret: page/password}}}
  own: {type: manifests, folder: own}
"""
    uses = container(ENV + "secretKeyRef: {name: page, key: page.password}}}]").replace(
        "namespace: default", "namespace: page"
    )
    assert found(uses, patch) == []
    [(code, place)] = found(uses.replace("key: page.password", "key: password"), patch)
    assert (code, place) == ("MAN038", f"{CONTAINER}.env.0.valueFrom.secretKeyRef.key")


NEEDS = {
    "an account": ("serviceAccountName: reader", "serviceAccountName", SERVICE_ACCOUNT),
    "a claim": (
        "volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]",
        "volumes.0.persistentVolumeClaim.claimName",
        several(
            in_default(
                "v1",
                "PersistentVolumeClaim",
                "data",
                'spec: {storageClassName: "", volumeName: data, accessModes: [ReadWriteOnce],'
                " resources: {requests: {storage: 1Gi}}}",
            ),
            in_default(
                "v1",
                "PersistentVolume",
                "data",
                "spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], nfs: {server: nas, path: /}}",
                "labels: {}",
            ),
        ),
    ),
    "a priority": (
        "priorityClassName: high",
        "priorityClassName",
        in_default("scheduling.k8s.io/v1", "PriorityClass", "high", "value: 1", "labels: {}"),
    ),
    "a runtime": (
        "runtimeClassName: kata",
        "runtimeClassName",
        in_default("node.k8s.io/v1", "RuntimeClass", "kata", "handler: kata", "labels: {}"),
    ),
}


@pytest.mark.parametrize("case", NEEDS)
def test_what_pods_need(case: str) -> None:
    spec, place, brought = NEEDS[case]
    assert found(container(spec=spec)) == [("MAN039", f"0.spec.{place}")]
    assert found(several(container(spec=spec), brought)) == []


@pytest.mark.parametrize(
    "spec",
    ["serviceAccountName: default", "priorityClassName: system-node-critical", "serviceAccountName: ''"],
)
def test_what_every_cluster_has(spec: str) -> None:
    assert found(container(spec=spec)) == []


def test_a_set_makes_its_claims_itself() -> None:
    claim = (
        "{metadata: {name: data}, spec: {storageClassName: local, accessModes: [ReadWriteOnce],"
        " resources: {requests: {storage: 1Gi}}}}"
    )
    made = several(
        in_default(
            "apps/v1",
            "StatefulSet",
            "db",
            "spec: {selector: {matchLabels: {a: b}}, volumeClaimTemplates: ["
            + claim
            + '], template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: "a:1"}]}}}',
        ),
        in_default(
            "storage.k8s.io/v1", "StorageClass", "local", "provisioner: rancher.io/local-path", "labels: {}"
        ),
    )
    reads = container(spec="volumes: [{name: v, persistentVolumeClaim: {claimName: data-db-0}}]")
    assert found(several(reads, made)) == []
    assert found(several(reads.replace("data-db-0", "data-dx-0"), made))[0][0] == "MAN039"


def test_an_object_that_has_gone_astray_is_told_of_itself() -> None:
    lost = SERVICE_ACCOUNT.replace("namespace: default", "labels: {}")
    assert found(
        several(container(spec="serviceAccountName: reader").replace("default", "kube-public"), lost)
    ) == [("MAN005", "1.metadata")]
    elsewhere = SERVICE_ACCOUNT.replace("namespace: default", "namespace: gone")
    assert found(several(container(spec="serviceAccountName: reader"), elsewhere)) == [
        ("MAN004", "1.metadata.namespace")
    ]


def binding(kind: str, name: str, subject: str = "{kind: User, name: alex}") -> str:
    return in_default(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "b",
        f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: {name}}}\n"
        f"subjects: [{subject}]",
    )


def ingress(backend: str, more: str = "") -> str:
    return in_default(
        "networking.k8s.io/v1", "Ingress", "i", f"spec: {{defaultBackend: {{service: {backend}}}{more}}}"
    )


CLASS = in_default(
    "networking.k8s.io/v1",
    "IngressClass",
    "traefik",
    "spec: {controller: traefik.io/ingress-controller}",
    "labels: {}",
)
TARGETS = {
    "a role": (binding("Role", "gone"), ["0.roleRef.name"]),
    "a role of Kubernetes' own": (binding("ClusterRole", "view"), []),
    "a role of its own parts": (binding("ClusterRole", "'system:node-proxier'"), []),
    "an account": (
        binding("ClusterRole", "view", "{kind: ServiceAccount, name: gone, namespace: default}"),
        ["0.subjects.0.name"],
    ),
    "the account of every namespace": (
        binding("ClusterRole", "view", "{kind: ServiceAccount, name: default, namespace: default}"),
        [],
    ),
    "a set's Service": (
        in_default(
            "apps/v1",
            "StatefulSet",
            "s",
            "spec: {serviceName: gone, selector: {matchLabels: {a: b}},"
            ' template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: "a:1"}]}}}',
        ),
        ["0.spec.serviceName"],
    ),
    "a backend": (
        several(ingress("{name: gone, port: {number: 80}}"), CLASS),
        ["0.spec.defaultBackend.service.name"],
    ),
    "a backend's port": (
        several(ingress("{name: page, port: {number: 8080}}"), CLASS, SERVICE, container()),
        ["0.spec.defaultBackend.service.port.number"],
    ),
    "a backend's port by name": (
        several(ingress("{name: page, port: {name: web}}"), CLASS, SERVICE, container()),
        [],
    ),
    "a certificate": (
        several(
            ingress("{name: page, port: {number: 80}}", ", tls: [{secretName: gone}]"),
            CLASS,
            SERVICE,
            container(),
        ),
        ["0.spec.tls.0.secretName"],
    ),
    "a certificate that is asked for": (
        several(
            ingress("{name: page, port: {number: 80}}", ", tls: [{secretName: gone}]").replace(
                "namespace: default",
                "namespace: default, annotations: {cert-manager.io/cluster-issuer: home}",
            ),
            CLASS,
            SERVICE,
            container(),
        ),
        [],
    ),
    "a webhook's Service": (
        in_default(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            "w",
            "webhooks: [{name: a.b.c, clientConfig: {service: {name: gone, namespace: default}}}]",
            "labels: {}",
        ),
        ["0.webhooks.0.clientConfig.service.name"],
    ),
    "a webhook elsewhere": (
        in_default(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            "w",
            'webhooks: [{name: a.b.c, clientConfig: {url: "https://example.org"}}]',
            "labels: {}",
        ),
        [],
    ),
    "an API's Service in the system's namespace": (
        in_default(
            "apiregistration.k8s.io/v1",
            "APIService",
            "v1beta1.metrics.k8s.io",
            "spec: {group: metrics.k8s.io, version: v1beta1,"
            " service: {name: metrics-server, namespace: kube-system}}",
            "labels: {}",
        ),
        ["0.spec.service.name"],
    ),
    "what is scaled": (
        several(
            in_default(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                "h",
                "spec: {maxReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: gone},"
                " metrics: [{type: Object}]}",
            )
        ),
        ["0.spec.scaleTargetRef.name"],
    ),
    "what is scaled and custom": (
        several(
            in_default(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                "h",
                "spec: {maxReplicas: 2, scaleTargetRef:"
                " {apiVersion: example.com/v1, kind: Thing, name: gone}, metrics: [{type: Object}]}",
            )
        ),
        [],
    ),
}


@pytest.mark.parametrize("case", TARGETS)
def test_what_objects_lead_to(case: str) -> None:
    manifest, places = TARGETS[case]
    assert found(manifest) == [("MAN040", place) for place in places]


def test_an_ingress_leads_to_a_workload_of_the_spec() -> None:
    leads = ingress("{name: ollama, port: {number: 11434}}").replace(
        "namespace: default", "namespace: ollama"
    )
    assert found(several(leads, CLASS)) == []
    assert found(several(leads.replace("11434", "80"), CLASS)) == [
        ("MAN040", "0.spec.defaultBackend.service.port.number")
    ]


BALANCED = SERVICE.replace("spec: {", "spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, ")
SERVED = {
    "a load balancer": (several(BALANCED, container()), "0.spec.type", role("[services/status]", "[update]")),
    "an Ingress": (
        ingress("{name: ollama, port: {number: 11434}}").replace("namespace: default", "namespace: ollama"),
        "0.spec",
        CLASS,
    ),
    "an Ingress of a class": (
        ingress("{name: ollama, port: {number: 11434}}", ", ingressClassName: nginx").replace(
            "namespace: default", "namespace: ollama"
        ),
        "0.spec.ingressClassName",
        CLASS.replace("name: traefik", "name: nginx"),
    ),
    "an autoscaler": (
        several(
            in_default(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                "h",
                "spec: {maxReplicas: 2, scaleTargetRef:"
                " {apiVersion: apps/v1, kind: Deployment, name: ollama}}",
                "namespace: ollama",
            )
        ),
        "0.spec",
        several(
            in_default(
                "apiregistration.k8s.io/v1",
                "APIService",
                "v1beta1.metrics.k8s.io",
                "spec: {group: metrics.k8s.io, version: v1beta1, service: {name: page, namespace: default}}",
                "labels: {}",
            ),
            SERVICE,
            container(),
        ),
    ),
}


@pytest.mark.parametrize("case", SERVED)
def test_what_waits_for_a_controller(case: str) -> None:
    manifest, place, controller = SERVED[case]
    assert found(manifest) == [("MAN041", place)]
    assert found(several(manifest, controller)) == []


def test_an_ingress_of_another_class_waits_for_ever() -> None:
    other = SERVED["an Ingress of a class"][0]
    assert found(several(other, CLASS)) == [("MAN041", "0.spec.ingressClassName")]


def test_a_custom_resource_needs_its_definition_and_its_version() -> None:
    assert found(several(CUSTOM, CUSTOM.replace("name: any", "name: other"))) == [("MAN037", "0.apiVersion")]
    assert found(several(CUSTOM, DEFINITION)) == []
    assert found(several(CUSTOM.replace("/v1", "/v1beta1"), DEFINITION)) == [("MAN001", "0.apiVersion")]
    assert found(several(CUSTOM.replace("/v1", "/v1alpha1"), DEFINITION)) == [("MAN001", "0.apiVersion")]
    assert found(several(CUSTOM.replace("kind: Thing", "kind: Thin"), DEFINITION)) == [
        ("MAN037", "0.apiVersion")
    ]
    brings = role("[customresourcedefinitions]", groups="[apiextensions.k8s.io]")
    assert found(several(CUSTOM, brings)) == []


def test_the_inventory_has_what_the_emitters_make() -> None:
    patch = """
workloads:
  amd-gpu-device-plugin: {labeller: true}
  page: {type: deployment, image: "nginx:1.29.1", port: 80, env: {PASSWORD: {secret: page/password}}}
  silent: {type: deployment, image: "nginx:1.29.1"}
"""
    model = cluster(patch)
    listed = {
        (key.kind, key.namespace, key.name)
        for w in model.workloads
        for key in made_by(w)
        if key.kind != "Secret"
    }
    texts = [f.text for f in emit_all(model) if f.path.parts[0] == "k8s" and len(f.path.parts) == 3]
    objects = [yaml.safe_load(text) for text in texts]
    made = {(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects}
    assert listed == made
    # A control plane makes the Secrets, not kubectl.
    secrets = [key.name for key in Inventory.of(model.workloads).apps if key.kind == "Secret"]
    assert secrets == ["page"]


@pytest.mark.parametrize(
    "manifest",
    [
        in_default("apps/v1", "DaemonSet", "amd-gpu-device-plugin", metadata="namespace: kube-system"),
        in_default(
            "v1", "ServiceAccount", "amd-gpu-device-plugin-labeller", metadata="namespace: kube-system"
        ),
        in_default(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "amd-gpu-device-plugin-labeller",
            metadata="labels: {}",
        ),
    ],
)
def test_the_device_plugin_s_objects_are_there_once(manifest: str) -> None:
    patch = "workloads: {amd-gpu-device-plugin: {labeller: true}, own: {type: manifests, folder: own}}"
    assert ("MAN003", "0.metadata.name") in found(manifest, patch)


def test_no_namespace_is_default_for_kustomize() -> None:
    twice = several(CONFIG, CONFIG.replace(", namespace: default", ""))
    assert sorted(found(twice)) == [("MAN003", "1.metadata.name"), ("MAN005", "1.metadata")]
    assert found(CONFIG.replace("namespace: default", "namespace: ''")) == [("MAN005", "0.metadata")]

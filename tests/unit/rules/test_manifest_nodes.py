"""Ports, folders and names of nodes in manifests, and what these clusters have elsewhere than others."""

import pytest

from own_manifests import OWN, container, found, in_default, several
from patched import report

TEMPLATE = "0.spec.template.spec"
PORT = f"{TEMPLATE}.containers.0.ports.0"
RECREATE = "strategy: {type: Recreate}, "
HOST = "hostNetwork: true, "


def controller(
    ports: str, more: str = RECREATE, spec: str = HOST, *, kind: str = "Deployment", name: str = "app"
) -> str:
    """Return a controller of pods with these ports, on the network of the node if nothing else is said."""
    pod = f'{{{spec}containers: [{{name: app, image: "nginx:1.29.1", ports: [{ports}]}}]}}'
    selector = f"selector: {{matchLabels: {{app: {name}}}}}"
    template = f"template: {{metadata: {{labels: {{app: {name}}}}}, spec: {pod}}}"
    return in_default("apps/v1", kind, name, f"spec: {{{more}{selector}, {template}}}")


def daemon_set(ports: str, spec: str = HOST, name: str = "app") -> str:
    return controller(ports, "", spec, kind="DaemonSet", name=name)


TAKEN = {
    "the kubelet's": ("{containerPort: 10250}", True),
    "ssh's": ("{containerPort: 22}", True),
    "over another protocol": ("{containerPort: 10250, protocol: UDP}", False),
    "the pod network's": ("{containerPort: 8472, protocol: UDP}", True),
    "of the loopback": ("{containerPort: 10248}", True),
    "of the loopback, at another address": (
        "{containerPort: 10248, hostPort: 10248, hostIP: 10.0.20.5}",
        False,
    ),
    "of a control plane, where none of the pods may run": ("{containerPort: 6443}", False),
    "a NodePort": ("{containerPort: 30080}", True),
    "a NodePort of nobody": ("{containerPort: 30081}", False),
    "any other": ("{containerPort: 8080}", False),
}
NODE_PORTS = """
workloads:
  ollama: {gpus: 0, expose: {nodePort: 30080}}
  own: {type: manifests, folder: own}
"""


@pytest.mark.parametrize("case", TAKEN)
def test_a_port_of_the_node_that_is_taken(case: str) -> None:
    port, taken = TAKEN[case]
    place = f"{PORT}.hostPort" if "hostPort" in port else f"{PORT}.containerPort"
    assert found(controller(port), NODE_PORTS) == ([("MAN042", place)] if taken else [])


def test_where_it_may_run_on_a_control_plane_it_meets_what_is_there() -> None:
    everywhere = HOST + "tolerations: [{operator: Exists}], "
    assert found(daemon_set("{containerPort: 6443}", everywhere)) == [("MAN042", f"{PORT}.containerPort")]


def test_who_comes_second_to_a_port_stays_pending() -> None:
    one, two = daemon_set("{containerPort: 8080}"), daemon_set("{containerPort: 8080}", name="two")
    second = "1.spec.template.spec.containers.0.ports.0.containerPort"
    assert found(several(one, two)) == [("MAN042", second)]
    assert found(several(one, two.replace("8080", "8081"))) == []
    apart = daemon_set("{containerPort: 8080}", HOST + "nodeSelector: {gpu: amd}, ")
    other = daemon_set(
        "{containerPort: 8080}", HOST + "nodeSelector: {kubernetes.io/hostname: k8s-worker-1}, ", "two"
    )
    assert found(several(apart, other)) == []


def test_two_of_one_pod_each_find_a_node_among_two() -> None:
    ones = [controller("{containerPort: 8080}", name=name) for name in ("a", "b")]
    assert found(several(*ones)) == []
    third = controller("{containerPort: 8080}", name="c")
    assert [code for code, _ in found(several(*ones, third))] == ["MAN042"]


REPLICAS = {
    "as many as nodes": (controller("{containerPort: 8080}", "replicas: 2, " + RECREATE), []),
    "one more": (
        controller("{containerPort: 8080}", "replicas: 3, " + RECREATE),
        [("MAN043", "0.spec.replicas")],
    ),
    "one more, without a port of the node": (
        controller("{containerPort: 8080}", "replicas: 3, " + RECREATE, ""),
        [],
    ),
    "one more, which keep apart": (
        controller(
            "{containerPort: 8080}",
            "replicas: 3, ",
            "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: ["
            "{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: app}}}]}}, ",
        ),
        [("MAN043", "0.spec.replicas")],
    ),
    "one more, which keep apart from others": (
        controller(
            "{containerPort: 8080}",
            "replicas: 3, ",
            "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: ["
            "{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: other}}}]}}, ",
        ),
        [],
    ),
    "one more, which keep apart by zones": (
        controller(
            "{containerPort: 8080}",
            "replicas: 3, ",
            "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: ["
            "{topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: app}}}]}}, ",
        ),
        [],
    ),
}


@pytest.mark.parametrize("case", REPLICAS)
def test_more_pods_than_nodes(case: str) -> None:
    manifest, expected = REPLICAS[case]
    assert found(manifest) == expected


def rolling(strategy: str, replicas: int = 2) -> str:
    return controller("{containerPort: 8080}", f"replicas: {replicas}, {strategy}")


ROLLING = {
    "by default, on every node": (rolling(""), "0.spec"),
    "by default, with a node to spare": (rolling("", 1), None),
    "one first": (rolling("strategy: {rollingUpdate: {maxUnavailable: 1}}, "), None),
    "none first": (rolling("strategy: {rollingUpdate: {maxUnavailable: 0}}, "), "0.spec.strategy"),
    "half of them first": (rolling("strategy: {rollingUpdate: {maxUnavailable: 50%}}, "), None),
    "a part of one first": (rolling("strategy: {rollingUpdate: {maxUnavailable: 49%}}, "), "0.spec.strategy"),
    "all at once": (rolling(RECREATE), None),
}


@pytest.mark.parametrize("case", ROLLING)
def test_a_port_is_kept_while_rolling(case: str) -> None:
    manifest, place = ROLLING[case]
    assert found(manifest) == ([] if place is None else [("MAN044", place)])


def test_a_host_port_is_forwarded_by_nothing() -> None:
    forwarded = controller(
        "{containerPort: 80, hostPort: 8080}, {containerPort: 81, hostPort: 8081}", spec=""
    )
    assert found(forwarded) == [("MAN045", f"{PORT}.hostPort")]
    assert found(controller("{containerPort: 80, hostPort: 0}", spec="")) == []
    # What is taken is told alone, and nothing on the loopback is in the way.
    assert found(controller("{containerPort: 80, hostPort: 22}", spec="")) == [("MAN042", f"{PORT}.hostPort")]
    assert found(controller("{containerPort: 80, hostPort: 10248}", spec="")) == [
        ("MAN045", f"{PORT}.hostPort")
    ]


def test_what_only_prepares_has_no_port_of_the_node() -> None:
    prepares = daemon_set("").replace(
        "containers:", 'initContainers: [{name: i, image: "a:1", ports: [{containerPort: 22}]}], containers:'
    )
    assert found(prepares) == []


def mounts(path: str, mount: str = "", kind: str = "") -> str:
    volume = f"{{name: v, hostPath: {{path: {path}{kind}}}}}"
    return container(f"volumeMounts: [{{name: v, mountPath: /v{mount}}}]", f"volumes: [{volume}]")


READ = ", readOnly: true"
PATHS = {
    "/etc/cni/net.d": "MAN046",
    "/opt/cni/bin": "MAN046",
    "/var/lib/kubelet": "MAN047",
    "/var/lib/kubelet/plugins_registry": "MAN047",
    "/var/lib/kubelet/device-plugins": None,
    "/var/run/docker.sock": "MAN047",
    "/etc/kubernetes/pki": "MAN047",
    "/run/containerd/containerd.sock": None,
    "/var/lib/kubelets": None,
    "/": None,
    "/srv/data": None,
}


@pytest.mark.parametrize("path", PATHS)
def test_folders_of_a_node_that_are_elsewhere_on_nixos(path: str) -> None:
    code = PATHS[path]
    assert found(mounts(path, READ)) == ([] if code is None else [(code, "0.spec.volumes.0.hostPath.path")])


def test_the_hint_says_where() -> None:
    [one] = report(OWN, manifest=mounts("/var/lib/kubelet/plugins_registry", READ))
    assert one.hint is not None and "/var/lib/kubernetes/plugins_registry" in one.hint


@pytest.mark.parametrize(
    "path", ["/", "/etc", "/etc/ssh", "/boot", "/nix/store", "/var/lib", "/var/lib/kubernetes", "/usr/"]
)
def test_folders_of_the_system_are_not_written_to(path: str) -> None:
    assert found(mounts(path)) == [("MAN048", "0.spec.volumes.0.hostPath.path")]
    assert found(mounts(path, READ)) == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/localtime", ", type: File"),
        ("/dev/ttyUSB0", ""),
        ("/var/lib/app", ""),
        ("/srv", ""),
        ("/run/udev", ""),
    ],
)
def test_folders_and_files_that_pods_may_write_to(path: str, kind: str) -> None:
    assert found(mounts(path, "", kind)) == []


def settings(text: str) -> str:
    lines = "".join(f"\n  {line}" for line in text.splitlines())
    return in_default("v1", "ConfigMap", "settings", f"data:\n X: |{lines}")


NAMES = {
    "there": ("http://ollama.ollama.svc:11434/api", False),
    "with the domain": ("ollama.ollama.svc.cluster.local.", False),
    "of Kubernetes' own": ("https://kubernetes.default.svc", False),
    "of the cluster's DNS": ("kube-dns.kube-system.svc.cluster.local", False),
    "of nobody": ("olama.ollama.svc", True),
    "of another namespace": ("ollama.default.svc", True),
    "of the system's, and not there": ("metrics-server.kube-system.svc", True),
    "a pod of it": ("ollama-0.ollama.ollama.svc", False),
    "a port of it": ("_http._tcp.ollama.ollama.svc", False),
    "a pattern": ("*.default.svc.cluster.local", False),
    "a template": (
        "{{ .Release }}.default.svc ${NAME}.default.svc $(NAME).default.svc <name>.default.svc",
        False,
    ),
    "a comment": ("# like http://app.default.svc", False),
    "one label": ("app.svc", False),
    "a domain of somebody else's": ("app.default.svc.example.org", False),
    "a part of a word": ("app.default.svcs app.default.svc-old", False),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_of_services(case: str) -> None:
    text, missing = NAMES[case]
    assert found(settings(text)) == ([("MAN049", "0.data.X")] if missing else [])


def test_what_explains_a_kind_only_gives_examples() -> None:
    schema = "{openAPIV3Schema: {type: object, description: 'as http://app.default.svc, or 10.244.1.7'}}"
    spec = (
        "spec: {group: example.com, names: {kind: Thing, plural: things}, scope: Cluster,"
        f" versions: [{{name: v1, served: true, storage: true, schema: {schema}}}]}}"
    )
    definition = ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "things.example.com")
    assert found(in_default(*definition, spec, "labels: {}")) == []


def test_the_domain_of_the_cluster_is_another_one() -> None:
    patch = "kubernetes: {clusterDomain: home.lan}\n" + OWN
    assert found(settings("ollama.ollama.svc.cluster.local"), patch) == [("MAN049", "0.data.X")]
    assert found(settings("ollama.ollama.svc.home.lan"), patch) == []
    assert found(settings("ollama.ollama.svc"), patch) == []


def test_one_service_that_is_missing_is_told_once() -> None:
    assert (
        len(found(several(settings("a.default.svc"), settings("a.default.svc").replace("settings", "more"))))
        == 1
    )


def asks(spec: str) -> str:
    return container('env: [{name: X, value: "ollama.ollama.svc"}]', spec)


@pytest.mark.parametrize(
    ("spec", "fails"),
    [
        ("hostNetwork: true", True),
        ("hostNetwork: true, dnsPolicy: ClusterFirst", True),
        ("hostNetwork: true, dnsPolicy: ClusterFirstWithHostNet", False),
        ("hostNetwork: true, dnsPolicy: None, dnsConfig: {nameservers: [10.96.0.10]}", False),
        ("hostNetwork: false", False),
    ],
)
def test_on_the_network_of_its_node_a_pod_has_the_resolvers_of_the_node(spec: str, fails: bool) -> None:
    assert found(asks(spec)) == ([("MAN050", "0.spec.hostNetwork")] if fails else [])


ADDRESSES = {
    "of a pod": ("10.244.1.17", True),
    "of a Service, by its port": ("http://10.96.7.7:11434", True),
    "that may be somebody else's": ("10.100.0.5", False),
    "of somebody else's, by its port": ("http://10.100.0.5:8443", False),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_addresses_that_do_not_last(case: str) -> None:
    text, wrong = ADDRESSES[case]
    assert found(settings(text)) == ([("MAN014", "0.data.X")] if wrong else [])


SERVICE = "spec: {selector: {%s}, ports: [{port: 80}]}"
SELECTED = {
    "its pods": ("app: app", []),
    "a label that a controller adds": ("app: app, apps.kubernetes.io/pod-index: '0'", []),
    "only such a label": ("statefulset.kubernetes.io/pod-name: app-0", []),
    "another label": ("app: other", [("MAN011", "1.spec.selector")]),
}


@pytest.mark.parametrize("case", SELECTED)
def test_pods_behind_a_service(case: str) -> None:
    selector, expected = SELECTED[case]
    assert found(several(container(), in_default("v1", "Service", "s", SERVICE % selector))) == expected


def test_what_another_name_selects_nobody_looks_at() -> None:
    spec = "spec: {type: ExternalName, externalName: nas.lan, selector: {app: gone}}"
    assert found(in_default("v1", "Service", "s", spec)) == []

"""Ports, containers, probes and volumes of pods in manifests: each as the API server takes or refuses it."""

import pytest

from own_manifests import container, found, pod, several

PORTS = "0.spec.ports"
CONTAINER = "0.spec.containers.0"


def service(spec: str) -> str:
    return f"\napiVersion: v1\nkind: Service\nmetadata: {{name: app, namespace: default}}\nspec: {spec}\n"


def ports(text: str, more: str = "") -> str:
    return several(service(f"{{selector: {{app: app}}, ports: [{text}]{more}}}"), container())


SERVICES = {
    "two without names: once": (ports("{port: 80}, {port: 81}"), [("MAN028", f"{PORTS}.0")]),
    "the second without a name": (ports("{name: a, port: 80}, {port: 81}"), [("MAN028", f"{PORTS}.1")]),
    "a name twice": (ports("{name: a, port: 80}, {name: a, port: 81}"), [("MAN028", f"{PORTS}.1.name")]),
    "a number twice": (ports("{name: a, port: 80}, {name: b, port: 80}"), [("MAN028", f"{PORTS}.1.port")]),
    "TCP is what is not said": (
        ports("{name: a, port: 80}, {name: b, port: 80, protocol: TCP}"),
        [("MAN028", f"{PORTS}.1.port")],
    ),
    "a number over two protocols": (ports("{name: a, port: 80}, {name: b, port: 80, protocol: UDP}"), []),
    "one without a name": (ports("{port: 80}"), []),
    "a name of more than 15": (ports("{name: abcdefghijklmnopqrstuvwxyz, port: 80}"), []),
    "a name in capitals": (ports("{name: Http, port: 80}"), [("MAN028", f"{PORTS}.0.name")]),
    "port 0": (ports("{port: 0}"), [("MAN027", f"{PORTS}.0.port")]),
    "port 65536": (ports("{port: 65536}"), [("MAN027", f"{PORTS}.0.port")]),
    "port 65535": (ports("{port: 65535}"), []),
    "a target that does not exist": (
        ports("{port: 80, targetPort: 70000}"),
        [("MAN027", f"{PORTS}.0.targetPort")],
    ),
    "a target of 0 is none": (ports("{port: 80, targetPort: 0}"), []),
    "a NodePort of a ClusterIP": (
        ports("{port: 80, nodePort: 30080}"),
        [("MAN008", f"{PORTS}.0.nodePort"), ("MAN027", f"{PORTS}.0.nodePort")],
    ),
    "no ports": (ports(""), [("MAN027", "0.spec")]),
    "no ports, and no address": (ports("", ", clusterIP: None"), []),
    "another name": (service("{type: ExternalName, externalName: nas.example.org}"), []),
    "another name for nothing": (service("{type: ExternalName}"), [("MAN027", "0.spec")]),
    "another name for an address": (
        service("{type: ExternalName, externalName: 10.0.10.200}"),
        [("MAN040", "0.spec.externalName")],
    ),
    "a NodePort by chance, and none": (
        ports("{port: 80}", ", type: LoadBalancer, allocateLoadBalancerNodePorts: false"),
        [("MAN041", "0.spec.type")],
    ),
}


@pytest.mark.parametrize("case", SERVICES)
def test_ports_of_services(case: str) -> None:
    manifest, expected = SERVICES[case]
    assert sorted(found(manifest)) == sorted(expected)


def own_ports(text: str, spec: str = "") -> str:
    return container(f"ports: [{text}]", spec)


OF_CONTAINERS = {
    "a name twice": (
        own_ports("{name: a, containerPort: 1}, {name: a, containerPort: 2}"),
        [("MAN028", "1.name")],
    ),
    "a number twice": (own_ports("{containerPort: 1}, {containerPort: 1}"), [("MAN028", "1.containerPort")]),
    "over two protocols": (own_ports("{containerPort: 1}, {containerPort: 1, protocol: UDP}"), []),
    "0": (own_ports("{containerPort: 0}"), [("MAN027", "0.containerPort")]),
    "70000": (own_ports("{containerPort: 70000}"), [("MAN027", "0.containerPort")]),
    "no number": (own_ports("{name: a}"), [("MAN027", "0")]),
    "on the node, another one": (
        own_ports("{containerPort: 8070, hostPort: 8071}", "hostNetwork: true"),
        [("MAN027", "0.hostPort")],
    ),
    "on the node, the same": (own_ports("{containerPort: 8070, hostPort: 8070}", "hostNetwork: true"), []),
    "a port of the node twice": (
        own_ports("{containerPort: 1, hostPort: 8071}, {containerPort: 2, hostPort: 8071}"),
        [("MAN028", "1.hostPort"), ("MAN045", "0.hostPort")],
    ),
    "a port of the node at two addresses": (
        own_ports(
            "{containerPort: 1, hostPort: 8071, hostIP: 10.0.10.5},"
            " {containerPort: 2, hostPort: 8071, hostIP: 10.0.20.5}"
        ),
        [("MAN045", "0.hostPort")],
    ),
}


@pytest.mark.parametrize("case", OF_CONTAINERS)
def test_ports_of_containers(case: str) -> None:
    manifest, expected = OF_CONTAINERS[case]
    assert sorted(found(manifest)) == [(code, f"{CONTAINER}.ports.{place}") for code, place in expected]


def test_two_containers_on_the_network_of_a_node_share_its_ports() -> None:
    two = pod(
        '{hostNetwork: true, containers: [{name: a, image: "a:1", ports: [{containerPort: 8070}]},'
        ' {name: b, image: "b:1", ports: [{containerPort: 8070}]}]}'
    )
    assert found(two) == [("MAN028", "0.spec.containers.1.ports.0.containerPort")]
    assert found(two.replace("hostNetwork: true, ", "")) == []


def containers(text: str) -> str:
    return pod(f"{{containers: [{text}]}}")


CONTAINERS = {
    "none": (pod("{containers: []}"), "0.spec"),
    "no name": (containers('{image: "a:1"}'), f"{CONTAINER}.image"),
    "no image": (containers("{name: a}"), f"{CONTAINER}.name"),
    "an image that is empty": (containers("{name: a, image: ''}"), f"{CONTAINER}.name"),
    "a name twice": (
        containers('{name: a, image: "a:1"}, {name: a, image: "b:1"}'),
        "0.spec.containers.1.name",
    ),
    "a name of one that prepares": (
        pod('{initContainers: [{name: a, image: "a:1"}], containers: [{name: a, image: "b:1"}]}'),
        "0.spec.initContainers.0.name",
    ),
    "a name with a dot": (containers('{name: a.b, image: "a:1"}'), f"{CONTAINER}.name"),
    "a name of 64": (containers(f'{{name: {"a" * 64}, image: "a:1"}}'), f"{CONTAINER}.name"),
    "a variable twice": (
        container("env: [{name: X, value: a}, {name: X, value: b}]"),
        f"{CONTAINER}.env.1.name",
    ),
    "a variable without a name": (container("env: [{value: a}]"), f"{CONTAINER}.env.0"),
    "a variable with its value": (container("env: [{name: 'X=1'}]"), f"{CONTAINER}.env.0.name"),
    "a variable with two values": (
        container("env: [{name: X, value: a, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]"),
        f"{CONTAINER}.env.0.valueFrom",
    ),
    "privileged, and not to be": (
        container("securityContext: {privileged: true, allowPrivilegeEscalation: false}"),
        f"{CONTAINER}.securityContext.allowPrivilegeEscalation",
    ),
}


@pytest.mark.parametrize("case", CONTAINERS)
def test_containers_that_are_refused(case: str) -> None:
    manifest, place = CONTAINERS[case]
    assert found(manifest) == [("MAN031", place)]


@pytest.mark.parametrize(
    "fields", ["env: [{name: odd.name-with_all, value: ''}, {name: empty}]", "env: [{name: a b}]"]
)
def test_containers_that_are_taken(fields: str) -> None:
    assert found(container(fields)) == []


def probe(text: str, key: str = "livenessProbe") -> str:
    return container(f"ports: [{{name: http, containerPort: 80}}], {key}: {text}")


PROBES = {
    "two handlers": ("{httpGet: {port: 80}, tcpSocket: {port: 80}}", ".tcpSocket"),
    "none": ("{initialDelaySeconds: 4}", ""),
    "none but a hole": ("{httpGet: null}", ""),
    "runs nothing": ("{exec: {}}", ".exec"),
    "below zero": ("{httpGet: {port: 80}, periodSeconds: -1}", ".periodSeconds"),
    "two successes": ("{httpGet: {port: 80}, successThreshold: 2}", ".successThreshold"),
    "a port by another name": ("{httpGet: {port: web}}", ".httpGet.port"),
    "a port that does not exist": ("{tcpSocket: {port: 70000}}", ".tcpSocket.port"),
    "a number as a name": ("{tcpSocket: {port: '80'}}", ".tcpSocket.port"),
    "no port": ("{httpGet: {path: /}}", ".httpGet"),
}


@pytest.mark.parametrize("case", PROBES)
def test_probes_that_can_not_succeed(case: str) -> None:
    text, place = PROBES[case]
    assert found(probe(text)) == [("MAN032", f"{CONTAINER}.livenessProbe{place}")]


@pytest.mark.parametrize(
    "text",
    [
        "{httpGet: {port: http}}",
        "{httpGet: {port: 8080}}",  # nothing says that a port must be listed
        "{exec: {command: [true-ish]}}",
        "{grpc: {port: 80}, periodSeconds: 0, timeoutSeconds: 0, failureThreshold: 0}",
    ],
)
def test_probes(text: str) -> None:
    assert found(probe(text)) == []


def test_a_pod_may_have_to_be_ready_twice() -> None:
    assert found(probe("{httpGet: {port: 80}, successThreshold: 2}", "readinessProbe")) == []


def test_a_container_that_only_prepares_has_no_probe() -> None:
    manifest = pod(
        '{initContainers: [{name: i, image: "a:1", livenessProbe: {exec: {command: [a]}}}],'
        ' containers: [{name: a, image: "a:1"}]}'
    )
    assert found(manifest) == [("MAN032", "0.spec.initContainers.0.livenessProbe")]
    assert found(manifest.replace("name: i,", "name: i, restartPolicy: Always,")) == []


def test_a_hook_does_one_thing() -> None:
    hook = container("lifecycle: {preStop: {exec: {command: [a]}, httpGet: {port: 80}}}")
    assert found(hook) == [("MAN032", f"{CONTAINER}.lifecycle.preStop.httpGet")]


def volumes(text: str, mounts: str = "") -> str:
    return container(f"volumeMounts: [{mounts}]" if mounts else "", f"volumes: [{text}]")


EMPTY = "{name: v, emptyDir: {}}"
VOLUMES = {
    "twice": (volumes(f"{EMPTY}, {EMPTY}"), [("MAN033", "0.spec.volumes.1.name")]),
    "from two sources": (
        volumes("{name: v, emptyDir: {}, hostPath: {path: /srv}}"),
        [("MAN033", "0.spec.volumes.0.hostPath")],
    ),
    "from nowhere": (volumes("{name: v}"), [("MAN034", "0.spec.volumes.0.name")]),
    "from a hole": (volumes("{name: v, persistentVolumeClaim: null}"), [("MAN034", "0.spec.volumes.0.name")]),
    "of a claim that is none": (
        volumes("{name: v, persistentVolumeClaim: {}}"),
        [("MAN033", "0.spec.volumes.0.persistentVolumeClaim")],
    ),
    "without a name": (volumes("{emptyDir: {}}"), [("MAN033", "0.spec.volumes.0")]),
    "with a name that is none": (volumes("{name: V_x, emptyDir: {}}"), [("MAN033", "0.spec.volumes.0.name")]),
    "a folder beside it": (
        volumes("{name: v, hostPath: {path: /srv/../x}}"),
        [("MAN033", "0.spec.volumes.0.hostPath.path")],
    ),
    "two at one place": (
        volumes(
            f"{EMPTY}, {{name: w, emptyDir: {{}}}}", "{name: v, mountPath: /d}, {name: w, mountPath: /d}"
        ),
        [("MAN033", f"{CONTAINER}.volumeMounts.1.mountPath")],
    ),
    "one at two places": (volumes(EMPTY, "{name: v, mountPath: /d}, {name: v, mountPath: /e}"), []),
    "nowhere": (volumes(EMPTY, "{name: v}"), [("MAN033", f"{CONTAINER}.volumeMounts.0")]),
    "a part from the root": (
        volumes(EMPTY, "{name: v, mountPath: /d, subPath: /x}"),
        [("MAN033", f"{CONTAINER}.volumeMounts.0.subPath")],
    ),
}


@pytest.mark.parametrize("case", VOLUMES)
def test_volumes(case: str) -> None:
    manifest, expected = VOLUMES[case]
    assert found(manifest) == expected

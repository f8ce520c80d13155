"""Containers in the user's own manifests: named, each once, with an image, and probes that can succeed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hybridlab.diagnostic import Related, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.plain import is_true, items, mapping, whole
from hybridlab.model.workload import PodTemplate
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.uses import Use, used_again
from hybridlab.rules.wording import listed, nearest
from hybridlab.spec.scalars import Name

_CONTAINERS = OWN_DOCUMENT / "spec" / "containers"
_POD = """
        apiVersion: v1
        kind: Pod
        metadata: {{name: app, namespace: default}}
        spec:
          containers:
          - {{name: app, image: "nginx:1.29.1"{}}}
"""
_SECOND = """
          - {{name: {}, image: "busybox:1.37"}}
"""


@rule(
    "MAN031",
    "container-that-kubernetes-refuses",
    summary="Pods in a manifest have no container, or one without a name of its own, or without an image.",
    rationale="""Each container of a pod, also one that prepares, is called by a DNS label that no other one
        has, and runs an image. Each of its variables has a name, once. The API server refuses the object.""",
    source="kubernetes/kubernetes, pkg/apis/core/validation: validateContainers, ValidateEnv",
    bad=Example(
        OWN,
        at=_CONTAINERS / 1 / "name",
        manifest=_POD.format("").rstrip() + _SECOND.format("app"),
    ),
    good=OWN,
    good_manifest=_POD.format("").rstrip() + _SECOND.format("helper"),
)
def container_that_kubernetes_refuses(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        who = str(template.pods)
        if not items(template.spec.get("containers")):
            yield Finding(
                f"{who} has no containers", template.path, "write one, with name and image", on_key=True
            )
        names: list[Use] = []
        for container, at in template.containers:
            name = container.get("name")
            for key, other in (("name", "image"), ("image", "name")):
                if not container.get(key):
                    # The other one is what can be seen of it.
                    path = at / other if container.get(other) else at
                    yield Finding(f"{who} has a container without {_an(key)}", path, f"write its {key}")
            if isinstance(name, str) and name:
                names.append(Use(name, who, at / "name"))
                if not Name.pattern.fullmatch(name):
                    yield Finding(
                        f"{who} calls a container {name!r}, which Kubernetes does not take",
                        at / "name",
                        Name.suggest(name) or "take lower-case letters, digits and '-'",
                    )
            context = mapping(container.get("securityContext"))
            if is_true(context.get("privileged")) and context.get("allowPrivilegeEscalation") is False:
                yield Finding(
                    f"{who} has a privileged container that may not become privileged",
                    at / "securityContext" / "allowPrivilegeEscalation",
                    "remove one of the two",
                )
            yield from _variables(who, container, at)
        for earlier, use in used_again(names):
            yield Finding(
                f"{who} has two containers called {use.value!r}",
                use.path,
                "give one of them another name",
                related=(Related("the other one", earlier.path),),
            )


def _an(key: str) -> str:
    return f"an {key}" if key[0] in "aeiou" else f"a {key}"


def _variables(who: str, container: Mapping[str, Any], at: SpecPath) -> Iterator[Finding]:
    names: list[Use] = []
    for index, variable in enumerate(map(mapping, items(container.get("env")))):
        path, name = at / "env" / index, variable.get("name")
        if not name or not isinstance(name, str):
            yield Finding(f"{who} has a variable without a name", path, "write its name")
            continue
        names.append(Use(name, who, path / "name"))
        if "=" in name:
            yield Finding(
                f"{who} has the variable {name!r}, and no name has '='",
                path / "name",
                "write name and value apart",
            )
        if variable.get("value") and variable.get("valueFrom"):
            yield Finding(
                f"{who} has two values for {name}",
                path / "valueFrom",
                "remove value or valueFrom",
                on_key=True,
            )
    for earlier, use in used_again(names):
        yield Finding(
            f"{who} has the variable {use.value} twice in one container",
            use.path,
            "remove one of them",
            related=(Related("the other one", earlier.path),),
        )


_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_TIMES = (
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
    "terminationGracePeriodSeconds",
)


@rule(
    "MAN032",
    "probe-that-can-not-succeed",
    summary="A probe of a container in a manifest can not work.",
    rationale="""A probe does one thing: it runs a program, or asks a port. A port by its name is one that the
        same container has; the kubelet finds no other one, so that the pod is never ready, or restarted for
        ever. Numbers below zero, no handler or two of them are refused by the API server.""",
    source="kubernetes/kubernetes, pkg/apis/core/validation: validateProbe; pkg/probe: ResolveContainerPort",
    bad=Example(
        OWN,
        at=_CONTAINERS / 0 / "readinessProbe" / "httpGet" / "port",
        manifest=_POD.format(
            ", ports: [{name: http, containerPort: 80}], readinessProbe: {httpGet: {port: web}}"
        ),
    ),
    good=OWN,
    good_manifest=_POD.format(
        ", ports: [{name: http, containerPort: 80}], readinessProbe: {httpGet: {port: http}}"
    ),
)
def probe_that_can_not_succeed(cluster: Cluster) -> Iterable[Finding]:
    for template in cluster.templates:
        for container, at in template.containers:
            prepares = "initContainers" in at and container.get("restartPolicy") != "Always"
            for key in _PROBES:
                if not isinstance(probe := container.get(key), dict):
                    continue
                if prepares:
                    yield Finding(
                        f"{template.pods} has a {key} in a container that only prepares",
                        at / key,
                        "remove it: such a container is waited for until it ends",
                        on_key=True,
                    )
                else:
                    yield from _probe(template, container, key, probe, at)
            for hook in ("postStart", "preStop"):
                found = mapping(mapping(container.get("lifecycle")).get(hook))
                yield from _two_handlers(template, hook, found, at / "lifecycle" / hook)


def _handlers(probe: dict[str, Any]) -> list[str]:
    return [key for key in probe if key in _HANDLERS and probe[key] is not None]


def _two_handlers(template: PodTemplate, what: str, probe: dict[str, Any], at: SpecPath) -> Iterator[Finding]:
    first, *others = _handlers(probe) or [""]
    if others:
        yield Finding(
            f"{template.pods} has a {what} that does {listed([first, *others])} at once",
            at / others[0],
            "remove one of them",
            on_key=True,
            related=(Related("the other one", at / first),),
        )


def _probe(
    template: PodTemplate, container: Mapping[str, Any], key: str, probe: dict[str, Any], at: SpecPath
) -> Iterator[Finding]:
    who, path = str(template.pods), at / key
    handlers = _handlers(probe)
    if not handlers:
        yield Finding(
            f"{who} has a {key} that does nothing", path, f"write one of {listed(_HANDLERS, 4)}", on_key=True
        )
    yield from _two_handlers(template, key, probe, path)
    if "exec" in handlers and not mapping(probe["exec"]).get("command"):
        yield Finding(f"{who} has a {key} that runs nothing", path / "exec", "write its command", on_key=True)
    for field in _TIMES:
        number = whole(probe.get(field))
        if number is not None and number < 0:
            yield Finding(
                f"{who} has {field} {number} in its {key}", path / field, "write a number above zero"
            )
    successes = whole(probe.get("successThreshold"))
    if key != "readinessProbe" and successes is not None and successes > 1:
        yield Finding(
            f"{who} wants {successes} successes of its {key}, which can have 1",
            path / "successThreshold",
            "remove it",
        )
    for handler in handlers:
        if handler != "exec":
            yield from _port(who, container, key, mapping(probe[handler]), path / handler)


def _port(
    who: str, container: Mapping[str, Any], key: str, handler: dict[str, Any], path: SpecPath
) -> Iterator[Finding]:
    port = handler.get("port")
    names = [str(mapping(one).get("name")) for one in items(container.get("ports"))]
    named = [name for name in names if name != "None"]
    if port is None:
        yield Finding(f"{who} has a {key} without a port", path, "write the port that it asks", on_key=True)
    elif isinstance(port, str):
        if port.isdecimal():
            yield Finding(
                f"{who} has a {key} of port {port!r}, a name", path / "port", f"write {port}, without quotes"
            )
        elif port not in named:
            close = nearest(port, named)
            otherwise = f"it has {listed(named)}" if named else "name that port in the container"
            yield Finding(
                f"{who} has a {key} of port {port!r}, which the container does not have",
                path / "port",
                f"did you mean {close!r}?" if close else otherwise,
            )
    elif (number := whole(port)) is not None and not 0 < number < 65536:
        yield Finding(
            f"{who} has a {key} of port {number}, which does not exist",
            path / "port",
            "take one from 1 to 65535",
        )

"""Numbers, forms and contradictions in manifests; tests/kubernetes asks an API server of each case."""

import pytest

from hybridlab.diagnostic import Severity
from hybridlab.errors import ResolveError
from manifest_values import REFUSED, TAKEN, budget, cron_job, deployment, mode, role, service, spread
from own_manifests import OWN, cluster_wide, container, found, in_default, several
from patched import report


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_said_at_its_place(case: str) -> None:
    manifest, code, place = REFUSED[case]
    errors = [one for one in report(OWN, manifest=manifest) if one.severity is Severity.ERROR]
    places = [(one.code, str(one.path).partition(".app.yaml.")[2]) for one in errors]
    assert places == [(code, place)]


@pytest.mark.parametrize("manifest", TAKEN)
def test_what_is_taken_is_no_error(manifest: str) -> None:
    errors = [one for one in report(OWN, manifest=manifest) if one.severity is Severity.ERROR]
    assert errors == []


@pytest.mark.parametrize("word", ["yes", "on", "y", "true", "True"])
def test_a_pod_is_on_the_network_of_its_node_however_that_is_written(word: str) -> None:
    manifest = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: app, namespace: default}\n"
        f"spec:\n  hostNetwork: {word}\n"
        '  containers: [{name: app, image: "nginx:1.29.1", ports: [{containerPort: 10250}]}]\n'
    )
    assert "MAN042" in [code for code, _ in found(manifest)]


def mount(path: str) -> str:
    return container(
        f'volumeMounts: [{{name: v, mountPath: "{path}"}}]', "volumes: [{name: v, emptyDir: {}}]"
    )


def spread_over(key: str, otherwise: str = "DoNotSchedule") -> str:
    text = spread(1).replace("ScheduleAnyway", otherwise)
    return text.replace("kubernetes.io/hostname", key)


def image(name: str) -> str:
    return container().replace("nginx:1.29.1", name)


LABELS = "labels: {a: b}, namespace: default"
APP = in_default("v1", "Pod", "a", "spec: {containers: [{name: a, image: 'a:1'}]}", LABELS)
CONTAINER = "0.spec.containers.0"
NEVER: dict[str, tuple[str, list[str]]] = {
    "a mount of compose": (mount("/config:ro"), [f"{CONTAINER}.volumeMounts.0.mountPath"]),
    "a mount": (mount("/config"), []),
    "a group with a version": (role("apiGroups: [apps/v1], resources: [pods]"), ["0.rules.0.apiGroups.0"]),
    "a version as a group": (role("apiGroups: [v1], resources: [pods]"), ["0.rules.0.apiGroups.0"]),
    "a kind as a resource": (role("apiGroups: [''], resources: [Pod]"), ["0.rules.0.resources.0"]),
    "a part of a resource": (role("apiGroups: [''], resources: [pods/log]"), []),
    "a label of no node": (
        spread_over("topology.kubernetes.io/zone"),
        ["0.spec.topologySpreadConstraints.0.topologyKey"],
    ),
    "where it may be": (spread_over("topology.kubernetes.io/zone", "ScheduleAnyway"), []),
    "each node": (spread_over("kubernetes.io/hostname"), []),
    "an image as a URL": (image("https://lscr.io/linuxserver/sonarr:4.0.15"), [f"{CONTAINER}.image"]),
    "an image in capitals": (image("lscr.io/LinuxServer/sonarr:4.0.15"), [f"{CONTAINER}.image"]),
    "a tag in capitals": (image("lscr.io:5000/linuxserver/sonarr:V4"), []),
    "a short name's tag": (image("sonarr:V4"), []),
    "root that must not be": (
        container("securityContext: {runAsNonRoot: true, runAsUser: 0}"),
        [f"{CONTAINER}.securityContext.runAsUser"],
    ),
    "nobody": (container("securityContext: {runAsNonRoot: true, runAsUser: 65534}"), []),
    "a budget for nobody": (budget("maxUnavailable: 1"), ["0.spec.selector"]),
    "a budget for a pod": (several(budget("maxUnavailable: 1"), APP), []),
}


@pytest.mark.parametrize("case", NEVER)
def test_what_is_taken_and_never_works_is_a_warning(case: str) -> None:
    manifest, places = NEVER[case]
    assert [place for code, place in found(manifest) if code == "MAN061"] == places


def hints(manifest: str) -> list[str | None]:
    return [one.hint for one in report(OWN, manifest=manifest) if one.severity is Severity.ERROR]


def claim(mode: str) -> str:
    spec = f"spec: {{accessModes: [{mode}], resources: {{requests: {{storage: 1Gi}}}}}}"
    return in_default("v1", "PersistentVolumeClaim", "a", spec)


@pytest.mark.parametrize(
    ("manifest", "hint"),
    [
        (container("resources: {limits: {cpu: 100mi}}"), "did you mean 100m?"),
        (container("resources: {limits: {memory: 100mi}}"), "did you mean 100Mi?"),
        (claim("RWO"), "did you mean ReadWriteOnce?"),
        (claim("RWX"), "did you mean ReadWriteMany?"),
        (
            deployment("strategy: {type: Blue}"),
            "write RollingUpdate or Recreate",
        ),
        (
            service("selector: {matchLabels: {a: b}}, ports: [{port: 80}]"),
            "a Service takes labels alone: write selector: {a: b}",
        ),
        (deployment("replicas: 1").replace("apps/v1", "app/v1"), "did you mean apps/v1?"),
        (mode("644"), "did you mean 0644? In YAML, 644 is no octal number"),
        (service("type: ExternalName, externalName: 'https://nas.lan/'"), "write nas.lan"),
        (cron_job("timeZone: Europe/Lisboa"), "did you mean Europe/Lisbon?"),
    ],
)
def test_a_hint_says_what_was_meant(manifest: str, hint: str) -> None:
    assert hint in hints(manifest)


def test_a_namespace_in_capitals_is_told_once() -> None:
    space = cluster_wide("v1", "Namespace", "Media")
    objects = [in_default("v1", "ConfigMap", name, metadata="namespace: media") for name in ("a", "b")]
    assert found(several(space, *objects)) == [("MAN016", "0.metadata.name")]


@pytest.mark.parametrize(
    "place", ["metadata: {name: 2024}", "metadata: {name: yes}", "metadata: {name: 017}"]
)
def test_a_name_that_yaml_takes_for_none_is_told_at_its_place(place: str) -> None:
    with pytest.raises(ResolveError) as caught:
        report(OWN, manifest=f"apiVersion: v1\nkind: ConfigMap\n{place}\n")
    [problem] = caught.value.report
    written = place.rpartition(" ")[2].rstrip("}")
    assert (problem.code, problem.hint) == ("RES004", f'put it in quotes: "{written}"')
    assert str(problem.path).endswith(".0.metadata.name")

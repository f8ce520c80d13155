"""What a real API server says of our manifests: it takes them, every field, and again without change."""

import copy
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from hybridlab import Cluster, check, emit_all, load_spec, parse_spec, resolve
from hybridlab.spec.workload import WORKLOAD_TYPES
from kubernetes.control_plane import Api, RefusedError, api_server, path_of
from patched import cluster as patched
from strategies import Data, as_yaml, good_clusters

ROOT = Path(__file__).parents[2]
MINOR = "1.36"


def manifests(cluster: Cluster) -> list[Any]:
    """The resources, namespaces first, with the labels that the kustomization gives all of them."""
    files = emit_all(cluster)
    if cluster.kubernetes is None:
        return []
    kustomization = yaml.safe_load(files["k8s/kustomization.yaml"].text)
    texts = [files[f"k8s/{name}"].text for name in kustomization["resources"]]
    resources = [one for text in texts for one in yaml.safe_load_all(text)]
    resources.sort(key=lambda one: one["kind"] != "Namespace")
    [labels] = kustomization["labels"]
    for resource in resources:
        resource["metadata"].setdefault("labels", {}).update(labels["pairs"])
    return resources


def example() -> Cluster:
    return resolve(load_spec(ROOT / "cluster.yaml"))


def versions(api: Api, resources: Iterable[Any]) -> list[str]:
    return [api.request("GET", path_of(one))["metadata"]["resourceVersion"] for one in resources]


def test_the_server_is_of_the_minor_of_the_release(api: Api) -> None:
    version = api.request("GET", "/version")
    cluster = example()
    assert cluster.kubernetes is not None
    assert f"{version['major']}.{version['minor']}" == cluster.kubernetes.minor == MINOR


def test_kubectl_applies_the_example_to_an_empty_cluster_and_again_without_change(api: Api) -> None:
    words = (
        "apply",
        "--server-side",
        "--field-manager=hybridlab",
        "--validate=strict",
        "-k",
        str(ROOT / "k8s"),
    )
    first = api.kubectl(*words)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    resources = manifests(example())
    before = versions(api, resources)
    assert len(before) == len(first.stdout.splitlines())
    again = api.kubectl(*words)
    assert again.returncode == 0, again.stderr
    assert versions(api, resources) == before
    difference = api.kubectl("diff", "--server-side", "--field-manager=hybridlab", "-k", str(ROOT / "k8s"))
    assert (difference.returncode, difference.stdout) == (0, "")


def test_all_that_is_applied_is_found_by_one_label(api: Api) -> None:
    rendered = api.kubectl("kustomize", str(ROOT / "k8s"))
    assert rendered.returncode == 0, rendered.stderr
    for resource in yaml.safe_load_all(rendered.stdout):
        assert resource["metadata"]["labels"]["app.kubernetes.io/part-of"] == "homelab"
        # Never in a selector, which can not be changed.
        assert "part-of" not in json.dumps(resource["spec"].get("selector", {}) if "spec" in resource else {})


# Not shrunk: the message names the resource.
@settings(
    max_examples=100,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=good_clusters(most_guests=4))
def test_random_clusters_are_accepted_and_again_without_change(api: Api, data: Data) -> None:
    resources = manifests(resolve(parse_spec(as_yaml(data))))
    for resource in resources:
        api.apply(resource)
    before = versions(api, resources)
    for resource in resources:
        api.apply(resource)
    assert versions(api, resources) == before
    # A NodePort is given once; namespaces stay, since nobody here ends them.
    for resource in resources:
        if resource["kind"] != "Namespace":
            api.request("DELETE", path_of(resource))


def test_a_service_s_name_may_begin_with_a_digit_since_1_36(api: Api) -> None:
    """Rule WKL006 says so of older ones only."""
    digit = "workloads: {7b: {type: ollama, namespace: seven, models: /var/lib/7b}}"
    cluster = patched(digit)
    assert check(cluster).ok
    for resource in manifests(cluster):
        api.apply(resource, dry_run=resource["kind"] != "Namespace")


def test_a_privileged_pod_is_allowed_where_the_spec_has_one(api: Api) -> None:
    for resource in manifests(patched("workloads: {ollama: {privileged: true}}")):
        api.apply(resource, dry_run=resource["kind"] != "Namespace")


def examples() -> list[tuple[str, str | None]]:
    """The examples of docs/workloads.md, each with the manifest that goes with it."""
    page = (ROOT / "docs" / "workloads.md").read_text(encoding="utf-8")
    found: list[tuple[str, str | None]] = []
    for block in page.split("```yaml\n")[1:]:
        spec, _, rest = block.partition("```")
        _, fence, manifest = rest.partition("```yaml own/app.yaml\n")
        found.append((spec, manifest.partition("```")[0] if fence else None))
    return found


@pytest.mark.parametrize("number", range(len(examples())))
def test_an_example_of_the_page_is_checked_and_accepted(api: Api, number: int) -> None:
    patch, manifest = examples()[number]
    cluster = patched(patch, manifest=manifest)
    assert [diagnostic.message for diagnostic in check(cluster)] == []
    for resource in manifests(cluster):
        api.apply(resource, dry_run=resource["kind"] != "Namespace")


def test_the_page_has_an_example_of_every_type() -> None:
    types = {
        workload["type"]
        for text, _ in examples()
        for workload in yaml.safe_load(text)["workloads"].values()
        if workload
    }
    assert types == {kind.TYPE for kind in WORKLOAD_TYPES}


# Faults in a manifest: which file, what is done to it, what the server says, and who else would see it.
Change = Callable[[Any], None]


def _pod(manifest: Any) -> Any:
    return manifest["spec"]["template"]["spec"]


def _container(manifest: Any) -> Any:
    return _pod(manifest)["containers"][0]


FAULTS: dict[str, tuple[str, Change, str]] = {
    "field that does not exist": (
        "Deployment",
        lambda m: m["spec"].update(replica=1),
        "field not declared in schema",
    ),
    "number where text is meant": (
        "Deployment",
        lambda m: _container(m)["env"][0].update(value=11),
        "value: expected string",
    ),
    "labels that the selector does not match": (
        "Deployment",
        lambda m: m["spec"]["template"]["metadata"].update(labels={"app": "other"}),
        "`selector` does not match template `labels`",
    ),
    "half a GPU": (
        "Deployment",
        lambda m: _container(m)["resources"]["limits"].update({"amd.com/gpu": "500m"}),
        "must be an integer",
    ),
    "more GPUs asked for than allowed": (
        "Deployment",
        lambda m: _container(m)["resources"].update(requests={"amd.com/gpu": 2}),
        "must be equal to amd.com/gpu limit",
    ),
    "mount without a volume": (
        "Deployment",
        lambda m: _container(m)["volumeMounts"][0].update(name="other"),
        'Not found: "other"',
    ),
    "toleration with an unknown effect": (
        "DaemonSet",
        lambda m: _pod(m)["tolerations"].append({"key": "a", "effect": "Never"}),
        'Unsupported value: "Never"',
    ),
    "NodePort out of range": (
        "Service",
        lambda m: m["spec"]["ports"][0].update(nodePort=8080),
        "provided port is not in the valid range",
    ),
    "name of a port that is too long": (
        "Service",
        lambda m: m["spec"]["ports"][0].update(targetPort="a-name-that-is-too-long"),
        "must be no more than 15 characters",
    ),
    "name that begins with a digit": (
        "Namespace",
        lambda m: m["metadata"].update(name="Ollama"),
        "Invalid value",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_server_refuses(api: Api, fault: str) -> None:
    kind, change, reason = FAULTS[fault]
    resources = manifests(example())
    [namespace] = [one for one in resources if one["kind"] == "Namespace"]
    api.apply(namespace)
    [right] = [one for one in resources if one["kind"] == kind]
    api.apply(right, dry_run=True)
    wrong = copy.deepcopy(right)
    change(wrong)
    # For real: a dry run gives out no NodePort, and so refuses none.
    with pytest.raises(RefusedError) as refused:
        api.apply(wrong)
    assert reason in refused.value.message


def test_without_the_flag_a_privileged_pod_is_refused(tmp_path: Path) -> None:
    with api_server(tmp_path, privileged=False) as strict:
        for resource in manifests(example()):
            strict.apply(resource)
        [deployment] = [
            one
            for one in manifests(patched("workloads: {ollama: {privileged: true}}"))
            if one["kind"] == "Deployment"
        ]
        with pytest.raises(RefusedError, match="disallowed by cluster policy"):
            strict.apply(deployment)


def test_what_the_flake_s_check_validates_is_what_the_server_takes(api: Api) -> None:
    """The schema alone, as in `nix flake check`, sees fewer of the faults: those are counted here."""
    seen = set()
    for fault, (kind, change, _) in FAULTS.items():
        [manifest] = [one for one in manifests(example()) if one["kind"] == kind]
        change(manifest)
        try:
            kubernetes_validate.validate(manifest, MINOR, strict=True)
        except kubernetes_validate.ValidationError:
            seen.add(fault)
    assert seen == {"field that does not exist", "number where text is meant"}

"""`hybridlab apply` on a real API server, as a person runs it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubernetes.control_plane import Api, RefusedError, api_server, path_of
from kubernetes.test_manifests import example, manifests
from programs import need_program

ROOT = Path(__file__).parents[2]
OTHER = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "elsewhere"}}
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "homelab"}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """An API server that knows a node of the example."""
    folder = tmp_path / "server"
    folder.mkdir()
    with api_server(folder) as running:
        running.apply(NODE)
        yield running


@pytest.fixture
def homelab(tmp_path: Path) -> Path:
    """A copy of the example with its generated files."""
    folder = tmp_path / "homelab"
    folder.mkdir()
    for name in ("cluster.yaml", ".sops.yaml"):
        shutil.copy(ROOT / name, folder)
    for name in ("modules/generated", "k8s"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def apply(api: Api, folder: Path, *options: str, said: str = "") -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(need_program("kubectl")).parent), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, "-m", "hybridlab", "apply", *options],
        cwd=folder,
        env=os.environ | {"KUBECONFIG": str(api.kubeconfig), "PATH": path, "PYTHONPATH": str(ROOT / "pylib")},
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def versions(api: Api) -> list[Any]:
    return [api.request("GET", path_of(one))["metadata"]["resourceVersion"] for one in manifests(example())]


def test_on_an_empty_cluster_and_again(api: Api, homelab: Path) -> None:
    first = apply(api, homelab, "--yes")
    assert first.returncode == 0, first.stderr
    assert "new, with all that is in them: namespace ollama" in first.stdout
    assert "deployment.apps/ollama serverside-applied" in first.stdout
    before = versions(api)

    again = apply(api, homelab, "--yes")
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert "is as generated" in again.stderr
    assert versions(api) == before


def test_a_change_is_shown_and_only_made_when_it_is_wanted(api: Api, homelab: Path) -> None:
    assert apply(api, homelab, "--yes").returncode == 0
    service = "/api/v1/namespaces/ollama/services/ollama"
    patch = {"spec": {"ports": [{"name": "http", "port": 11434, "targetPort": "http", "nodePort": 31000}]}}
    api.request("PATCH", service + "?fieldManager=somebody", patch, "application/merge-patch+json")
    before = versions(api)

    shown = apply(api, homelab, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "-    nodePort: 31000" in shown.stdout and "+    nodePort: 31434" in shown.stdout
    refused = apply(api, homelab, said="n\n")
    assert refused.returncode == 1
    assert "apply to https://127.0.0.1" in refused.stderr
    assert versions(api) == before

    # It is somebody else's now.
    conflict = apply(api, homelab, "--yes")
    assert conflict.returncode == 1
    assert "conflict" in conflict.stderr and "somebody" in conflict.stderr
    assert versions(api) == before
    forced = apply(api, homelab, "--yes", "--force-conflicts")
    assert forced.returncode == 0, forced.stderr
    assert api.request("GET", service)["spec"]["ports"][0]["nodePort"] == 31434


def test_what_is_no_longer_generated_is_named_and_stays(api: Api, homelab: Path) -> None:
    assert apply(api, homelab, "--yes").returncode == 0
    [service] = [one for one in manifests(example()) if one["kind"] == "Service"]
    service["metadata"]["name"] = "old"
    del service["spec"]["ports"][0]["nodePort"]
    api.apply(service)
    run = apply(api, homelab, "--yes")
    assert run.returncode == 0, run.stderr
    assert "no longer generated, and left as it is: kubectl delete service/old -n ollama" in run.stderr
    assert api.request("GET", path_of(service))

    # What somebody else has made, with our label on it, is nobody's left-over.
    other = {**service, "metadata": {**service["metadata"], "name": "other"}}
    api.request("POST", "/api/v1/namespaces/ollama/services?fieldManager=somebody", other)
    dry = apply(api, homelab, "--prune", "--dry-run")
    assert dry.stdout == "no longer generated, and removed: service/old -n ollama\n"
    assert api.request("GET", path_of(service))
    pruned = apply(api, homelab, "--prune", "--yes")
    assert pruned.returncode == 0, pruned.stderr
    with pytest.raises(RefusedError, match="not found"):
        api.request("GET", path_of(service))
    assert api.request("GET", path_of(other))
    assert "is as generated" in apply(api, homelab, "--prune", "--yes").stderr


def test_another_cluster_is_refused(api: Api, homelab: Path) -> None:
    api.request("DELETE", path_of(NODE))
    api.apply(OTHER)
    run = apply(api, homelab, "--yes")
    assert run.returncode == 1
    assert "has none of the nodes of homelab (homelab, k8s-master, k8s-worker-1, k8s-worker-2)" in run.stderr
    namespaces = api.request("GET", "/api/v1/namespaces")["items"]
    assert "ollama" not in [one["metadata"]["name"] for one in namespaces]


def test_an_edited_manifest_is_refused(api: Api, homelab: Path) -> None:
    file = homelab / "k8s/ollama/service.yaml"
    file.write_text(file.read_text() + "# mine\n")
    run = apply(api, homelab, "--yes")
    assert run.returncode == 3
    assert "edited" in run.stderr


def test_a_server_that_is_not_there(api: Api, homelab: Path, tmp_path: Path) -> None:
    config = json.loads(api.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    api.kubeconfig.write_text(json.dumps(config))
    run = apply(api, homelab, "--yes")
    assert run.returncode == 1
    assert "kubectl could not get nodes" in run.stderr
    missing = apply(api, homelab, "--context", "nowhere")
    assert missing.returncode == 1
    assert "nowhere" in missing.stderr


def test_without_workloads_there_is_nothing_to_apply(api: Api, homelab: Path) -> None:
    spec = homelab / "cluster.yaml"
    text = spec.read_text(encoding="utf-8")
    start, end = text.index("\nworkloads:\n"), text.index("\nsecrets:\n")
    spec.write_text(text[:start] + text[end:], encoding="utf-8")
    generated = subprocess.run(
        [sys.executable, "-m", "hybridlab", "generate"],
        cwd=homelab,
        env=os.environ | {"PYTHONPATH": str(ROOT / "pylib")},
        check=False,
    )
    assert generated.returncode == 0
    run = apply(api, homelab, "--yes")
    assert run.returncode == 0, run.stderr
    assert "homelab has no workloads\n" in run.stderr
    assert "is as generated" in run.stderr


CUSTOM = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lamps.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: lamps, singular: lamp, kind: Lamp}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, properties: {on: {type: boolean}}}}
"""
LAMP = """
apiVersion: example.org/v1
kind: Lamp
metadata: {name: desk, namespace: lamps}
spec: {on: true}
"""


def generate(homelab: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "hybridlab", "generate"],
        cwd=homelab,
        env=os.environ | {"PYTHONPATH": str(ROOT / "pylib")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_a_folder_of_one_s_own_with_a_kind_of_its_own(api: Api, homelab: Path) -> None:
    """The definition and an object of it in one go, on a cluster that knows neither."""
    own = homelab / "own"
    own.mkdir()
    (own / "a-lamp.yaml").write_text(LAMP)
    (own / "crd.yml").write_text(CUSTOM)
    (own / "namespace.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: lamps}\n")
    spec = homelab / "cluster.yaml"
    text = spec.read_text(encoding="utf-8")
    taken = "\nworkloads:\n  own: {type: manifests, folder: own}\n"
    spec.write_text(text.replace("\nworkloads:\n", taken), encoding="utf-8")
    generate(homelab)
    first = apply(api, homelab, "--yes")
    assert first.returncode == 0, first.stderr
    lamp = "/apis/example.org/v1/namespaces/lamps/lamps/desk"
    assert api.request("GET", lamp)["spec"] == {"on": True}
    assert "is as generated" in apply(api, homelab, "--yes").stderr

    (own / "a-lamp.yaml").unlink()
    spec.write_text(text, encoding="utf-8")
    generate(homelab)
    pruned = apply(api, homelab, "--prune", "--yes")
    assert pruned.returncode == 0, pruned.stderr
    assert "removed lamp.example.org/desk -n lamps" in pruned.stderr
    for stays in ("namespace/lamps", "customresourcedefinition.apiextensions.k8s.io/lamps.example.org"):
        assert f"left as it is: kubectl delete {stays}\n" in pruned.stderr
    assert api.request("GET", "/api/v1/namespaces/lamps")

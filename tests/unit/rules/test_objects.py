"""Names, namespaces and labels of workloads, and what they mount."""

import pytest

from patched import report


@pytest.mark.parametrize(
    ("path", "codes"),
    [("/run/docker.sock", ["WKL023"]), ("/srv/app.sock", ["WKL023"]), ("/var/lib/sock", [])],
)
def test_a_socket_is_no_folder(path: str, codes: list[str]) -> None:
    patch = f'workloads: {{app: {{type: deployment, image: "nginx:1.29.1", volumes: {{/x: {path}}}}}}}'
    assert [one.code for one in report(patch)] == codes


@pytest.mark.parametrize(
    ("domain", "codes"),
    [("local", ["K8S010"]), ("localhost", ["K8S010"]), ("k8s.local", []), ("lan", [])],
)
def test_a_domain_of_somebody_else(domain: str, codes: list[str]) -> None:
    assert [one.code for one in report(f"kubernetes: {{clusterDomain: {domain}}}")] == codes


@pytest.mark.parametrize("first", ["photos", "database"])
def test_who_says_its_namespace_is_told_of_one_that_is_taken(first: str) -> None:
    other = {"photos": "database", "database": "photos"}[first]
    patch = f"""
workloads:
  {first}: {{type: deployment, image: "nginx:1.29.1"}}
  {other}: {{type: deployment, image: "nginx:1.29.1", namespace: {first}}}
"""
    assert [(one.code, str(one.path)) for one in report(patch)] == [
        ("WKL007", f"workloads.{other}.namespace")
    ]


def test_nodes_of_nixos_have_no_label_of_a_role() -> None:
    (one,) = report(
        "workloads: {ollama: {gpus: 0, nodeSelector: {gpu: null, node-role.kubernetes.io/worker: ''}}}"
    )
    assert one.code == "WKL001"
    assert one.hint is not None and one.hint.startswith(
        "NixOS sets no such label: select kubernetes.io/hostname"
    )

"""A program of the user's choice: what is made of its keys, and who opens its port."""

from typing import Any

import yaml

from hybridlab import emit_all
from patched import cluster, report

APP = """
workloads:
  uptime:
    type: deployment
    image: louislam/uptime-kuma:1.23.16
    port: 3001
    memory: 512MiB
    volumes: {/app/data: /var/lib/uptime, /cache: /var/lib/uptime-cache}
    env: {TZ: "${x}"}
    expose: {nodePort: 30301, from: [management]}
"""


def made(patch: str, name: str) -> Any:
    return yaml.safe_load(emit_all(cluster(patch))[f"k8s/uptime/{name}.yaml"].text)


def container(patch: str) -> Any:
    [only] = made(patch, "deployment")["spec"]["template"]["spec"]["containers"]
    return only


def test_it_has_a_namespace_of_its_name_unless_another_is_given() -> None:
    assert made(APP, "namespace")["metadata"]["name"] == "uptime"
    assert made(APP, "deployment")["metadata"]["namespace"] == "uptime"
    elsewhere = APP.replace("port: 3001", "port: 3001\n    namespace: watch")
    assert made(elsewhere, "service")["metadata"]["namespace"] == "watch"


def test_a_folder_in_the_container_is_the_one_on_the_node() -> None:
    pod = made(APP, "deployment")["spec"]["template"]["spec"]
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: paths[mount["name"]] for mount in container(APP)["volumeMounts"]}
    assert mounts == {"/app/data": "/var/lib/uptime", "/cache": "/var/lib/uptime-cache"}
    assert made(APP, "deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_memory_is_both_asked_for_and_the_bound() -> None:
    assert container(APP)["resources"] == {"requests": {"memory": "512Mi"}, "limits": {"memory": "512Mi"}}
    assert "resources" not in container(APP.replace("    memory: 512MiB\n", ""))


def test_text_stays_text() -> None:
    assert container(APP)["env"] == [{"name": "TZ", "value": "${x}"}]


def test_its_node_port_is_let_through_from_its_vlans_on_every_node() -> None:
    [port] = made(APP, "service")["spec"]["ports"]
    assert (port["port"], port["nodePort"]) == (3001, 30301)
    resolved = cluster(APP)
    for node in resolved.nodes:
        [opened] = [one for one in resolved.firewalls[node.name].node_ports if one.port == 30301]
        assert [str(source) for source in opened.sources] == ["10.0.10.0/24"]
        assert opened.reason == "uptime: workload uptime"


def test_without_a_port_there_is_no_service() -> None:
    silent = APP.replace("    port: 3001\n", "").replace(
        "    expose: {nodePort: 30301, from: [management]}\n", ""
    )
    assert "k8s/uptime/service.yaml" not in emit_all(cluster(silent))
    assert "ports" not in container(silent)


def test_privileged_is_what_the_api_server_then_has_to_allow() -> None:
    patch = APP.replace("port: 3001", "port: 3001\n    privileged: true")
    assert container(patch)["securityContext"] == {"privileged": True}
    nix = emit_all(cluster(patch))["modules/generated/k8s-master/kubernetes.nix"].text
    assert "allowPrivileged = true" in nix and "asked for by uptime" in nix


def test_the_same_mistakes_are_found_as_with_ollama() -> None:
    same_port = APP.replace("30301", "31434")
    assert "WKL004" in [d.code for d in report(same_port).errors]
    of_the_system = APP.replace("/var/lib/uptime,", "/etc,")
    [found] = [d for d in report(of_the_system).errors if d.code == "WKL009"]
    assert str(found.path) == "workloads.uptime.volumes./app/data"
    digit = APP.replace("  uptime:", "  7up:")
    [found] = [d for d in report(digit).errors if d.code == "WKL006"]
    assert found.hint == "did you mean 'app-7up'?"
    silent = digit.replace("    port: 3001\n", "").replace(
        "    expose: {nodePort: 30301, from: [management]}\n", ""
    )
    assert report(silent).ok
    no_node = APP.replace("port: 3001", "port: 3001\n    nodeSelector: {disk: fast}")
    assert "WKL001" in [d.code for d in report(no_node).errors]

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
    older = 'nixos: {release: "25.11", stateVersion: "25.11"}'
    digit = older + APP.replace("  uptime:", "  7up:")
    assert report(APP.replace("  uptime:", "  7up:")).ok  # Kubernetes 1.36 takes it
    [found] = [d for d in report(digit).errors if d.code == "WKL006"]
    assert found.hint == "did you mean 'app-7up'?"
    silent = digit.replace("    port: 3001\n", "").replace(
        "    expose: {nodePort: 30301, from: [management]}\n", ""
    )
    assert report(silent).ok
    no_node = APP.replace("port: 3001", "port: 3001\n    nodeSelector: {disk: fast}")
    assert "WKL001" in [d.code for d in report(no_node).errors]


def test_several_ports_have_names_protocols_and_node_ports_of_their_own() -> None:
    patch = """
workloads:
  uptime:
    type: deployment
    image: adguard/adguardhome:v0.107.66
    port: 3000
    ports:
      dns: {port: 53, protocol: udp, expose: {nodePort: 30053, from: [services, management]}}
      dns-tcp: {port: 53, expose: {nodePort: 30053, from: [services]}}
"""
    assert report(patch).ok
    assert container(patch)["ports"] == [
        {"name": "http", "containerPort": 3000},
        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "containerPort": 53},
    ]
    assert made(patch, "service")["spec"]["ports"] == [
        {"name": "http", "port": 3000, "targetPort": "http"},
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": "dns", "nodePort": 30053},
        {"name": "dns-tcp", "port": 53, "targetPort": "dns-tcp", "nodePort": 30053},
    ]
    opened = {
        (one.port, one.protocol.value): len(one.sources)
        for one in cluster(patch).firewalls["k8s-worker-1"].node_ports
    }
    assert (opened[30053, "udp"], opened[30053, "tcp"]) == (2, 1)


def test_only_udp_ports_can_not_be_probed() -> None:
    patch = APP.replace("    port: 3001\n", "    ports: {syslog: {port: 514, protocol: udp}}\n").replace(
        "    expose: {nodePort: 30301, from: [management]}\n", ""
    )
    assert "readinessProbe" not in container(patch)
    assert container(APP)["readinessProbe"] == {"tcpSocket": {"port": "http"}}


def test_processors_are_asked_for_and_no_bound() -> None:
    assert container(APP + "    cpu: 500m\n")["resources"]["requests"] == {"memory": "512Mi", "cpu": "500m"}
    assert container(APP + "    cpu: 2\n")["resources"]["limits"] == {"memory": "512Mi"}


def test_who_asks_for_a_gpu_gets_what_its_chip_needs_and_tolerates_its_node() -> None:
    patch = APP + "    gpus: 1\nhosts: {homelab: {kubernetes: {taints: [amd.com/gpu=true:NoSchedule]}}}\n"
    made_of = container(patch)
    without = patch.replace("    volumes: {/app/data: /var/lib/uptime, /cache: /var/lib/uptime-cache}\n", "")
    assert made(without, "deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert made_of["resources"]["limits"]["amd.com/gpu"] == 1
    assert {"name": "HSA_OVERRIDE_GFX_VERSION", "value": "11.0.0"} in made_of["env"]
    # What only Ollama reads is not for others.
    assert "OLLAMA_IGPU_ENABLE" not in str(made_of)
    [toleration] = made(patch, "deployment")["spec"]["template"]["spec"]["tolerations"]
    assert (toleration["key"], toleration["effect"]) == ("amd.com/gpu", "NoSchedule")
    # Ollama has the host's one GPU.
    assert [d.code for d in report(patch).errors] == ["GPU003"]


SECRETS = APP.replace('env: {TZ: "${x}"}', "env: {PASSWORD: {secret: uptime/password}, A: a}").replace(
    "/cache: /var/lib/uptime-cache", "/etc/key.pem: {secret: tls/key}"
)


def test_a_secret_is_named_in_the_manifest_and_lies_elsewhere() -> None:
    assert report(SECRETS).ok
    pod = made(SECRETS, "deployment")["spec"]["template"]["spec"]
    assert container(SECRETS)["env"] == [
        {"name": "A", "value": "a"},
        {
            "name": "PASSWORD",
            "valueFrom": {"secretKeyRef": {"name": "uptime", "key": "uptime.password"}},
        },
    ]
    assert {"name": "secrets", "secret": {"secretName": "uptime"}} in pod["volumes"]
    assert container(SECRETS)["volumeMounts"][-1] == {
        "name": "secrets",
        "mountPath": "/etc/key.pem",
        "subPath": "tls.key",
        "readOnly": True,
    }


def test_a_secret_is_brought_by_the_control_plane_from_a_file_that_others_can_not_read() -> None:
    resolved = cluster(SECRETS)
    files = emit_all(resolved)
    nix = files["modules/generated/k8s-master/secrets.nix"].text
    for text in (
        '"workloads/uptime/uptime.password" = {',
        'key = "uptime/password";',
        "sopsFile = ../../../secrets/workloads.yaml;",
        '"tls.key" = "/run/secrets/workloads/uptime/tls.key";',
    ):
        assert text in nix
    for other in ("homelab", "k8s-worker-1"):
        assert "workloads" not in files[f"modules/generated/{other}/secrets.nix"].text
    assert resolved.secrets is not None and resolved.secrets.of_workloads is not None
    assert set(resolved.secrets.of_workloads.recipients) == {"admin", "k8s-master"}
    [rule] = [
        one
        for one in yaml.safe_load(files[".sops.yaml"].text)["creation_rules"]
        if "workloads" in one["path_regex"]
    ]
    assert len(rule["key_groups"][0]["age"]) == 2


def test_a_secret_of_ollama_is_no_gpu_variable() -> None:
    patch = "workloads: {ollama: {env: {HSA_OVERRIDE_GFX_VERSION: {secret: a}}}}"
    text = emit_all(cluster(patch))["k8s/ollama/deployment.yaml"].text
    assert "11.0.0" not in text and "secretKeyRef" in text

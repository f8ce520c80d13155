"""The rows of the user's plan, each held against what is generated for the plan's cluster."""

from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from hybridlab import emit_all, load_spec, parse_spec, resolve
from nix_programs import nix_reads_all

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "cluster.yaml").read_text(encoding="utf-8")
FILES = emit_all(resolve(load_spec(ROOT / "cluster.yaml")))


def nix(path: str) -> str:
    return f"({FILES[f'modules/generated/{path}'].text})"


def manifest(path: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(FILES[f"k8s/{path}"].text)
    return document


# Row, an expression over generated files, and its value.
ROWS = [
    ("S1.1", f"{nix('constants.nix')}.machines.homelab.gpu.passthrough.enable", False),
    ("S1.1", f"{nix('constants.nix')}.machines.homelab.gpu.passthrough.ids", ["1002:1900"]),
    ("S1.2", f"{nix('homelab/boot.nix')}.boot.kernelParams", ["amd_iommu=on", "iommu=pt"]),
    ("S1.3", f"{nix('k8s-worker-1/boot.nix')}.boot.kernelParams", []),
    ("S2.1", f"{nix('homelab/gpu.nix')}.hybridlab.amdGpu.enable", True),
    ("S2.3", f"{nix('homelab/users.nix')}.users.users.limjihoon.extraGroups", ["wheel", "video", "render"]),
    ("S2.3", f"{nix('k8s-master/users.nix')}.users.users.limjihoon.extraGroups", ["wheel"]),
    ("S3.1", f"{nix('homelab/kubernetes.nix')}.services.kubernetes.roles", ["node"]),
    ("S3.1", f"{nix('homelab/kubernetes.nix')}.services.kubernetes.kubelet.nodeIp", "10.0.20.5"),
    ("S3.1", f"{nix('homelab/kubernetes.nix')}.services.flannel.iface", "br0.20"),
    (
        "S3.1",
        f"{nix('homelab/kubernetes.nix')}.services.kubernetes.kubelet.extraOpts",
        "--node-labels=gpu=amd,node-type=baremetal",
    ),
    ("S3.1", f"{nix('kubernetes.nix')}.services.kubernetes.masterAddress", "k8s-master"),
    ("S3.1", f"{nix('kubernetes.nix')}.services.kubernetes.apiserverAddress", "https://k8s-master:6443"),
    ("S3.1", f'{nix("cluster.nix")}.networking.hosts."10.0.20.10"', ["k8s-master"]),
    ("S3.3", f"{nix('constants.nix')}.machines.homelab.role", "worker"),
    ("S3.3", f"{nix('constants.nix')}.machines.homelab.labels", {"gpu": "amd", "node-type": "baremetal"}),
    ("S5.1", f'{nix("homelab/network.nix")}.systemd.network.networks."30-br0.20".address', ["10.0.20.5/24"]),
    ("S5.1", f"{nix('kubernetes.nix')}.services.kubernetes.clusterCidr", "10.244.0.0/16"),
    (
        "S5.2",
        f"map (o: [ o.interface o.port ]) {nix('homelab/firewall.nix')}.hybridlab.firewall.openings",
        [["br0.10", 22], ["br0.20", 22], ["br0.20", 8472], ["br0.20", 10250]],
    ),
    (
        "S5.2",
        f"map (o: o.port) {nix('k8s-master/firewall.nix')}.hybridlab.firewall.openings",
        [22, 6443, 8472, 8888, 10250],
    ),
    (
        "S5.2",
        f"map (n: [ n.port n.sources ]) {nix('homelab/firewall.nix')}.hybridlab.firewall.nodePorts",
        [[31434, ["10.0.10.0/24", "10.0.20.0/24"]]],
    ),
]


@cache
def answers() -> list[bool]:
    return nix_reads_all([(expression, value) for _, expression, value in ROWS])


@pytest.mark.parametrize("index", range(len(ROWS)), ids=[f"{row}-{i}" for i, (row, _, _) in enumerate(ROWS)])
def test_row(index: int) -> None:
    assert answers()[index], ROWS[index]


def test_s1_2_passthrough_brings_the_boot_line_back_and_the_groups_away() -> None:
    text = EXAMPLE.replace("mode: host", "mode: passthrough").replace(
        'ids: ["1002:1900"]}', 'ids: ["1002:1900"], guest: k8s-worker-1}'
    )
    files = emit_all(resolve(parse_spec(text)))
    assert '"vfio-pci.ids=1002:1900"' in files["modules/generated/homelab/boot.nix"].text
    assert "render" not in files["modules/generated/homelab/users.nix"].text
    assert "amdGpu" not in files["modules/generated/homelab/gpu.nix"].text
    assert '"0000:c4:00.0"' in files["modules/generated/k8s-worker-1/microvm.nix"].text


def test_s1_1_nothing_of_passthrough_is_generated_while_the_mode_is_host() -> None:
    for file in FILES:
        if file.path.name != "constants.nix":
            assert "1002:1900" not in file.text
            assert "c4:00.0" not in file.text
            assert "vfio" not in file.text


def test_s4_1_device_plugin_can_register() -> None:
    daemon_set = manifest("amd-gpu-device-plugin/daemonset.yaml")
    pod = daemon_set["spec"]["template"]
    assert pod["spec"]["nodeSelector"] == {"gpu": "amd"}
    assert daemon_set["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    paths = {volume["hostPath"]["path"] for volume in pod["spec"]["volumes"]}
    assert paths == {"/var/lib/kubelet/device-plugins", "/sys"}


def test_s4_2_ollama_asks_for_the_gpu_on_its_host_and_is_told_of_its_chip() -> None:
    pod = manifest("ollama/deployment.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["nodeSelector"] == {"gpu": "amd", "node-type": "baremetal"}
    assert container["resources"]["limits"] == {"amd.com/gpu": 1}
    assert {e["name"]: e["value"] for e in container["env"]} == {
        "HSA_OVERRIDE_GFX_VERSION": "11.0.0",
        "OLLAMA_IGPU_ENABLE": "1",
    }
    assert "privileged" not in container["securityContext"]
    (port,) = manifest("ollama/service.yaml")["spec"]["ports"]
    assert (port["port"], port["nodePort"]) == (11434, 31434)


@pytest.mark.parametrize(
    "path",
    [str(f.path) for f in FILES if f.path.parts[0] == "k8s" and f.path.name != "kustomization.yaml"],
)
def test_s4_manifest_is_valid_against_the_schema_of_the_release(path: str) -> None:
    kubernetes_validate.validate(yaml.safe_load(FILES[path].text), "1.36", strict=True)


def test_s5_3_token_is_named_and_never_written() -> None:
    secrets = FILES["modules/generated/k8s-master/secrets.nix"].text
    assert 'secrets."k8s/join-token"' in secrets
    assert 'role = "server"' in secrets
    assert 'role = "client"' in FILES["modules/generated/k8s-worker-1/secrets.nix"].text
    rule = yaml.safe_load(FILES[".sops.yaml"].text)["creation_rules"][0]
    assert rule["path_regex"] == r"^secrets/secrets\.yaml$"
    assert len(rule["key_groups"][0]["age"]) == 5

"""What people add to a machine beside generated files, and our modules refuse: every assertion can fail."""

import json
import re
from pathlib import Path

import pytest

from nix.flakes import REPOSITORY, Nix

pytestmark = pytest.mark.nix

EXPRESSION = Path(__file__).with_name("faults.nix")


def brought(secret: str, name: str = "app") -> str:
    """A workload's Secret that the machine is to bring into the cluster."""
    return f'hybridlab.podSecrets = {{ cluster = lib.mkForce "homelab"; secrets."{name}" = {secret}; }};'


# By the assertion: a machine, what is added to it, and what is then said.
FAULTS = {
    "amd-gpu: driver": (
        "homelab",
        'boot.blacklistedKernelModules = [ "amdgpu" ];',
        "needs the driver amdgpu, which boot.blacklistedKernelModules excludes",
    ),
    "amd-gpu: vfio": (
        "homelab",
        'boot.kernelParams = [ "vfio-pci.ids=1002:1900" ];',
        "but the boot parameter vfio-pci.ids=1002:1900 hands devices to guests",
    ),
    "firewall: opening in the range of NodePorts": (
        "homelab",
        'hybridlab.firewall.openings = [ { interface = "br0.20"; port = 30080; reason = "mine"; } ];',
        "opening tcp dport 30080 on br0.20 lies in the NodePort range 30000-32767",
    ),
    "gpu-passthrough: no ids": (
        "homelab",
        "hybridlab.gpuPassthrough = { enable = true; ids = [ ]; };",
        "hybridlab.gpuPassthrough.ids is empty",
    ),
    "gpu-passthrough: no boot parameter": (
        "homelab",
        'hybridlab.gpuPassthrough = { enable = true; ids = [ "1002:1900" ]; };',
        "boot.kernelParams lacks vfio-pci.ids=1002:1900",
    ),
    "gpu-passthrough: host's driver": (
        "homelab",
        'hybridlab.gpuPassthrough = { enable = true; ids = [ "1002:1900" ]; };',
        "1002:1900 cannot go to a guest while the host loads amdgpu",
    ),
    "guest: no credential": (
        "k8s-master",
        "microvm.credentialFiles = lib.mkForce { };",
        "microvm.credentialFiles has no sops-age-key, so sops would find no key",
    ),
    "guest: no volume": (
        "k8s-master",
        "microvm.volumes = lib.mkForce [ ];",
        "no volume is mounted at /var/lib, so its state would be lost on every restart",
    ),
    "hypervisor: no nftables": (
        "homelab",
        "networking.nftables.enable = lib.mkForce false;",
        "hybridlab.hypervisor needs networking.nftables.enable = true",
    ),
    "hypervisor: leg without a rule": (
        "homelab",
        'hybridlab.hypervisor.legs."wan0" = 99;',
        "no networkd rule has FirewallMark=99/0xfff and Table=99",
    ),
    "hypervisor: pods without a rule": (
        "homelab",
        'systemd.network.networks."30-br0.20".routingPolicyRules = lib.mkForce '
        '[ { FirewallMark = "20/0xfff"; Table = 20; } ];',
        "no networkd rule has To=10.244.0.0/16 and Table=main",
    ),
    "join-token: in the store": (
        "homelab",
        'hybridlab.joinToken.file = lib.mkForce "${builtins.storeDir}/token";',
        "/token lies in the Nix store, which everybody can read",
    ),
    "join-token: no easyCerts": (
        "homelab",
        "services.kubernetes.pki.enable = lib.mkForce false;",
        "hybridlab.joinToken is for services.kubernetes.easyCerts, which is off",
    ),
    "join-token: role": (
        "homelab",
        'hybridlab.joinToken.role = lib.mkForce "server";',
        "hybridlab.joinToken.role is server, but the API server, beside which cfssl runs, is off",
    ),
    "kubernetes-node: swap": (
        "homelab",
        'swapDevices = [ { device = "/dev/sda2"; } ];',
        "kubelet does not start with swap (/dev/sda2)",
    ),
    "kubernetes-node: zram": (
        "homelab",
        "zramSwap.enable = true;",
        "kubelet does not start with swap (zram)",
    ),
    "kubernetes-node: no roles": (
        "homelab",
        "services.kubernetes.roles = lib.mkForce [ ];",
        "services.kubernetes.roles is empty, so the node would register as unschedulable",
    ),
    "kubernetes-node: flush": (
        "homelab",
        "networking.nftables.flushRuleset = true;",
        "networking.nftables.flushRuleset is on",
    ),
    "kubernetes-node: docker": (
        "homelab",
        "virtualisation.docker.enable = true;",
        "virtualisation.docker drops what is forwarded",
    ),
    "pod-secrets: in the store": (
        "k8s-master",
        brought('{ namespace = "app"; files.KEY = "${builtins.storeDir}/value"; }'),
        "/value, which lies in the Nix store, which everybody can read",
    ),
    "pod-secrets: name": (
        "k8s-master",
        brought('{ namespace = "app"; files.KEY = "/run/secrets/value"; }', name="My App"),
        'hybridlab.podSecrets.secrets has ["My App"]',
    ),
    "pod-secrets: key": (
        "k8s-master",
        brought('{ namespace = "app"; files."..a" = "/a"; files."a b" = "/b"; files.".a-B_1" = "/c"; }'),
        'have the keys ["..a","a b"]',
    ),
    "pod-secrets: no API server": (
        "homelab",
        brought('{ namespace = "app"; files.KEY = "/run/secrets/value"; }'),
        "hybridlab.podSecrets is for the machine of the API server, which is off here",
    ),
    "pod-secrets: no easyCerts": (
        "k8s-master",
        "services.kubernetes.pki.enable = lib.mkForce false; "
        + brought('{ namespace = "app"; files.KEY = "/run/secrets/value"; }'),
        "uses the cluster-admin certificate of services.kubernetes.easyCerts, which is off",
    ),
    "pod-secrets: no kubeconfig": (
        "k8s-master",
        "services.kubernetes.pki.etcClusterAdminKubeconfig = lib.mkForce null; "
        + brought('{ namespace = "app"; files.KEY = "/run/secrets/value"; }'),
        "needs services.kubernetes.pki.etcClusterAdminKubeconfig, which is null",
    ),
}
# What looks like one of them and is right.
FINE = {
    "swap that the kubelet is told to bear": (
        "homelab",
        "zramSwap.enable = true; services.kubernetes.kubelet.extraConfig.failSwapOn = false;",
    ),
    "another vendor's device for a guest": ("homelab", 'boot.kernelParams = [ "vfio-pci.ids=8086:1521" ];'),
    "a network of one's own that is sent on": (
        "homelab",
        'hybridlab.firewall.forwardFrom = [ "wg0" ];',
    ),
    "a Secret on the control plane": (
        "k8s-master",
        brought('{ namespace = "app"; files.KEY = "/run/secrets/value"; }'),
    ),
    "Secrets of which the last one went": (
        "k8s-master",
        'hybridlab.podSecrets = { enable = true; cluster = lib.mkForce "homelab"; };',
    ),
    "nothing": ("k8s-worker-1", ""),
}


@pytest.fixture(scope="module")
def said(nix: Nix, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Failed assertions and warnings by fault, from one run of Nix."""
    folder = tmp_path_factory.mktemp("faults")
    calls = []
    cases = {name: case[:2] for name, case in (FAULTS | FINE).items()}
    for number, (machine, text) in enumerate(cases.values()):
        module = folder / f"{number}.nix"
        module.write_text(f"{{ lib, ... }}: {{ {text} }}\n", encoding="utf-8")
        calls.append(f'{{ machine = "{machine}"; fault = {module}; }}')
    run = nix.expression(f"import {EXPRESSION} {{ root = {REPOSITORY}; faults = [ {' '.join(calls)} ]; }}")
    assert run.returncode == 0, run.stderr
    answers = json.loads(run.stdout)
    return {name: answer["failed"] + answer["warnings"] for name, answer in zip(cases, answers, strict=True)}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_said(said: dict[str, list[str]], fault: str) -> None:
    machine, _, reason = FAULTS[fault]
    [message] = [message for message in said[fault] if reason in message]
    assert message.startswith(f"{machine}: ")


@pytest.mark.parametrize("addition", FINE)
def test_nothing_is_said(said: dict[str, list[str]], addition: str) -> None:
    assert said[addition] == []


def test_every_assertion_has_its_fault() -> None:
    """As many faults as there are places in a module where something is refused."""
    found = {
        path.stem: len(re.findall(r"\bassertion =|warnings = lib\.optional ", path.read_text()))
        for path in REPOSITORY.joinpath("modules").glob("*.nix")
    }
    # The same assertion, of swap on a disk and in memory.
    tried = [name.partition(":")[0] for name in FAULTS if name != "kubernetes-node: zram"]
    assert {name: count for name, count in found.items() if count} == {
        name: tried.count(name) for name in set(tried)
    }

"""Rules about evaluated machines beyond their examples, without Nix: what NixOS could say, written down."""

import datetime
import functools
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hybridlab import Report
from hybridlab.diagnostic import SourceSpan
from hybridlab.model.evaluated import (
    Definition,
    Evaluated,
    EvaluatedMachine,
    NotEvaluated,
    Origin,
    Setting,
)
from hybridlab.rules.deep.check import check_deep
from hybridlab.rules.deep.registry import DEEP_RULES, READ_OPTIONS
from hybridlab.rules.deep.rule import DeepRule, seen_machines
from hybridlab.rules.registry import ALL_RULES
from hybridlab.spec.document import Scalar, parse_document
from patched import cluster, patched

TODAY = datetime.date(2026, 11, 29)
RULES = {rule.code: rule for rule in DEEP_RULES}

Options = Mapping[str, Any]
spec = functools.cache(cluster)


def machine(options: Options, guests: Mapping[str, EvaluatedMachine] | None = None) -> EvaluatedMachine:
    settings = {
        name: Setting(value, (Definition(value, "mine.nix", Origin.USER, SourceSpan("mine.nix", 1, 1)),))
        for name, value in options.items()
    }
    return EvaluatedMachine(settings, guests=guests or {})


# What is not there is defined nowhere.
NOWHERE = ("microvm.vms does not have", "its kubelet gives pods /etc/resolv.conf")


def found(code: str, options: Options, on: str = "homelab", patch: str = "") -> list[str]:
    """Return what one rule says of a machine of which no more is known than these options."""
    whole = spec(patch)
    assert {*options} <= {*RULES[code].reads}, "an option that the rule does not ask for"
    seen = seen_machines(whole, Evaluated({on: machine(options)}))
    messages = []
    for _, diagnostic in RULES[code].check(whole, seen):
        message = diagnostic.message.partition(": ")[2]
        files = [
            other.span.file for other in diagnostic.related if other.message == "defined here" and other.span
        ]
        assert files == ([] if message.startswith(NOWHERE) else ["mine.nix"]), message
        node = parse_document(patched(patch), name="cluster.yaml").node(diagnostic.path)
        assert diagnostic.on_key == (not isinstance(node, Scalar)) or node is None, message
        messages.append(message)
    return messages


FIREWALL = "networking.firewall"
RULE = 'iifname "br0.10" ip saddr {{ {} }} tcp dport 22 accept comment "x"'

CASES = [
    ("NIX101", {"networking.nftables.enable": False}, ["networking.nftables.enable is false, so"]),
    ("NIX101", {f"{FIREWALL}.backend": "firewalld"}, [f"{FIREWALL}.backend is 'firewalld', so"]),
    ("NIX101", {f"{FIREWALL}.backend": "nftables"}, []),
    # Not alone in what it lets in: everybody, where the spec has one VLAN.
    (
        "NIX102",
        {f"{FIREWALL}.allowedTCPPorts": [22]},
        ["tcp port 22 on every interface, which the spec opens to 10.0.10.0/24 and 10.0.20.0/24 only"],
    ),
    (
        "NIX102",
        {f"{FIREWALL}.allowedUDPPortRanges": [{"from": 60000, "to": 61000}]},
        ["lets in udp ports 60000 to 61000 on every interface, and nothing"],
    ),
    (
        "NIX102",
        {f"{FIREWALL}.interfaces.*.allowedTCPPorts": {"br0.10": [80, 443], "wg0": []}},
        ["lets in tcp ports 80 and 443 on br0.10, and nothing"],
    ),
    ("NIX102", {f"{FIREWALL}.extraInputRules": RULE.format("10.0.10.0/24")}, []),
    ("NIX102", {f"{FIREWALL}.extraInputRules": RULE.format("10.0.10.7, 10.0.10.128/25")}, []),
    (
        "NIX102",
        {f"{FIREWALL}.extraInputRules": RULE.format("10.0.10.0/24, 192.168.1.0/24")},
        ["lets in tcp port 22 on br0.10 from 10.0.10.0/24 and 192.168.1.0/24, which the spec opens to"],
    ),
    (
        "NIX102",
        {f"{FIREWALL}.extraInputRules": "tcp dport { 80, 8000-8010 } accept"},
        ["lets in tcp ports 80 and 8000 to 8010 on every interface, and nothing"],
    ),
    (
        "NIX102",
        {"hybridlab.firewall.nodePorts": [{"port": 30001, "protocol": "tcp", "sources": ["0.0.0.0/0"]}]},
        ["hybridlab.firewall.nodePorts lets in tcp port 30001 from 0.0.0.0/0, and nothing"],
    ),
    (
        "NIX102",
        {
            "virtualisation.oci-containers.containers.*.ports": {
                "web": ["8080:80", "127.0.0.1:9090:90", "10.0.10.5:53:53/udp"]
            }
        },
        ["lets in tcp port 8080 on every interface", "lets in udp port 53 on every interface"],
    ),
    (
        "NIX102",
        {
            "networking.nat.enable": True,
            "networking.nat.forwardPorts": [
                {"sourcePort": 8080, "proto": "tcp"},
                {"sourcePort": "9000:9010", "proto": "udp"},
            ],
        },
        ["lets in tcp port 8080", "lets in udp ports 9000 to 9010"],
    ),
    ("NIX102", {"networking.nat.forwardPorts": [{"sourcePort": 8080}]}, []),
    ("NIX104", {f"{FIREWALL}.trustedInterfaces": ["lo", "mynet", "br0*"]}, ["trustedInterfaces has br0*"]),
    ("NIX104", {f"{FIREWALL}.trustedInterfaces": ["enp1s0"]}, ["enp1s0, on which every VLAN comes in"]),
    ("NIX105", {f"{FIREWALL}.trustedInterfaces": ["lo", "mynet", "br0.10"]}, []),
    (
        "NIX106",
        {"hybridlab.firewall.forwardFrom": ["mynet", "br0.10"], "hybridlab.firewall.nodePortRange": {}},
        ["forwardFrom has br0.10, on which VLAN 'management' comes in"],
    ),
    (
        "NIX106",
        {
            "hybridlab.firewall.forwardFrom": ["mynet"],
            "hybridlab.firewall.nodePortRange": {},
            "networking.nftables.tables.*.enable": {"hybridlab-guard": False},
        },
        ["networking.nftables.tables.hybridlab-guard.enable is false"],
    ),
    ("NIX106", {"hybridlab.firewall.enable": False}, ["hybridlab.firewall.enable is false"]),
    (
        "NIX107",
        {"networking.nftables.ruleset": "table inet x { }"},
        ["networking.nftables.ruleset has rules"],
    ),
    ("NIX107", {f"{FIREWALL}.extraInputRules": "# a remark\n\n"}, []),
    (
        "NIX107",
        {f"{FIREWALL}.extraInputRules": "ip protocol icmp accept\nmeta mark 1 drop"},
        ["has 'ip protocol icmp accept' and 1 more: nobody can tell"],
    ),
    (
        "NIX107",
        {f"{FIREWALL}.extraInputRules": "ip saddr nonsense tcp dport 22 accept"},
        ["has 'ip saddr nonsense tcp dport 22 accept'"],
    ),
    (
        "NIX107",
        {f"{FIREWALL}.extraInputRules": "ip saddr 10.0.0.999 tcp dport 22 accept"},
        ["has 'ip saddr 10.0.0.999 tcp dport 22 accept'"],
    ),
    (
        "NIX107",
        {f"{FIREWALL}.extraInputRules": "ip saddr 10.0.0.9 tcp dport { ssh } accept"},
        ["has 'ip saddr 10.0.0.9 tcp dport { ssh } accept'"],
    ),
    ("NIX102", {"hybridlab.firewall.nodePorts": [{"port": "all", "protocol": "tcp"}, {"port": 1}]}, []),
    (
        "NIX108",
        {"systemd.network.networks.*.networkConfig.Address": {"x": "10.0.10.1/24"}},
        ["has 10.0.10.1/24, which is the address of the gateway of VLAN 'management'"],
    ),
    (
        "NIX108",
        {"systemd.network.networks.*.addresses.*.Address": {"x": ["10.0.20.10/24"]}},
        ["has 10.0.20.10/24, which is the address of guest 'k8s-master'"],
    ),
    ("NIX108", {"systemd.network.networks.*.address": {"x": ["10.0.10.5/24", "fe80::1/64"]}}, []),
    (
        "NIX109",
        {"systemd.network.networks.*.address": {"x": ["10.0.10.5/24", "10.0.10.99/24"]}},
        ["has 10.0.10.99/24 in VLAN 'management', and the spec does not know of it"],
    ),
    ("NIX109", {"systemd.network.networks.*.address": {"x": ["192.168.77.1/24"]}}, []),
    (
        "NIX110",
        {"virtualisation.docker.enable": True, "virtualisation.docker.daemon.settings.bip": "10.0.20.1/24"},
        [],  # the gateway's own: NIX108
    ),
    (
        "NIX110",
        {"virtualisation.docker.enable": True, "virtualisation.docker.daemon.settings.bip": "10.0.20.129/25"},
        ["bip gives it 10.0.20.128/25, which overlaps VLAN 'services' (10.0.20.0/24)"],
    ),
    (
        "NIX110",
        {
            "virtualisation.docker.enable": True,
            "virtualisation.docker.daemon.settings.default-address-pools": [
                {"base": "10.244.0.0/16", "size": 24}
            ],
        },
        ["default-address-pools gives it 10.244.0.0/16, which overlaps the network of pods"],
    ),
    (
        "NIX110",
        {
            "virtualisation.podman.enable": True,
            "virtualisation.podman.defaultNetwork.settings.subnets": [{"subnet": "10.96.4.0/24"}],
        },
        ["subnets gives it 10.96.4.0/24, which overlaps the network of Services"],
    ),
    (
        "NIX110",
        {
            "virtualisation.docker.enable": True,
            "networking.wireguard.interfaces.*.ips": {"wg0": ["172.17.5.1/24"]},
        },
        ["wg0.ips gives it 172.17.5.0/24, and virtualisation.docker.enable (docker takes 172.17.0.1/16 by"],
    ),
    ("NIX110", {"services.tailscale.enable": True, "virtualisation.libvirtd.enable": True}, []),
    (
        "NIX110",
        {"containers.*.hostAddress": {"web": "10.0.20.200"}},
        ["containers.web.hostAddress gives it 10.0.20.200/32, which overlaps VLAN 'services'"],
    ),
    (
        "NIX111",
        {"systemd.network.networks.*.address": {"x": ["10.0.10.5/24", "10.0.20.5/16"]}},
        ["it has 10.0.20.5/16 there instead, and the spec gives it 10.0.20.5/24 in VLAN 'services'"],
    ),
    (
        "NIX112",
        {
            "systemd.network.networks.*.matchConfig": {
                "10-all": {"Name": "*"},
                "10-uplink": {"Name": "enp1s0"},
            }
        },
        ["'10-all' comes first and matches enp1s0 (of '10-uplink'), br0 (of '20-br0'), br0.10 (of"],
    ),
    ("NIX112", {"systemd.network.networks.*.matchConfig": {"00-x": {"Name": "!e* br* vm-*"}}}, []),
    ("NIX112", {"systemd.network.networks.*.matchConfig": {"00-x": {"Name": "!enp1s0 br* vm-*"}}}, []),
    ("NIX112", {"systemd.network.networks.*.matchConfig": {"00-x": {"Name": "e*", "Driver": "virtio"}}}, []),
    ("NIX112", {"systemd.network.networks.*.matchConfig": {"00-x": {"Type": "ether"}}}, ["matches enp1s0"]),
    (
        "NIX112",
        {
            "systemd.network.networks.*.matchConfig": {"00-x": {"Type": "ether"}},
            "systemd.network.networks.*.enable": {"00-x": False},
        },
        [],
    ),
    ("NIX113", {"networking.hosts": {"127.0.0.2": ["homelab"], "10.0.10.5": ["homelab"]}}, []),
    ("NIX114", {"services.openssh.enable": False}, ["services.openssh.enable is false, so nobody"]),
    ("NIX114", {"services.openssh.ports": [2222, 22]}, []),
    (
        "NIX114",
        {"services.openssh.ports": [22], "services.openssh.listenAddresses": [{"addr": "127.0.0.1"}]},
        ["listenAddresses has 127.0.0.1, so sshd is not on port 22"],
    ),
    (
        "NIX114",
        {
            "services.openssh.ports": [22],
            "services.openssh.listenAddresses": [{"addr": "10.0.10.5", "port": 2222}],
        },
        ["listenAddresses has 10.0.10.5, so sshd is not on port 22"],
    ),
    (
        "NIX114",
        {"services.openssh.ports": [22], "services.openssh.listenAddresses": [{"addr": "10.0.10.5"}]},
        [],
    ),
    (
        "NIX115",
        {"services.openssh.settings": {"PubkeyAuthentication": False}},
        ["PubkeyAuthentication is false"],
    ),
    ("NIX115", {"services.openssh.settings": {"AllowUsers": ["alex"]}}, ["AllowUsers has alex and not root"]),
    ("NIX115", {"services.openssh.settings": {"AllowUsers": ["ro*@10.0.10.*"]}}, []),
    ("NIX115", {"services.openssh.enable": False, "services.openssh.settings": {"DenyUsers": "root"}}, []),
    (
        "NIX115",
        {"services.openssh.settings": {"AllowGroups": ["wheel"]}},
        ["AllowGroups has wheel and not root"],
    ),
    ("NIX115", {"services.openssh.settings": {"DenyUsers": ["root"]}}, ["DenyUsers has root"]),
    (
        "NIX115",
        {"services.openssh.authorizedKeysFiles": ["%h/.ssh/authorized_keys"]},
        ["has %h/.ssh/authorized_keys and not /etc/ssh/authorized_keys.d/%u"],
    ),
    (
        "NIX115",
        {"users.users.*.openssh.authorizedKeys.keys": {"root": ["ssh-ed25519 AAAA other"]}},
        ["users.users.root has none of the keys of the spec"],
    ),
    ("NIX116", {"users.users.*.isNormalUser": {"alex": False}}, ["is no person's account"]),
    ("NIX116", {"users.users.*.openssh.authorizedKeys.keys": {"alex": []}}, ["lacks 1 of 1 keys"]),
    ("NIX117", {"users.users.*.uid": {"root": 0, "toor": 0}}, ["users.users.toor has uid 0"]),
    (
        "NIX117",
        {
            "users.users.*.isNormalUser": {"bo": True},
            "users.users.*.extraGroups": {"bo": ["docker", "audio"]},
        },
        ["users.users.bo has docker's socket by its groups"],
    ),
    (
        "NIX117",
        {"users.users.*.isNormalUser": {"svc": False}, "users.users.*.extraGroups": {"svc": ["wheel"]}},
        [],
    ),
    ("NIX118", {"services.openssh.settings": {"PermitRootLogin": "yes"}}, ["PermitRootLogin is yes"]),
    (
        "NIX118",
        {"services.openssh.enable": False, "services.openssh.settings": {"PermitRootLogin": "yes"}},
        [],
    ),
    (
        "NIX119",
        {"networking.hostName": "home"},
        ["networking.hostName is 'home', and the spec has 'homelab'"],
    ),
    ("NIX119", {"nixpkgs.hostPlatform.system": "aarch64-linux"}, ["is 'aarch64-linux', and the spec has"]),
    ("NIX119", {"time.timeZone": "Asia/Seoul"}, []),
    (
        "NIX121",
        {"microvm.host.enable": False},
        ["guest 'k8s-master' does not run", "guest 'k8s-worker-1' does"],
    ),
    (
        "NIX121",
        {"microvm.vms.*.autostart": {"k8s-master": True}},
        ["microvm.vms does not have guest 'k8s-worker-1'"],
    ),
    ("NIX124", {"services.kubernetes.kubelet.extraOpts": "--v=2 --node-labels=a=b,gpu=amd"}, []),
    (
        "NIX124",
        {
            "services.kubernetes.kubelet.taints": {
                "gpu": {"key": "gpu", "value": "true", "effect": "NoSchedule"}
            }
        },
        ["the kubelet registers with gpu=true:NoSchedule, unlike the spec"],
    ),
    (
        "NIX124",
        {"services.kubernetes.kubelet.taints": {}, "services.kubernetes.kubelet.unschedulable": True},
        ["the kubelet registers with unschedulable=true:NoSchedule, unlike the spec"],
    ),
    ("NIX125", {"zramSwap.enable": True}, ["zramSwap.enable is true, and its kubelet"]),
    (
        "NIX125",
        {"zramSwap.enable": True, "swapDevices.*.device": ["/dev/sda2", "/swap"]},
        ["swapDevices has /dev/sda2 and /swap, and its", "zramSwap.enable is true"],
    ),
    (
        "NIX125",
        {"zramSwap.enable": True, "services.kubernetes.kubelet.extraOpts": "--fail-swap-on=false"},
        [],
    ),
    ("NIX127", {"services.rke2.enable": True}, ["services.rke2.enable is true"]),
    ("NIX128", {"services.resolved.enable": True}, ["its kubelet gives pods /etc/resolv.conf"]),
    ("NIX128", {"services.resolved.enable": False}, []),
    (
        "NIX129",
        {
            "boot.kernel.sysctl": {
                "net.ipv4.conf.all.rp_filter": True,
                "net.bridge.bridge-nf-call-iptables": "0",
            }
        },
        ['bridge-nf-call-iptables" is 0', 'conf.all.rp_filter" is 1'],
    ),
    # NixOS has it so by default, and ip_forward, which comes later, wins.
    ("NIX129", {"boot.kernel.sysctl": {"net.ipv4.conf.all.forwarding": False}}, []),
    ("NIX130", {"boot.kernelParams": ["amd_iommu=on", "iommu=pt", "iommu=off"]}, ["has iommu=off"]),
    ("NIX131", {"boot.kernelParams": ["nomodeset"]}, ["boot.kernelParams has nomodeset"]),
    (
        "NIX131",
        {"hardware.enableRedistributableFirmware": False, "hardware.enableAllFirmware": True},
        [],
    ),
    (
        "NIX133",
        {"fileSystems.*.fsType": {"/": "tmpfs"}},
        ["/var/lib/microvms with the volumes of its guests is on the tmpfs at /"],
    ),
    (
        "NIX133",
        {"fileSystems.*.fsType": {"/": "tmpfs", "/var/lib/microvms": "ext4"}},
        ["/var/lib/kubernetes with the node's certificates and pods is on the tmpfs at /"],
    ),
    ("NIX134", {"fileSystems.*.fsType": {"/": "ext4", "/var": "nfs4"}}, ["/var/lib/kubernetes is on /var"]),
    (
        "NIX136",
        {"services.etcd.enable": True},
        [],  # a worker has none of the control plane's ports
    ),
    (
        "NIX136",
        {"services.ollama.enable": True, "services.ollama.port": 10250},
        ["Ollama (services.ollama.enable) takes port 10250/tcp, which kubelet API has there"],
    ),
    (
        "NIX136",
        {"services.prometheus.enable": True, "services.prometheus.port": 31434},
        ["Prometheus (services.prometheus.enable) takes port 31434/tcp, which the NodePort of"],
    ),
    ("NIX138", {"services.dnsmasq.settings.dhcp-range": "10.0.20.2,10.0.20.250"}, []),
    (
        "NIX138",
        {
            "services.dnsmasq.enable": True,
            "services.dnsmasq.settings.dhcp-range": "set:lan,10.0.20.2,10.0.20.10,255.255.255.0,12h",
        },
        ["gives out 10.0.20.2 to 10.0.20.10, with 10.0.20.5 of host 'homelab' and 10.0.20.10 of guest"],
    ),
    (
        "NIX138",
        {
            "services.kea.dhcp4.enable": True,
            "services.kea.dhcp4.settings.subnet4": [
                {
                    "subnet": "10.0.10.0/24",
                    "pools": [{"pool": "10.0.10.1 - 10.0.10.4"}, {"pool": "10.0.20.0/27"}],
                }
            ],
        },
        [
            "gives out 10.0.10.1 to 10.0.10.4, with 10.0.10.1 of the gateway",
            "gives out 10.0.20.0 to 10.0.20.31",
        ],
    ),
    (
        "NIX139",
        {"services.connman.enable": True},
        ["services.connman.enable is true, and networkd has enp1s0"],
    ),
    (
        "NIX139",
        {
            "networking.networkmanager.enable": True,
            "networking.networkmanager.unmanaged": ["interface-name:wlan*", "mac:00:00:00:00:00:01"],
        },
        ["networking.networkmanager.enable is true"],
    ),
    (
        "NIX139",
        {"networking.networkmanager.enable": True, "networking.networkmanager.unmanaged": ["type:ethernet"]},
        [],
    ),
]


@pytest.mark.parametrize(("code", "options", "says"), CASES)
def test_a_rule_says(code: str, options: Options, says: list[str]) -> None:
    messages = found(code, options)
    assert len(messages) == len(says), messages
    for message, text in zip(messages, says, strict=True):
        assert text in message


GUEST_CASES = [
    ("NIX139", {"networking.networkmanager.enable": True}, []),
    (
        "NIX103",
        {f"{FIREWALL}.extraInputRules": "tcp dport { 22, 10250 } accept\nudp dport 8472 accept"},
        ["tcp port 31434 (Ollama) is shut, which the spec opens"],
    ),
    (
        "NIX103",
        {
            f"{FIREWALL}.allowedTCPPorts": [10250],
            f"{FIREWALL}.interfaces.*.allowedUDPPorts": {"vlan20": [8472]},
            f"{FIREWALL}.extraInputRules": "ip saddr 10.0.10.0/24 tcp dport 22 accept",
            "hybridlab.firewall.nodePorts": [{"port": 31434, "protocol": "tcp", "sources": ["10.0.20.0/25"]}],
        },
        ["tcp port 22 (ssh) and tcp port 31434 (Ollama) are shut, which the spec opens"],
    ),
    ("NIX103", {f"{FIREWALL}.enable": False}, []),
    ("NIX119", {"systemd.network.enable": False}, ["systemd.network.enable is false, and the spec has true"]),
    ("NIX120", {"microvm.vsock.cid": 3}, ["microvm.vsock.cid is 3, and the spec has"]),
    (
        "NIX120",
        {
            "microvm.interfaces.*.id": ["vm-mine"],
            "microvm.interfaces.*.mac": ["02:00:00:00:00:01"],
            "microvm.volumes.*.mountPoint": ["/srv", "/var/lib"],
            "microvm.volumes.*.size": [1, 64],
        },
        [
            "microvm.interfaces has vm-mine (02:00:00:00:00:01), and the bridge knows it as vm-k8s-",
            "the volume at /var/lib has 64 MiB, and the spec has 20480 MiB",
        ],
    ),
    ("NIX120", {"microvm.volumes.*.mountPoint": ["/srv"], "microvm.volumes.*.size": [1]}, []),
    (
        "NIX123",
        {"services.kubernetes.roles": ["master", "node"]},
        ["is [ 'master' 'node' ], and the spec has"],
    ),
    (
        "NIX123",
        {"services.kubernetes.kubelet.clusterDns": []},
        ["clusterDns is [ ], and the spec has [ '10."],
    ),
    ("NIX123", {"services.kubernetes.apiserver.securePort": 443}, []),
    ("NIX132", {"microvm.devices.*.path": ["0000:01:00.0"]}, ["the spec gives it to nobody"]),
    ("NIX133", {"fileSystems.*.fsType": {"/": "tmpfs", "/var/lib": "ext4"}}, []),
    (
        "NIX133",
        {"fileSystems.*.fsType": {"/": "tmpfs"}},
        ["/var/lib with its state is on the tmpfs at /"],
    ),
    (
        "NIX134",
        {"fileSystems.*.fsType": {"/": "tmpfs", "/var/lib": "ext4", "/var/lib/kubernetes": "9p"}},
        ["/var/lib/kubernetes is on /var/lib/kubernetes, which is 9p"],
    ),
]


@pytest.mark.parametrize(("code", "options", "says"), GUEST_CASES)
def test_a_rule_says_of_a_guest(code: str, options: Options, says: list[str]) -> None:
    messages = found(code, options, on="k8s-worker-1")
    assert len(messages) == len(says), messages
    for message, text in zip(messages, says, strict=True):
        assert text in message


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"services.kubernetes.apiserver.securePort": 443},
            ["services.kubernetes.apiserver.securePort is 443, and the spec has 6443"],
        ),
        (
            {"services.kubernetes.apiserver.advertiseAddress": "10.0.10.5"},
            ["advertiseAddress is '10.0.10.5', and the spec has '10.0.20.10'"],
        ),
        ({"services.kubernetes.roles": ["master"]}, []),
    ],
)
def test_a_control_plane_has_settings_of_its_own(options: Options, says: list[str]) -> None:
    messages = found("NIX123", options, on="k8s-master")
    assert len(messages) == len(says)
    for message, text in zip(messages, says, strict=True):
        assert text in message


PASSTHROUGH = """
  hosts: {homelab: {gpu: {mode: passthrough, passthrough: {
    address: "0000:c4:00.0", ids: ["1002:1900"], guest: k8s-worker-1}}}}
  workloads: null
"""


@pytest.mark.parametrize(
    ("mode", "guest", "says"),
    [
        ("passthrough", "k8s-worker-1", []),
        ("passthrough", "k8s-master", ["the spec gives it to guest 'k8s-worker-1'"]),
        ("host", "k8s-worker-1", ["it is the GPU of host 'homelab', whose mode is host"]),
    ],
)
def test_a_gpu_has_one_owner(mode: str, guest: str, says: list[str]) -> None:
    patch = PASSTHROUGH.replace("mode: passthrough", f"mode: {mode}")
    messages = found("NIX132", {"microvm.devices.*.path": ["0000:c4:00.0"]}, on=guest, patch=patch)
    assert len(messages) == len(says)
    for message, text in zip(messages, says, strict=True):
        assert text in message


@pytest.mark.parametrize(
    ("image", "read_only", "count"), [("/srv/x.img", False, 1), ("/srv/x.img", True, 0), ("x.img", False, 0)]
)
def test_an_image_is_for_one_writer(image: str, read_only: bool, count: int) -> None:
    disk = machine({"microvm.volumes.*.image": [image], "microvm.volumes.*.readOnly": [read_only]})
    seen = seen_machines(spec(""), Evaluated({"k8s-master": disk, "k8s-worker-1": disk}))
    assert len(list(RULES["NIX135"].check(spec(""), seen))) == count


def test_a_guest_on_two_hosts_is_told_on_the_wrong_one() -> None:
    whole = spec(
        """
        hosts: {cellar: {uplink: eno1, addresses: {management: 10.0.10.6}, cpus: 4, memory: 16GiB}}
        secrets: {recipients: {cellar: age1ltaxvmduz0082k4uu4cag09hs8c7gcrfw7gtv2u4k4zkt8h070mqhm6xev}}
        """
    )
    both = {"k8s-worker-1": machine({})}
    hosts = {"homelab": machine({}, guests=both), "cellar": machine({}, guests=both)}
    ((_, diagnostic),) = RULES["NIX122"].check(whole, seen_machines(whole, Evaluated(hosts)))
    assert "host 'cellar': it runs guest 'k8s-worker-1', which the spec has on host 'homelab'" in (
        diagnostic.message
    )


def test_why_nixos_refuses_a_machine_is_told_once() -> None:
    whole = spec("")
    swap = machine({"zramSwap.enable": True})
    said = "homelab: kubelet does not start with swap (zram): remove it"
    refused = evolve(swap, failed=(said, "another\nreason"))
    report = check_deep(
        whole, Evaluated({"homelab": refused}), [RULES["NIX125"], RULES["NIX137"]], today=TODAY
    )
    messages = {one.code: one.message for one in report if one.code != "NIX191"}
    assert messages == {
        "NIX125": messages["NIX125"],
        "NIX137": "host 'homelab': can not be built, since a module says: another reason",
    }


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUcE0v3cGzpl0ZKeTzyTMVUHPVUhiLqBeHTMFOG1gcS", "…MFOG1gcS'"),
        ("nonsense", "'nonsense'"),
    ],
)
@pytest.mark.parametrize("user", ["root", "alex"])
def test_a_stranger_s_key_is_named(user: str, key: str, shown: str) -> None:
    own = spec("").admin.ssh_keys
    (message,) = found("NIX117", {"users.users.*.openssh.authorizedKeys.keys": {user: [*own, key]}})
    assert f"users.users.{user} takes the key" in message and shown in message


def test_a_comment_makes_no_other_key() -> None:
    (own,) = spec("").admin.ssh_keys
    renamed = " ".join((*own.split()[:2], "my old name"))
    assert found("NIX117", {"users.users.*.openssh.authorizedKeys.keys": {"root": [renamed]}}) == []
    restricted = f'from="10.0.10.7" {own}'
    assert len(found("NIX117", {"users.users.*.openssh.authorizedKeys.keys": {"root": [restricted]}})) == 1


def test_an_opening_of_our_module_that_somebody_adds_names_their_file() -> None:
    option = "hybridlab.firewall.openings"
    line = 'iifname "br0.10" tcp dport 8080 accept'
    item = {"interface": "br0.10", "port": 8080}
    ours = Definition(line, "modules/firewall.nix", Origin.OURS)
    others = (
        Definition([{**item, **change}], "others.nix", Origin.USER, SourceSpan("others.nix", 1, 1))
        for change in ({"port": 9090}, {"protocol": "udp"}, {"interface": "br0.20"})
    )
    mine = machine({option: [item]}).setting(option)
    mine = evolve(mine, definitions=(*mine.definitions, *others))
    settings = {f"{FIREWALL}.extraInputRules": Setting(line, (ours,)), option: mine}
    whole = spec("")
    seen = seen_machines(whole, Evaluated({"homelab": EvaluatedMachine(settings)}))
    ((_, diagnostic),) = RULES["NIX102"].check(whole, seen)
    assert f"{option} lets in tcp port 8080 on br0.10, and nothing" in diagnostic.message
    assert [other.span and other.span.file for other in diagnostic.related] == ["mine.nix"]


def test_tables_of_nftables_are_ours_nixos_s_or_told() -> None:
    families = dict.fromkeys(("hybridlab-guard", "nixos-fw", "nixos-nat", "mine", "off"), "inet")
    options = {
        "networking.nftables.tables.*.family": families,
        "networking.nftables.tables.*.enable": {**dict.fromkeys(families, True), "off": False},
    }
    (message,) = found("NIX107", options)
    assert "networking.nftables.tables has 'mine'" in message


class Asked(dict[str, Setting]):
    """Settings that note what is asked for."""

    def __init__(self, options: Options) -> None:
        super().__init__(machine(options).settings)
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)


# Where a rule stops early, it asks for less: so everything is on, and as it should not be.
EVERYTHING = {option: True for option in READ_OPTIONS if option.endswith(("nable", "autostart"))}
EVERYTHING["networking.firewall.extraInputRules"] = "tcp dport 80 accept"


@pytest.mark.parametrize("rule", DEEP_RULES, ids=lambda rule: rule.code)
@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["nothing", "everything"])
def test_a_rule_names_the_options_that_it_looks_at(rule: DeepRule, options: Options) -> None:
    whole = spec("")
    settings = Asked(options)
    inner = EvaluatedMachine(settings)
    nixos = EvaluatedMachine(settings, guests={"x": inner})
    list(rule.check(whole, seen_machines(whole, Evaluated({one.name: nixos for one in whole.machines}))))
    assert settings.names <= {*rule.reads}


def test_the_control_plane_s_own_etcd_takes_nobody_s_port() -> None:
    assert found("NIX136", {"services.etcd.enable": True}, on="k8s-master") == []


def test_a_machine_that_is_no_node_may_do_what_a_node_may_not() -> None:
    options: Mapping[str, Options] = {
        "NIX106": {"hybridlab.firewall.enable": False},
        "NIX123": {"services.kubernetes.roles": []},
        "NIX125": {"zramSwap.enable": True},
        "NIX126": {"virtualisation.docker.enable": True},
        "NIX127": {"services.k3s.enable": True},
        "NIX128": {"services.resolved.enable": True},
        "NIX129": {"boot.kernel.sysctl": {"net.ipv4.ip_forward": 0}},
        "NIX134": {"fileSystems.*.fsType": {"/": "nfs4"}},
        "NIX136": {"services.prometheus.enable": True, "services.prometheus.port": 10250},
    }
    for code, each in options.items():
        assert found(code, each, patch=NO_KUBERNETES) == [], code
        assert found(code, each) != [], code


def test_a_service_of_the_spec_is_no_opening_without_flow() -> None:
    rule = 'iifname "vlan20" ip saddr { 10.0.20.0/24 } tcp dport 8080 accept'
    options = {f"{FIREWALL}.extraInputRules": rule}
    service = "guests: {k8s-worker-1: {services: {page: {port: 8080, from: [services]}}}}"
    assert len(found("NIX102", options, on="k8s-worker-1")) == 1
    assert found("NIX102", options, on="k8s-worker-1", patch=service) == []


def test_a_device_of_the_spec_is_no_address_of_nobody() -> None:
    options = {"systemd.network.networks.*.address": {"x": ["10.0.20.5/24", "10.0.20.77/24"]}}
    device = "networks: {vlans: {services: {devices: {mine: 10.0.20.77}}}}"
    assert len(found("NIX109", options)) == 1
    assert found("NIX109", options, patch=device) == []
    # It may be this machine's or not: whose it is, the spec does not say.
    assert len(found("NIX108", options, patch=device)) == 1


def test_an_address_that_dhcp_gives_out_is_told_so() -> None:
    options = {"systemd.network.networks.*.address": {"x": ["10.0.20.5/24", "10.0.20.77/24"]}}
    dhcp = "networks: {vlans: {services: {dhcp: {from: 10.0.20.50, to: 10.0.20.99}}}}"
    (message,) = found("NIX109", options, patch=dhcp)
    assert "DHCP" in message


def test_a_guest_is_looked_at_as_its_host_runs_it() -> None:
    whole = spec("")
    inner = machine({"networking.hostName": "inner"})
    host = machine({}, guests={"k8s-worker-1": inner})
    seen = seen_machines(whole, Evaluated({"homelab": host, "k8s-worker-1": machine({})}))
    assert {one.machine.name: one.nixos for one in seen}["k8s-worker-1"] == inner


def test_a_guest_that_the_spec_does_not_have_may_have_another_s_address() -> None:
    whole = spec("")
    stranger = machine({"systemd.network.networks.*.address": {"x": ["10.0.20.11/24"]}})
    seen = seen_machines(whole, Evaluated({"homelab": machine({}, guests={"extra": stranger})}))
    ((_, diagnostic),) = RULES["NIX108"].check(whole, seen)
    assert "in its guest 'extra'" in diagnostic.message
    ((_, other),) = RULES["NIX122"].check(whole, seen)
    assert "(at 10.0.20.11/24)" in other.message


def test_the_same_address_of_two_machines_is_one_finding() -> None:
    whole = spec("")
    vpn = machine({"networking.wireguard.interfaces.*.ips": {"wg0": ["10.9.0.1/24"]}})
    seen = seen_machines(whole, Evaluated({"homelab": vpn, "k8s-worker-1": vpn}))
    ((_, diagnostic),) = RULES["NIX108"].check(whole, seen)
    assert "which host 'homelab' has as well" in diagnostic.message


@pytest.mark.parametrize("address", ["fe80::1/64", "169.254.7.7/16", "127.0.0.53/8"])
def test_an_address_that_every_link_may_have_is_nobody_s(address: str) -> None:
    whole = spec("")
    link = machine({"systemd.network.networks.*.address": {"x": [address]}})
    seen = seen_machines(whole, Evaluated({"homelab": link, "k8s-worker-1": link}))
    assert list(RULES["NIX108"].check(whole, seen)) == []


def test_what_a_container_publishes_is_not_closed_by_a_firewall() -> None:
    whole = spec("")
    options = {"virtualisation.oci-containers.containers.*.ports": {"web": ["8080:80"]}}
    seen = seen_machines(whole, Evaluated({"homelab": machine(options)}))
    ((_, diagnostic),) = RULES["NIX102"].check(whole, seen)
    assert diagnostic.hint is not None and "publish it on 127.0.0.1" in diagnostic.hint


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({f"{FIREWALL}.allowedTCPPorts": [8080]}, "services: {NAME: {port: 8080, from: [VLAN]}}"),
        ({f"{FIREWALL}.allowedUDPPorts": [53]}, "services: {NAME: {port: 53, protocol: udp, from: [VLAN]}}"),
        ({f"{FIREWALL}.allowedTCPPorts": [22]}, "take it out: the generated firewall.nix opens the port"),
    ],
)
def test_an_opening_is_told_how_the_spec_has_it(options: Options, says: str) -> None:
    whole = spec("")
    ((_, diagnostic),) = RULES["NIX102"].check(
        whole, seen_machines(whole, Evaluated({"homelab": machine(options)}))
    )
    assert diagnostic.hint is not None and says in diagnostic.hint


def test_what_one_file_does_to_several_machines_is_one_finding() -> None:
    whole = spec("")
    open_ = machine({f"{FIREWALL}.allowedTCPPorts": [80]})
    seen = seen_machines(whole, Evaluated({"homelab": open_, "k8s-master": open_, "k8s-worker-1": open_}))
    ((_, diagnostic),) = RULES["NIX102"].check(whole, seen)
    assert diagnostic.message.startswith("host 'homelab', guest 'k8s-master' and guest 'k8s-worker-1': ")
    assert len(diagnostic.related) == 1


def test_a_file_of_somebody_else_is_told_in_words() -> None:
    whole = spec("")
    definition = Definition([80], "nixos/modules/services/web.nix", Origin.OTHER)
    setting = Setting([80], (definition, Definition([80], "", Origin.USER)))
    seen = seen_machines(
        whole, Evaluated({"homelab": EvaluatedMachine({f"{FIREWALL}.allowedTCPPorts": setting})})
    )
    ((_, diagnostic),) = RULES["NIX102"].check(whole, seen)
    where = "(defined in nixos/modules/services/web.nix and a module without a file of its own)"
    assert where in diagnostic.message and diagnostic.related == ()

    setting = Setting([80], (definition,))
    seen = seen_machines(
        whole, Evaluated({"homelab": EvaluatedMachine({f"{FIREWALL}.allowedTCPPorts": setting})})
    )
    ((_, diagnostic),) = RULES["NIX102"].check(whole, seen)
    assert diagnostic.message.endswith(" (defined in nixos/modules/services/web.nix)")


def _report(options: Options, patch: str = "") -> Report:
    whole = spec(patch)
    machines = {one.name: machine(options) for one in whole.machines}
    return check_deep(whole, Evaluated(machines), [RULES["NIX118"]], today=TODAY)


WEAK = {"services.openssh.settings": {"PasswordAuthentication": True}}


def test_a_waiver_of_the_spec_counts() -> None:
    waiver = "check: {waivers: [{code: NIX118, reason: guests of a course log in}]}"
    assert [found.code for found in _report(WEAK)] == ["NIX118"]
    report = _report(WEAK, waiver)
    assert list(report) == [] and [one.diagnostic.code for one in report.waived] == ["NIX118"]
    assert [found.code for found in _report({}, waiver)] == ["CHK004"]


def test_a_severity_of_the_spec_counts() -> None:
    (diagnostic,) = _report(WEAK, "check: {severities: {NIX118: error}}")
    assert diagnostic.severity.value == "error"


def test_a_machine_that_the_flake_does_not_have_is_a_finding() -> None:
    report = check_deep(spec(""), Evaluated({}), [], today=TODAY)
    assert [(one.code, str(one.path)) for one in report] == [("NIX191", "hosts.homelab")]


def test_a_flake_that_nix_refuses_is_a_finding() -> None:
    place = SourceSpan("mine.nix", 3, 1)
    (diagnostic,) = check_deep(spec(""), NotEvaluated("no\nsuch option", (place,)))
    assert (diagnostic.code, diagnostic.severity.value) == ("NIX190", "error")
    assert diagnostic.message.isprintable() and diagnostic.related[0].span == place


def test_codes_are_in_order_without_gaps_and_nobody_else_s() -> None:
    assert list(RULES) == [f"NIX{number}" for number in range(101, 101 + len(DEEP_RULES))]
    assert not {*RULES} & {rule.code for rule in ALL_RULES}
    assert len({rule.name for rule in (*DEEP_RULES, *ALL_RULES)}) == len(DEEP_RULES) + len(ALL_RULES)


def test_no_option_that_is_asked_for_could_hold_a_secret() -> None:
    words = ("password", "secret", "token", "environment", "privatekey", "credential", "keyfile")
    assert [one for one in READ_OPTIONS if any(word in one.lower() for word in words)] == []


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["10.0.20.10/24", "br0.10", "root", "amdgpu", "*", "80:80", "tcp", "x", "²", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "Name", "address", "port", "protocol", "root", "alex", "/", "from"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


NO_KUBERNETES = """
  hosts: {homelab: {kubernetes: null}}
  guests: {k8s-master: {kubernetes: null}, k8s-worker-1: {kubernetes: null}}
  kubernetes: null
  workloads: null
  secrets: null
"""


@given(
    st.sampled_from(["", NO_KUBERNETES, PASSTHROUGH]),
    st.dictionaries(st.sampled_from(READ_OPTIONS), _JSON, max_size=8),
)
def test_whatever_an_option_is_no_rule_raises(patch: str, options: Options) -> None:
    whole = spec(patch)
    inner = machine(options)
    report = check_deep(
        whole,
        Evaluated({one.name: machine(options, guests={"x": inner}) for one in whole.machines}),
        today=TODAY,
    )
    assert all(one.code.startswith(("NIX", "CHK")) for one in report)


def test_a_severity_for_what_is_no_rule_of_nix_is_an_error_and_no_crash() -> None:
    example = cluster("check: {severities: {NIX191: warning}}")
    found = check_deep(example, Evaluated({}))
    assert sorted(one.code for one in found) == ["CHK001", "NIX191"]

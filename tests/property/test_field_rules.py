"""What breaks in the field and can not be written by our emitters: laws, by the name of the field's rule.

docs/decisions/0008-field-rules.md has all rules, with what else meets them; its links are tested here, too. A
law is given what is generated for a cluster, and asserts.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings

from emitted import emitted
from hybridlab import Cluster, FileSet, emit_all, load_spec, parse_spec, resolve
from hybridlab.model.node import Guest, Host
from hybridlab.rules.registry import ALL_RULES
from patched import GPU_FOR_A_GUEST
from patched import cluster as patched
from strategies import Data, as_yaml, good_clusters

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "decisions" / "0008-field-rules.md"
VARIANTS = {
    "GPU for a guest": GPU_FOR_A_GUEST,
    "a privileged pod, a tainted GPU": """
      hosts: {homelab: {kubernetes: {taints: ["amd.com/gpu=true:NoSchedule"]}}}
      workloads: {ollama: {privileged: true}}
    """,
    "no Kubernetes": """
      kubernetes: null
      workloads: null
      hosts: {homelab: {kubernetes: null}}
      guests: {k8s-master: {kubernetes: null}, k8s-worker-1: {kubernetes: null}}
    """,
}
_KUBERNETES = "services.kubernetes"


class Generated:
    """A cluster, and what is generated for it: options by file and machine, manifests."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.by_file = {
            path.removeprefix("modules/generated/"): values for path, values, _ in emitted(cluster)
        }
        self.files: FileSet = emit_all(cluster)

    @cached_property
    def manifests(self) -> list[Any]:
        return [
            yaml.safe_load(file.text)
            for file in self.files
            if file.path.parts[0] == "k8s" and file.path.name != "kustomization.yaml"
        ]

    @property
    def pods(self) -> list[Any]:
        return [m["spec"]["template"] for m in self.manifests if "template" in m.get("spec", {})]

    @property
    def containers(self) -> list[Any]:
        return [container for pod in self.pods for container in pod["spec"]["containers"]]

    @property
    def guests(self) -> Iterator[tuple[Guest, Any]]:
        for guest in self.cluster.guests:
            yield guest, self.by_file[f"{guest.name}/microvm.nix"]["microvm"]

    def at(self, file: str, option: str) -> Any:
        """The value of an option in a generated file, or None."""
        return _at(self.by_file.get(file, {}), option)

    def places(self, option: str) -> set[str]:
        """The files that set an option."""
        return {file for file, values in self.by_file.items() if _at(values, option) is not None}

    def opened(self, machine: str) -> set[tuple[str, int]]:
        openings = self.at(f"{machine}/firewall.nix", "hybridlab.firewall.openings")
        return {(opening["protocol"], opening["port"]) for opening in openings}


def _at(values: Any, option: str) -> Any:
    for name in option.split("."):
        if not isinstance(values, Mapping) or name not in values:
            return None
        values = values[name]
    return values


Law = Callable[[Generated], None]
LAWS: dict[str, Law] = {}


def law(*names: str) -> Callable[[Law], Law]:
    def register(function: Law) -> Law:
        LAWS.update(dict.fromkeys(names, function))
        return function

    return register


# Kubernetes ------------------------------------------------------------------------------------------------


@law("apiserver-address-has-port", "master-address-set-and-same")
def _one_address_of_the_api_server(it: Generated) -> None:
    if it.cluster.kubernetes is None:
        return
    [master] = it.cluster.control_plane
    assert it.at("kubernetes.nix", f"{_KUBERNETES}.masterAddress") == master.name
    assert it.at("kubernetes.nix", f"{_KUBERNETES}.apiserverAddress") == f"https://{master.name}:6443"
    for option in ("masterAddress", "apiserverAddress"):
        assert it.places(f"{_KUBERNETES}.{option}") == {"kubernetes.nix"}


@law("same-cluster-cidr", "same-service-range", "dns-addon-on-all-nodes")
def _nodes_share_what_they_must_agree_on(it: Generated) -> None:
    for option in ("clusterCidr", "apiserver.serviceClusterIpRange", "addons.dns.enable"):
        assert it.places(f"{_KUBERNETES}.{option}") <= {"kubernetes.nix"}
    for node in it.cluster.nodes:
        assert "../kubernetes.nix" in it.files[f"modules/generated/{node.name}/default.nix"].text


@law("master-address-resolves", "all-node-names-resolve-on-master")
def _names_of_nodes_resolve_everywhere(it: Generated) -> None:
    hosts = it.at("cluster.nix", "networking.hosts") or {}
    for node in it.cluster.nodes:
        assert node.name in hosts[str(node.address)]
    for machine in it.cluster.machines:
        assert "../cluster.nix" in it.files[f"modules/generated/{machine.name}/default.nix"].text


@law("dns-ip-in-range", "cluster-dns-is-list")
def _dns_address_is_one_of_the_services(it: Generated) -> None:
    if it.cluster.kubernetes is None:
        return
    address = it.at("kubernetes.nix", f"{_KUBERNETES}.addons.dns.clusterIp")
    services = ip_network(it.at("kubernetes.nix", f"{_KUBERNETES}.apiserver.serviceClusterIpRange"))
    assert ip_address(address) in services and ip_address(address) not in (services[0], services[1])
    assert it.at("kubernetes.nix", f"{_KUBERNETES}.kubelet.clusterDns") == [address]
    assert it.places(f"{_KUBERNETES}.kubelet.clusterDns") == {"kubernetes.nix"}


@law("roles-nonempty", "proxy-kubelet-hostname-equal", "node-ip-owned", "flannel-iface-on-multihomed")
def _a_node_knows_who_and_where_it_is(it: Generated) -> None:
    for node in it.cluster.nodes:
        file = f"{node.name}/kubernetes.nix"
        assert it.at(file, f"{_KUBERNETES}.roles") in (["master"], ["node"], ["master", "node"])
        names = {it.at(file, f"{_KUBERNETES}.{part}.hostname") for part in ("kubelet", "proxy")}
        assert names == {node.name} == {it.at(f"{node.name}/network.nix", "networking.hostName")}
        [leg] = [leg for leg in node.machine.legs if leg.interface == it.at(file, "services.flannel.iface")]
        assert it.at(file, f"{_KUBERNETES}.kubelet.nodeIp") == str(leg.address)


@law("master-ports", "worker-port-10250", "vxlan-port")
def _needed_ports_are_open(it: Generated) -> None:
    for node in it.cluster.nodes:
        needed = {("tcp", 10250), ("udp", 8472)}
        if node.membership.is_control_plane:
            needed |= {("tcp", 6443), ("tcp", 8888)}
        assert needed <= it.opened(node.name)
    if it.cluster.kubernetes is not None:
        assert it.at("kubernetes.nix", f"{_KUBERNETES}.flannel.openFirewallPorts") is False


@law("no-obsolete-ports")
def _no_other_ports_are_open(it: Generated) -> None:
    for machine in it.cluster.machines:
        asked_for = {(own.protocol.value, own.port) for own in machine.services if own.vlans}
        assert it.opened(machine.name) <= asked_for | {
            ("tcp", 22),
            ("tcp", 6443),
            ("tcp", 8888),
            ("tcp", 10250),
            ("udp", 8472),
        }


@law("privileged-needs-flag")
def _privileged_pods_are_allowed_if_there_are_any(it: Generated) -> None:
    privileged = any(c.get("securityContext", {}).get("privileged") for c in it.containers)
    allowed = {
        it.at(f"{node.name}/kubernetes.nix", f"{_KUBERNETES}.apiserver.allowPrivileged")
        for node in it.cluster.control_plane
    }
    assert allowed == ({True} if privileged else {None} if it.cluster.control_plane else set())


@law("taint-has-value", "taint-effect-enum")
def _taints_are_whole(it: Generated) -> None:
    for node in it.cluster.nodes:
        taints = it.at(f"{node.name}/kubernetes.nix", f"{_KUBERNETES}.kubelet.taints") or {}
        written = {
            f"{taint.get('key', name)}={taint['value']}:{taint['effect']}" for name, taint in taints.items()
        }
        assert written == {f"{t.key}={t.value}:{t.effect}" for t in node.membership.taints}


@law("gpu-taint-toleration")
def _who_runs_on_a_node_tolerates_its_taints(it: Generated) -> None:
    taints = {node.name: node.membership.taints for node in it.cluster.nodes}
    for pod in it.pods:
        app = pod["metadata"]["labels"]["app"]
        workload = next(w for w in it.cluster.workloads if w.name == app.removesuffix("-labeller"))
        tolerated = {
            (one["key"], one.get("value"), one.get("effect")) for one in pod["spec"].get("tolerations", ())
        }
        for name in workload.nodes:
            assert {(t.key, t.value, t.effect) for t in taints[name] if t.repels} <= tolerated


@law("extraopts-is-string", "no-pod-infra-flag", "swap-off")
def _kubelet_gets_labels_and_no_other_option(it: Generated) -> None:
    for node in it.cluster.nodes:
        options = it.at(f"{node.name}/kubernetes.nix", f"{_KUBERNETES}.kubelet.extraOpts")
        assert options is None or re.fullmatch(r"--node-labels=[^ ]+", options)


@law("cgroup-driver-match", "resolv-conf-not-stub")
def _of_kubelet_s_configuration_only_the_reservation_is_generated(it: Generated) -> None:
    """What else is there is NixOS's own, and that of modules/kubernetes-node.nix."""
    for node in it.cluster.nodes:
        extra = it.at(f"{node.name}/kubernetes.nix", f"{_KUBERNETES}.kubelet.extraConfig") or {}
        assert extra.keys() <= {"systemReserved"}


@law(
    "feature-gates-attrs", "cni-config-xor-dir", "coredns-option-by-release", "token-auth-file-not-join-token"
)
@law("proxy-mode-nft-path", "nftables-extracommands")
def _never_written(it: Generated) -> None:
    for option in (
        f"{_KUBERNETES}.kubelet.featureGates",
        f"{_KUBERNETES}.featureGates",
        f"{_KUBERNETES}.kubelet.cni",
        f"{_KUBERNETES}.addons.dns.coredns",
        f"{_KUBERNETES}.addons.dns.corednsImage",
        f"{_KUBERNETES}.apiserver.tokenAuthFile",
        f"{_KUBERNETES}.proxy.extraOpts",
        "networking.firewall.extraCommands",
    ):
        assert it.places(option) == set()


@law("join-token-provided", "token-not-in-store", "worker-persist")
def _every_node_is_given_the_token(it: Generated) -> None:
    for node in it.cluster.nodes:
        file = f"{node.name}/secrets.nix"
        token = it.at(file, "hybridlab.joinToken")
        assert token["enable"] is True
        assert token["role"] == ("server" if node.membership.is_control_plane else "client")
        secret = token["file"].removeprefix("/run/secrets/")
        assert secret in it.by_file[file]["sops"]["secrets"]


@law("no-daemonset-cni", "csi-kubelet-dir", "device-plugin-mounts")
def _the_one_daemonset_is_the_device_plugin_perhaps_with_its_labeller(it: Generated) -> None:
    for manifest in it.manifests:
        if manifest["kind"] == "DaemonSet":
            volumes = manifest["spec"]["template"]["spec"]["volumes"]
            paths = {volume["hostPath"]["path"] for volume in volumes}
            labeller = manifest["metadata"]["name"].endswith("-labeller")
            assert paths == {"/sys", "/dev" if labeller else "/var/lib/kubelet/device-plugins"}
    for pod in it.pods:
        for volume in pod["spec"].get("volumes", ()):
            path = volume.get("hostPath", {}).get("path", "")
            assert not path.startswith("/var/lib/kubelet/") or path == "/var/lib/kubelet/device-plugins"


@law("selector-matches-labels", "port-name")
def _selectors_match_and_ports_have_names(it: Generated) -> None:
    for manifest in it.manifests:
        if "template" in manifest.get("spec", {}):
            labels = manifest["spec"]["template"]["metadata"]["labels"]
            assert manifest["spec"]["selector"]["matchLabels"].items() <= labels.items()
    names = [port["name"] for c in it.containers for port in c.get("ports", ())]
    assert all(re.fullmatch(r"(?=.*[a-z])(?!.*--)[a-z0-9][a-z0-9-]{0,13}[a-z0-9]", name) for name in names)


# Network ---------------------------------------------------------------------------------------------------


@law("guest-network-match")
def _guests_match_their_interface_by_address(it: Generated) -> None:
    for guest, _ in it.guests:
        for network in it.at(f"{guest.name}/network.nix", "systemd.network.networks").values():
            assert network["matchConfig"] == {"MACAddress": guest.identity.mac}


@law("tap-attached", "tap-multiqueue", "tap-id-length")
def _taps_are_made_by_microvm_and_ports_of_the_bridge(it: Generated) -> None:
    for host in it.cluster.hosts:
        network = it.at(f"{host.name}/network.nix", "systemd.network")
        for guest in host.guests:
            [interface] = it.by_file[f"{guest.name}/microvm.nix"]["microvm"]["interfaces"]
            assert interface["type"] == "tap" and len(interface["id"]) <= 15
            [match] = [n for n in network["networks"].values() if n["matchConfig"]["Name"] == interface["id"]]
            assert match["networkConfig"]["Bridge"] == it.cluster.bridge
        assert {netdev["netdevConfig"]["Kind"] for netdev in network["netdevs"].values()} <= {
            "bridge",
            "vlan",
        }


# Guests ----------------------------------------------------------------------------------------------------


@law("config-xor-flake")
def _guests_are_given_to_their_host_by_mkcluster(it: Generated) -> None:
    for host in it.cluster.hosts:
        vms = it.at(f"{host.name}/microvms.nix", "microvm.vms") or {}
        assert set(vms) == {guest.name for guest in host.guests}
        assert all({"config", "flake"}.isdisjoint(vm) for vm in vms.values())


@law("volume-size", "volume-image-unique", "volume-label", "raw-not-qcow2", "containerd-on-block")
@law("kubelet-root-not-shared-fs", "master-persist")
def _state_lies_on_a_labelled_volume(it: Generated) -> None:
    for _, microvm in it.guests:
        [volume] = microvm["volumes"]
        assert volume["mountPoint"] == "/var/lib" and volume["fsType"] == "ext4"
        assert isinstance(volume["size"], int) and volume["size"] > 0 and volume["label"]
        # Relative, so below the guest's own folder of state.
        assert re.fullmatch(r"[a-z]+\.img", volume["image"])


@law("sops-share-generations")
def _only_the_store_is_shared(it: Generated) -> None:
    for _, microvm in it.guests:
        assert [share["source"] for share in microvm.get("shares", ())] in ([], ["/nix/store"])


@law("mem-not-2048")
def _no_guest_of_qemu_has_2048(it: Generated) -> None:
    assert not [
        microvm for _, microvm in it.guests if (microvm["hypervisor"], microvm["mem"]) == ("qemu", 2048)
    ]


# GPU -------------------------------------------------------------------------------------------------------


@law("gpu-single-owner", "amdgpu-driver-present")
def _a_gpu_has_one_owner(it: Generated) -> None:
    for host in it.cluster.hosts:
        parameters = it.at(f"{host.name}/boot.nix", "boot.kernelParams") or []
        by_host = it.at(f"{host.name}/gpu.nix", "hybridlab.amdGpu.enable")
        by_guest = it.at(f"{host.name}/gpu.nix", "hybridlab.gpuPassthrough.enable")
        devices = [m.get("devices") for guest, m in it.guests if guest.host == host.name and m.get("devices")]
        assert not (by_host and by_guest)
        assert bool(by_guest) == any(p.startswith("vfio-pci.ids=") for p in parameters) == bool(devices)


@law("hsa-override-in-pod", "igpu-enable", "env-on-host-only", "ollama-image-backend", "gpu-limit-integer")
@law("nonroot-render-group")
def _a_pod_with_a_gpu_is_told_of_its_chip(it: Generated) -> None:
    for pod in it.pods:
        for container in pod["spec"]["containers"]:
            limit = container.get("resources", {}).get("limits", {}).get("amd.com/gpu")
            if limit is None:
                continue
            assert type(limit) is int and limit > 0
            env = {entry["name"]: entry.get("value") for entry in container.get("env", ())}
            [workload] = [w for w in it.cluster.workloads if w.name == pod["metadata"]["labels"]["app"]]
            models = [m.gpu.model for m in it.cluster.hosts if m.name in workload.nodes and m.gpu is not None]
            assert container["image"].endswith("-rocm") == all(model.rocm for model in models)
            for model in models:
                assert {**model.environment, **model.ollama_environment}.items() <= env.items()
            # As root, to whom the devices belong.
            assert not {"runAsUser", "runAsNonRoot"} & container.get("securityContext", {}).keys()
            assert "securityContext" not in pod["spec"]


@law("port-11434-clash")
def _no_pod_takes_a_port_of_the_host(it: Generated) -> None:
    assert not any(pod["spec"].get("hostNetwork") for pod in it.pods)
    assert not any("hostPort" in port for c in it.containers for port in c.get("ports", ()))
    assert it.places("services.ollama") == set()


# Held ------------------------------------------------------------------------------------------------------


@cache
def clusters() -> Sequence[Generated]:
    written = [resolve(load_spec(ROOT / path / "cluster.yaml")) for path in ("", "tests/nix/second-homelab")]
    return [Generated(cluster) for cluster in (*written, *map(patched, VARIANTS.values()))]


@pytest.mark.parametrize("rule", LAWS)
def test_field_rule(rule: str) -> None:
    for generated in clusters():
        LAWS[rule](generated)


@settings(max_examples=40, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(good_clusters(most_guests=8))
def test_field_rules_on_random_clusters(data: Data) -> None:
    generated = Generated(resolve(parse_spec(as_yaml(data))))
    for held in dict.fromkeys(LAWS.values()):
        held(generated)


def test_the_clusters_are_of_all_sorts() -> None:
    """Or a law could hold for want of anything to look at."""
    hosts = [host for it in clusters() for host in it.cluster.hosts]
    assert {host.gpu.mode.value for host in hosts if isinstance(host, Host) and host.gpu} >= {
        "host",
        "passthrough",
    }
    assert any(c.get("securityContext", {}).get("privileged") for it in clusters() for c in it.containers)
    assert any(node.membership.taints for it in clusters() for node in it.cluster.nodes)
    assert any(not it.cluster.nodes for it in clusters())


def _rows() -> list[tuple[str, str]]:
    """The rules of the page, each with what holds it."""
    rows = [
        line.split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    return [(cells[0].strip("| `"), cells[-1].removesuffix(" |")) for cells in rows]


def test_the_page_has_every_rule_of_the_field_once() -> None:
    names = [name for name, _ in _rows()]
    assert len(names) == len(set(names)) == 93
    assert LAWS.keys() <= set(names)


def test_what_the_page_links_is_there() -> None:
    rules = {rule.code for rule in ALL_RULES}
    for name, held in _rows():
        links = re.findall(r"\[([^\]]+)\]\(([^)]+)\)", held)
        assert links, name
        for text, target in links:
            path = PAGE.parent.joinpath(target.partition("#")[0]).resolve()
            assert path.is_file(), (name, target)
            if path.name == "rules.md":
                assert text in rules, (name, text)
            elif path.suffix == ".py":
                assert re.search(rf"^def {text}\(", path.read_text(encoding="utf-8"), re.MULTILINE), (
                    name,
                    text,
                )
        if any(text == "test_field_rule" for text, _ in links):
            assert name in LAWS, name

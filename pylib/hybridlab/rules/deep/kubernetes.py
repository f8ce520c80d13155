"""Nodes as NixOS makes them: what all agree on, what each registers with, what keeps a kubelet down."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hybridlab.diagnostic import Severity, SpecPath
from hybridlab.model.cluster import Cluster, Kubernetes
from hybridlab.model.evaluated import part
from hybridlab.model.node import UNSCHEDULABLE, Machine, Membership, leg_path
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule
from hybridlab.rules.deep.settings import Wanted, differing
from hybridlab.rules.wording import labels as as_labels
from hybridlab.rules.wording import listed
from hybridlab.tables import ports

_HOMELAB = SpecPath.of("hosts", "homelab")
_WORKER = SpecPath.of("guests", "k8s-worker-1")
_SPEC = SpecPath.of("kubernetes")
_K = "services.kubernetes"
_KUBELET = f"{_K}.kubelet"
_SETTINGS = (
    f"{_K}.roles",
    f"{_K}.masterAddress",
    f"{_K}.apiserverAddress",
    f"{_K}.easyCerts",
    f"{_K}.clusterCidr",
    f"{_K}.apiserver.serviceClusterIpRange",
    f"{_K}.apiserver.advertiseAddress",
    f"{_K}.apiserver.securePort",
    f"{_K}.apiserver.allowPrivileged",
    f"{_K}.addons.dns.enable",
    f"{_K}.addons.dns.clusterIp",
    f"{_K}.addons.dns.clusterDomain",
    f"{_K}.flannel.enable",
    f"{_KUBELET}.enable",
    f"{_KUBELET}.hostname",
    f"{_KUBELET}.nodeIp",
    f"{_KUBELET}.clusterDns",
    f"{_KUBELET}.clusterDomain",
    f"{_K}.proxy.hostname",
    "services.flannel.iface",
)


@deep_rule(
    "NIX123",
    "kubernetes-differs",
    summary="A module makes a node disagree with the cluster.",
    rationale="""Networks of pods and Services, the address of the API server, the cluster's DNS and a
        node's own name and address are options of every node, and nothing in NixOS compares them. A
        node that has another value joins and does not work, or does not join.""",
    source="nixpkgs, nixos/modules/services/cluster/kubernetes: default.nix, kubelet.nix, flannel.nix",
    reads=_SETTINGS,
    bad=Example(
        "k8s-worker-1",
        'services.kubernetes.clusterCidr = lib.mkForce "10.1.0.0/16";',
        at=_SPEC / "podCidr",
    ),
    good=Example("k8s-worker-1", 'services.kubernetes.clusterCidr = "10.244.0.0/16";', at=_SPEC / "podCidr"),
)
def kubernetes_differs(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen, member in _nodes(machines):
        if cluster.kubernetes is not None and cluster.control_plane:
            rows = tuple(_wanted(cluster, cluster.kubernetes, seen.machine, member))
            yield from differing(
                seen, rows, "take it out; all nodes get it from the spec, and only there it is changed"
            )


def _nodes(machines: Sequence[Seen]) -> Iterator[tuple[Seen, Membership]]:
    for seen in machines:
        if seen.machine.membership is not None:
            yield seen, seen.machine.membership


def _wanted(
    cluster: Cluster, kubernetes: Kubernetes, machine: Machine, member: Membership
) -> Iterator[Wanted]:
    own, master = machine.path / "kubernetes", cluster.control_plane[0]
    services, dns = _SPEC / "serviceCidr", str(kubernetes.dns_address)
    roles = (
        ["node"] if not member.is_control_plane else ["master", "node"] if member.schedulable else ["master"]
    )
    yield Wanted(f"{_K}.roles", roles, own / "role")
    yield Wanted(f"{_K}.masterAddress", master.name, master.machine.path, on_key=True)
    yield Wanted(f"{_K}.apiserverAddress", cluster.api_url, master.machine.path, on_key=True)
    yield Wanted(f"{_K}.easyCerts", True, _SPEC, on_key=True)
    yield Wanted(f"{_K}.clusterCidr", str(kubernetes.pod_network), _SPEC / "podCidr")
    yield Wanted(f"{_K}.apiserver.serviceClusterIpRange", str(kubernetes.service_network), services)
    yield Wanted(f"{_K}.addons.dns.enable", True, _SPEC, on_key=True)
    yield Wanted(f"{_K}.addons.dns.clusterIp", dns, services)
    yield Wanted(f"{_K}.addons.dns.clusterDomain", kubernetes.cluster_domain, _SPEC / "clusterDomain")
    yield Wanted(f"{_K}.flannel.enable", True, _SPEC, on_key=True)
    yield Wanted(f"{_KUBELET}.enable", True, own, on_key=True)
    yield Wanted(f"{_KUBELET}.hostname", machine.name, machine.path, on_key=True)
    yield Wanted(f"{_KUBELET}.nodeIp", str(member.leg.address), leg_path(machine, member.leg))
    yield Wanted(f"{_KUBELET}.clusterDns", [dns], services)
    yield Wanted(f"{_KUBELET}.clusterDomain", kubernetes.cluster_domain, _SPEC / "clusterDomain")
    yield Wanted(f"{_K}.proxy.hostname", machine.name, machine.path, on_key=True)
    yield Wanted("services.flannel.iface", member.leg.interface, leg_path(machine, member.leg))
    if member.is_control_plane:
        address = leg_path(machine, member.leg)
        yield Wanted(f"{_K}.apiserver.advertiseAddress", str(member.leg.address), address)
        yield Wanted(f"{_K}.apiserver.securePort", ports.API_SERVER.port, own, on_key=True)
        if asking := [workload for workload in cluster.workloads if workload.privileged]:
            yield Wanted(f"{_K}.apiserver.allowPrivileged", True, asking[0].path, on_key=True)


_OPTIONS = f"{_KUBELET}.extraOpts"
_TAINTS = f"{_KUBELET}.taints"
_UNSCHEDULABLE = f"{_KUBELET}.unschedulable"


@deep_rule(
    "NIX124",
    "node-registers-otherwise",
    summary="A node registers without a label of the spec, or with other taints.",
    rationale="""Pods are placed by labels and taints, and every rule of placement counts on those of
        the spec. A workload then waits for a node that there is not: Pending, with no error anywhere.""",
    source="kubelet: --node-labels, --register-with-taints; nixpkgs, services/cluster/kubernetes/kubelet.nix",
    reads=(_OPTIONS, _TAINTS, _UNSCHEDULABLE),
    bad=Example(
        "homelab",
        'services.kubernetes.kubelet.extraOpts = lib.mkForce "--v=2";',
        at=_HOMELAB / "kubernetes" / "labels" / "gpu",
    ),
    good=Example(
        "homelab",
        'services.kubernetes.kubelet.extraOpts = "--v=2";',
        at=_HOMELAB / "kubernetes" / "labels" / "gpu",
    ),
)
def node_registers_otherwise(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen, member in _nodes(machines):
        for option, message, path, on_key in _registration(seen, member):
            yield Difference(
                seen.machine,
                message,
                path,
                "take that out; labels and taints are written below 'kubernetes' of the machine",
                seen.nixos.defined(option),
                on_key=on_key,
            )


def _registration(seen: Seen, member: Membership) -> Iterator[tuple[str, str, SpecPath, bool]]:
    nixos, path = seen.nixos, seen.machine.path / "kubernetes"
    real = _labels(nixos.text(_OPTIONS))
    missing = {key: value for key, value in member.own_labels.items() if real.get(key) != value}
    if missing and nixos.value(_OPTIONS) is not None:
        where = path / "labels" / next(iter(missing))
        yield _OPTIONS, f"the kubelet registers without {as_labels(missing)} (--node-labels)", where, False
    taints = nixos.value(_TAINTS)
    if isinstance(taints, Mapping):
        has = {_taint(name, taint) for name, taint in taints.items()}
        if nixos.is_on(_UNSCHEDULABLE):
            has.add(str(UNSCHEDULABLE))
        wanted = {_shown(one.key, one.value, one.effect) for one in member.registered_taints}
        if has != wanted:
            said = [*(f"with {one}" for one in sorted(has - wanted))]
            said += [f"without {one}" for one in sorted(wanted - has)]
            yield _TAINTS, f"the kubelet registers {listed(said)}, unlike the spec", path / "taints", True


def _labels(options: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for text in re.findall(r"--node-labels[= ](\S+)", options):
        found |= dict(pair.split("=", 1) for pair in text.split(",") if "=" in pair)
    return found


def _taint(name: object, taint: object) -> str:
    return _shown(part(taint, "key") or name, part(taint, "value"), part(taint, "effect"))


def _shown(key: object, value: object, effect: object) -> str:
    return f"{key}{f'={value}' if value else ''}:{effect}"


_SWAP = ("swapDevices.*.device", "zramSwap.enable")
_EXTRA = f"{_KUBELET}.extraConfig"


@deep_rule(
    "NIX125",
    "swap-on-a-node",
    summary="A node has swap, with which its kubelet does not start.",
    rationale="""The kubelet ends with "running with swap on is not supported" unless it is told
        otherwise, so the node never joins. A hardware module that nixos-generate-config wrote has the
        swap of the installation.""",
    source="kubelet: failSwapOn is true by default; NixOS/nixpkgs#43395; modules/kubernetes-node.nix",
    reads=(*_SWAP, _OPTIONS, f"{_EXTRA}.failSwapOn"),
    bad=Example(
        "homelab",
        'swapDevices = [ { device = "/dev/disk/by-label/swap"; } ];',
        at=_HOMELAB / "kubernetes",
    ),
    good=Example(
        "homelab",
        """
        swapDevices = [ { device = "/dev/disk/by-label/swap"; } ];
        services.kubernetes.kubelet.extraConfig.failSwapOn = false;
        """,
        at=_HOMELAB / "kubernetes",
    ),
)
def swap_on_a_node(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen, _ in _nodes(machines):
        nixos = seen.nixos
        devices = nixos.texts(_SWAP[0])
        if nixos.is_off(f"{_EXTRA}.failSwapOn") or "--fail-swap-on=false" in nixos.text(_OPTIONS):
            continue
        found = [(_SWAP[0], f"swapDevices has {listed(devices)}")] if devices else []
        if nixos.is_on(_SWAP[1]):
            found.append((_SWAP[1], f"{_SWAP[1]} is true"))
        for option, what in found:
            yield Difference(
                seen.machine,
                f"{what}, and its kubelet does not start with swap",
                seen.machine.path / "kubernetes",
                f"take the swap out, or set {_EXTRA}.failSwapOn = false beside it",
                nixos.defined(option, lambda given: given not in ([], None)),
                on_key=True,
                says="does not start with swap",
            )


_DOCKER = "virtualisation.docker.enable"
_DOCKER_IPTABLES = "virtualisation.docker.daemon.settings.iptables"


@deep_rule(
    "NIX126",
    "docker-on-a-node",
    severity=Severity.WARNING,
    summary="Docker runs on a node of Kubernetes.",
    rationale="""Docker sets the policy of iptables' FORWARD to DROP, which the traffic of pods meets as
        well: pods on different nodes do not reach each other while docker runs, and do again when it
        stops.""",
    source="""moby, libnetwork/drivers/bridge/setup_ip_forwarding.go (FORWARD policy);
        modules/kubernetes-node.nix""",
    reads=(_DOCKER, _DOCKER_IPTABLES),
    bad=Example("homelab", "virtualisation.docker.enable = true;", at=_HOMELAB / "kubernetes"),
    good=Example(
        "homelab",
        "virtualisation.docker = { enable = true; daemon.settings.iptables = false; };",
        at=_HOMELAB / "kubernetes",
    ),
)
def docker_on_a_node(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen, _ in _nodes(machines):
        if seen.nixos.is_on(_DOCKER) and not seen.nixos.is_off(_DOCKER_IPTABLES):
            yield Difference(
                seen.machine,
                f"{_DOCKER} is true on a node of Kubernetes, and docker drops what is forwarded, the "
                "traffic of pods too",
                seen.machine.path / "kubernetes",
                "take podman, or set virtualisation.docker.daemon.settings.iptables = false",
                seen.nixos.defined(_DOCKER),
                on_key=True,
            )


_OTHERS = ("services.k3s.enable", "services.rke2.enable")


@deep_rule(
    "NIX127",
    "another-kubernetes",
    summary="A second Kubernetes runs on a node.",
    rationale="""Both have a kubelet on 10250, write iptables rules and CNI configuration, and take the
        same names of interfaces: neither works.""",
    source="k3s docs, Networking: ports 6443, 10250 and 8472; nixpkgs, services/cluster/rancher",
    reads=_OTHERS,
    bad=Example("k8s-worker-1", "services.k3s.enable = true;", at=_WORKER / "kubernetes"),
    good=Example("k8s-worker-1", "services.k3s.enable = false;", at=_WORKER / "kubernetes"),
)
def another_kubernetes(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen, _ in _nodes(machines):
        for option in _OTHERS:
            if seen.nixos.is_on(option):
                yield Difference(
                    seen.machine,
                    f"{option} is true on a node of the cluster, which has a kubelet already",
                    seen.machine.path / "kubernetes",
                    "take it out, or let the machine be no node: take its key 'kubernetes' out of the spec",
                    seen.nixos.defined(option),
                    on_key=True,
                )


_RESOLVED = "services.resolved.enable"
_RESOLV_CONF = f"{_EXTRA}.resolvConf"
_STUBS = ("", "/etc/resolv.conf", "/run/systemd/resolve/stub-resolv.conf")


@deep_rule(
    "NIX128",
    "pods-without-resolver",
    summary="Pods of a node get a resolver that is the node's own loopback.",
    rationale="""/etc/resolv.conf names systemd-resolved at 127.0.0.53, which inside a pod is the pod.
        CoreDNS then asks itself and stops ("Loop detected"), and with it every name outside the
        cluster.""",
    source="coredns#2087; systemd-resolved(8), /run/systemd/resolve/resolv.conf; modules/kubernetes-node.nix",
    reads=(_RESOLVED, _RESOLV_CONF),
    bad=Example(
        "k8s-worker-1",
        'services.kubernetes.kubelet.extraConfig.resolvConf = "/etc/resolv.conf";',
        at=_WORKER / "kubernetes",
    ),
    good=Example(
        "k8s-worker-1",
        'services.kubernetes.kubelet.extraConfig.resolvConf = "/run/systemd/resolve/resolv.conf";',
        at=_WORKER / "kubernetes",
    ),
)
def pods_without_resolver(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    for seen, _ in _nodes(machines):
        file = seen.nixos.text(_RESOLV_CONF)
        if seen.nixos.is_on(_RESOLVED) and file in _STUBS:
            yield Difference(
                seen.machine,
                f"its kubelet gives pods {file or '/etc/resolv.conf'}, which names 127.0.0.53, while "
                "systemd-resolved runs",
                seen.machine.path / "kubernetes",
                f'let {_RESOLV_CONF} be "/run/systemd/resolve/resolv.conf", which it is by default',
                seen.nixos.defined(_RESOLV_CONF),
                on_key=True,
            )

"""Words of other projects for what the spec calls something else, and near misses; it knows no file."""

import difflib
import re
from collections.abc import Collection, Iterable

# By the word in lower case and in one: what the spec says, the first of them that there is at the place.
_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("vms", "microvms", "virtualmachines", "containers"), ("guests",)),
    **dict.fromkeys(("machines", "servers", "nodes", "baremetal"), ("hosts",)),
    **dict.fromkeys(("apps", "deployments", "pods"), ("workloads",)),
    **dict.fromkeys(("sops", "age"), ("secrets", "recipients")),
    **dict.fromkeys(("k8s", "cluster"), ("kubernetes",)),
    # microvm.nix, libvirt, Proxmox, Terraform, cloud-init
    **dict.fromkeys(("ip", "ipaddr", "ipaddress", "ipv4", "ipv6", "addr"), ("address", "addresses")),
    **dict.fromkeys(("ips", "ipaddresses"), ("addresses",)),
    **dict.fromkeys(("mem", "ram", "memorymb", "memorysize", "maxmem", "memsize"), ("memory",)),
    **dict.fromkeys(
        ("cpu", "cpus", "core", "cores", "vcpu", "ncpu", "cpucount", "threads", "processors"),
        ("vcpus", "cpus", "cpu"),
    ),
    **dict.fromkeys(("disk", "disksize", "rootdisk", "volumesize"), ("storage",)),
    **dict.fromkeys(("interface", "iface", "nic", "netdev", "networkinterface"), ("uplink",)),
    **dict.fromkeys(("macaddress", "macaddr", "hwaddr", "hwaddress"), ("mac",)),
    **dict.fromkeys(("vsockcid", "vsock"), ("cid",)),
    **dict.fromkeys(("subnet", "network", "prefix"), ("cidr", "vlan")),
    **dict.fromkeys(("vid", "tag", "vlanid", "vlantag"), ("id", "vlan")),
    **dict.fromkeys(("gw", "router", "defaultgateway"), ("gateway",)),
    **dict.fromkeys(("nameserver", "nameservers", "resolvers", "dnsservers"), ("dns",)),
    **dict.fromkeys(("authorizedkeys", "sshauthorizedkeys", "pubkeys"), ("sshKeys",)),
    **dict.fromkeys(("username", "login"), ("user",)),
    **dict.fromkeys(("tz",), ("timeZone",)),
    # kubeadm, kubelet, k3s, kube-proxy
    **dict.fromkeys(("podsubnet", "clustercidr", "podnetwork", "podnetworkcidr"), ("podCidr",)),
    **dict.fromkeys(
        ("servicesubnet", "servicenetwork", "serviceclusteriprange", "servicenetworkcidr"), ("serviceCidr",)
    ),
    **dict.fromkeys(("dnsdomain",), ("clusterDomain",)),
    **dict.fromkeys(("cni", "networkplugin", "flannelbackend"), ("network",)),
    **dict.fromkeys(("nodelabels", "nodelabel"), ("labels",)),
    **dict.fromkeys(("nodetaints", "nodetaint"), ("taints",)),
    **dict.fromkeys(("containerport", "targetport"), ("port",)),
    **dict.fromkeys(("environment", "envvars"), ("env",)),
    **dict.fromkeys(("mounts", "volumemounts"), ("volumes",)),
    # sops
    **dict.fromkeys(("keys", "publickeys"), ("recipients", "sshKeys")),
    **dict.fromkeys(("sopsfile", "defaultsopsfile"), ("file",)),
}
# Where there is one choice alone, why, by its key.
_ONLY = {
    "network": "flannel is the only pod network: NixOS runs it on each node, and no other can install itself",
    "pki": "easyCerts is the only way to certificates: NixOS's cfssl and certmgr",
}
_CHOICES = {
    **dict.fromkeys(("master", "controlplane", "server", "controller"), "control-plane"),
    **dict.fromkeys(("agent", "minion", "slave"), "worker"),
    **dict.fromkeys(("amd64", "x8664", "x64"), "x86_64-linux"),
    **dict.fromkeys(("arm64", "aarch64"), "aarch64-linux"),
    **dict.fromkeys(("vfio", "vfiopci", "pcipassthrough"), "passthrough"),
    **dict.fromkeys(("false", "no", "none", "disabled"), "off"),
    **dict.fromkeys(("virtiofs", "shared"), "share"),
    **dict.fromkeys(("erofs", "squashfs", "image"), "disk"),
}
# What is most often meant, and not always.
_LIKELY = {"node": "worker", "compute": "worker", "manager": "control-plane"}
_NAMES = ("name", "hostname")


def same_word(word: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that differs from `word` only in case and in how words are joined."""
    return next((name for name in known if _joined(name) == _joined(word)), None)


def same_number(word: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` of which `word` is the singular or the plural."""
    return next((name for name in known if _singular(name) == _singular(word)), None)


def other_word(word: str, known: Collection[str]) -> str | None:
    """Return the one of the keys in `known` that others call `word`."""
    return next((name for name in _KEYS.get(_joined(word), ()) if name in known), None)


def why_only(key: str) -> str | None:
    """Return why a key has one choice alone, None if it has several."""
    return _ONLY.get(key)


def other_choice(word: str, choices: Collection[str]) -> str | None:
    """Return the one of `choices` that is the same, or that others call `word`."""
    word = word.strip(" ,;")
    if (same := same_word(word, choices)) is not None:
        return same
    meant = _CHOICES.get(_joined(word))
    return meant if meant in choices else None


def likely_choice(word: str, choices: Collection[str]) -> list[str]:
    """Return the one of `choices` that somebody who writes `word` may mean; there may be none."""
    return [choice for choice in choices if choice == _LIKELY.get(_joined(word))]


def near_words(word: str, choices: Iterable[str]) -> list[str]:
    """Return those of `choices` of which `word` may be a misspelling, the nearest first."""
    return difflib.get_close_matches(word, list(choices), n=2)


def is_name(word: str) -> bool:
    """Whether a key called `word` says what something is called."""
    return _joined(word) in _NAMES


def _singular(word: str) -> str:
    return re.sub(r"(?<=ss)es$|(?<!s)s$", "", _joined(word))


def _joined(word: str) -> str:
    return re.sub(r"[-_ .]", "", word).lower()

"""Which options there are, of those that emitters write: what each may be, and which file declares it.

Read on 2026-11-24 and 25. Sources: nixpkgs as of 26.05 (a fork of that time, Swarsel/nixpkgs 4aa6836a), and
the manual's list of options as of 25.11, which has the same; microvm.nix 71beea0 and sops-nix 8ecc356, which
are the same for every release. Of a section of a systemd unit the table has the fields that we write, with
the values that networkd.nix asserts.
"""

from collections.abc import Mapping

from hybridlab.tables.options.kinds import (
    Attrs,
    AttrsOf,
    Bool,
    Either,
    Enum,
    Int,
    Json,
    Kind,
    ListOf,
    NullOr,
    PathName,
    Text,
)
from hybridlab.tables.options.sources import Project, Source

_BOOL = Bool()
_TEXT = Text()
_TEXTS = ListOf(_TEXT)
_PATH = PathName()
_PORT = Int(0, 65535)
_POSITIVE = Int(1)

# firewall.nix of ours; the bounds of addresses are the module's.
_IPV4 = r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?"
_IPV6 = r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(/[0-9]{1,3})?"
_LABEL = Text(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_INTERFACE = Text(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,14}")
_ANSWER: Mapping[str, Kind] = {
    "protocol": Enum(("tcp", "udp")),
    "port": _PORT,
    "sources": ListOf(Text(f"{_IPV4}|{_IPV6}")),
    "reason": _TEXT,
}

# networkd.nix: "yes" and "no", and what Nix makes of booleans.
_YES_NO = Either((_BOOL, Enum(("yes", "no", "true", "false"))))
_TABLE = Either((Int(0, 2**32 - 1), _TEXT))
_VLAN_ID = Int(0, 4094)
_ONLINE = ("missing", "off", "no-carrier", "dormant", "degraded-carrier", "carrier", "degraded", "enslaved")
_MATCH = Attrs({"Name": _TEXT, "MACAddress": _TEXT})

_KUBERNETES = "nixos/modules/services/cluster/kubernetes"

# By the file that declares them; `<name>` stands for any attribute.
DECLARED: Mapping[Source, Mapping[str, Kind]] = {
    Source(Project.NIXPKGS, "nixos/modules/config/locale.nix"): {
        "time.timeZone": NullOr(Text(r"[^ ]*")),
    },
    Source(Project.NIXPKGS, "nixos/modules/config/networking.nix"): {
        "networking.hosts": AttrsOf(_TEXTS),
    },
    Source(Project.NIXPKGS, "nixos/modules/config/users-groups.nix"): {
        "users.users.<name>.isNormalUser": _BOOL,
        "users.users.<name>.extraGroups": _TEXTS,
    },
    Source(Project.NIXPKGS, "nixos/modules/misc/nixpkgs.nix"): {
        # Any string or attribute set that names a platform; these are those that we know.
        "nixpkgs.hostPlatform": Enum(("x86_64-linux", "aarch64-linux")),
    },
    Source(Project.NIXPKGS, "nixos/modules/misc/version.nix"): {
        # A string whose form is asserted.
        "system.stateVersion": Text(r"[0-9]{2}\.[0-9]{2}"),
    },
    Source(Project.NIXPKGS, "nixos/modules/security/sudo.nix"): {
        "security.sudo.wheelNeedsPassword": _BOOL,
    },
    Source(Project.NIXPKGS, f"{_KUBERNETES}/default.nix"): {
        "services.kubernetes.apiserverAddress": _TEXT,
        "services.kubernetes.clusterCidr": NullOr(_TEXT),
        "services.kubernetes.easyCerts": _BOOL,
        "services.kubernetes.masterAddress": _TEXT,
        "services.kubernetes.roles": ListOf(Enum(("master", "node"))),
    },
    Source(Project.NIXPKGS, f"{_KUBERNETES}/addons/dns.nix"): {
        "services.kubernetes.addons.dns.clusterDomain": _TEXT,
        "services.kubernetes.addons.dns.clusterIp": _TEXT,
        "services.kubernetes.addons.dns.enable": _BOOL,
    },
    Source(Project.NIXPKGS, f"{_KUBERNETES}/apiserver.nix"): {
        "services.kubernetes.apiserver.advertiseAddress": NullOr(_TEXT),
        "services.kubernetes.apiserver.allowPrivileged": _BOOL,
        "services.kubernetes.apiserver.securePort": Int(),
        "services.kubernetes.apiserver.serviceClusterIpRange": _TEXT,
    },
    Source(Project.NIXPKGS, f"{_KUBERNETES}/flannel.nix"): {
        "services.kubernetes.flannel.enable": _BOOL,
        "services.kubernetes.flannel.openFirewallPorts": _BOOL,
    },
    Source(Project.NIXPKGS, f"{_KUBERNETES}/kubelet.nix"): {
        "services.kubernetes.kubelet.clusterDns": _TEXTS,
        "services.kubernetes.kubelet.clusterDomain": _TEXT,
        "services.kubernetes.kubelet.extraConfig": AttrsOf(Json()),
        "services.kubernetes.kubelet.extraOpts": _TEXT,
        "services.kubernetes.kubelet.hostname": _TEXT,
        "services.kubernetes.kubelet.nodeIp": NullOr(_TEXT),
        "services.kubernetes.kubelet.taints.<name>.effect": Enum(
            ("NoSchedule", "PreferNoSchedule", "NoExecute")
        ),
        "services.kubernetes.kubelet.taints.<name>.key": _TEXT,
        "services.kubernetes.kubelet.taints.<name>.value": _TEXT,
        "services.kubernetes.kubelet.unschedulable": _BOOL,
    },
    Source(Project.NIXPKGS, f"{_KUBERNETES}/proxy.nix"): {
        "services.kubernetes.proxy.hostname": _TEXT,
    },
    Source(Project.NIXPKGS, "nixos/modules/services/networking/flannel.nix"): {
        "services.flannel.iface": NullOr(_TEXT),
    },
    Source(Project.NIXPKGS, "nixos/modules/services/networking/ssh/sshd.nix"): {
        "services.openssh.enable": _BOOL,
        "services.openssh.openFirewall": _BOOL,
        "services.openssh.settings.KbdInteractiveAuthentication": NullOr(_BOOL),
        "services.openssh.settings.PasswordAuthentication": NullOr(_BOOL),
        "services.openssh.settings.PermitRootLogin": NullOr(
            Enum(("yes", "without-password", "prohibit-password", "forced-commands-only", "no"))
        ),
        "users.users.<name>.openssh.authorizedKeys.keys": ListOf(Text(r"[^\n\r]*\n?")),
    },
    Source(Project.NIXPKGS, "nixos/modules/system/boot/kernel.nix"): {
        "boot.kernelParams": ListOf(Text(r'([^"\s]|"[^"]*")+')),
    },
    Source(Project.NIXPKGS, "nixos/modules/system/boot/networkd.nix"): {
        "systemd.network.links.<name>.linkConfig": Attrs({"Name": _TEXT}),
        "systemd.network.links.<name>.matchConfig": Attrs({"PermanentMACAddress": _TEXT}),
        "systemd.network.netdevs.<name>.bridgeConfig": Attrs(
            {"DefaultPVID": Either((_VLAN_ID, Enum(("none",)))), "VLANFiltering": _YES_NO}
        ),
        "systemd.network.netdevs.<name>.netdevConfig": Attrs(
            # Of 38 kinds the two that we make.
            {"Kind": Enum(("bridge", "vlan")), "Name": _TEXT},
            required=("Kind", "Name"),
        ),
        "systemd.network.netdevs.<name>.vlanConfig": Attrs({"Id": _VLAN_ID}),
        "systemd.network.networks.<name>.address": _TEXTS,
        "systemd.network.networks.<name>.bridgeVLANs": ListOf(
            Attrs({"EgressUntagged": _VLAN_ID, "PVID": _VLAN_ID, "VLAN": _VLAN_ID})
        ),
        "systemd.network.networks.<name>.gateway": _TEXTS,
        "systemd.network.networks.<name>.linkConfig": Attrs(
            {"RequiredForOnline": Either((_YES_NO, Enum((*_ONLINE, "routable"))))}
        ),
        "systemd.network.networks.<name>.matchConfig": _MATCH,
        "systemd.network.networks.<name>.networkConfig": Attrs(
            {
                "Bridge": _TEXT,
                "LinkLocalAddressing": Either((_YES_NO, Enum(("ipv4", "ipv6")))),
            }
        ),
        "systemd.network.networks.<name>.routes": ListOf(
            Attrs(
                {
                    "Destination": _TEXT,
                    "Gateway": _TEXT,
                    "Scope": Enum(("global", "site", "link", "host", "nowhere")),
                    "Table": _TABLE,
                }
            )
        ),
        "systemd.network.networks.<name>.routingPolicyRules": ListOf(
            Attrs(
                {
                    "FirewallMark": Either((Int(1, 2**32 - 1), Text(r"[0-9]+(/(0x[0-9a-f]+|[0-9]+))?"))),
                    "From": _TEXT,
                    "Priority": Int(),
                    "Table": _TABLE,
                    "To": _TEXT,
                }
            )
        ),
        "systemd.network.networks.<name>.vlan": _TEXTS,
    },
    Source(Project.NIXPKGS, "nixos/modules/tasks/network-interfaces.nix"): {
        "networking.hostName": Text(r"|[0-9A-Za-z]([0-9A-Za-z_-]{0,61}[0-9A-Za-z])?"),
        "networking.nameservers": _TEXTS,
        "networking.useDHCP": _BOOL,
        "networking.useNetworkd": _BOOL,
    },
    Source(Project.MICROVM, "nixos-modules/host/options.nix"): {
        "microvm.vms.<name>.autostart": _BOOL,
        "microvm.vms.<name>.restartIfChanged": _BOOL,
    },
    Source(Project.MICROVM, "nixos-modules/microvm/options.nix"): {
        "microvm.balloon": _BOOL,
        "microvm.credentialFiles": AttrsOf(_PATH),
        "microvm.devices": ListOf(
            Attrs({"bus": Enum(("pci", "usb")), "path": _TEXT}, required=("bus", "path"))
        ),
        "microvm.hypervisor": Enum(
            (
                "qemu",
                "cloud-hypervisor",
                "firecracker",
                "crosvm",
                "kvmtool",
                "stratovirt",
                "alioth",
                "vfkit",
            )
        ),
        "microvm.interfaces": ListOf(
            Attrs(
                {"id": _TEXT, "mac": _TEXT, "type": Enum(("user", "tap", "macvtap", "bridge"))},
                required=("id", "mac", "type"),
            )
        ),
        "microvm.machineId": NullOr(_TEXT),
        "microvm.mem": _POSITIVE,
        "microvm.shares": ListOf(
            Attrs(
                {
                    "mountPoint": _PATH,
                    "proto": Enum(("9p", "virtiofs")),
                    "readOnly": _BOOL,
                    "source": Text(r"(?s:.*\S.*)"),
                    "tag": _TEXT,
                },
                required=("mountPoint", "source", "tag"),
            )
        ),
        "microvm.vcpu": _POSITIVE,
        "microvm.volumes": ListOf(
            Attrs(
                {
                    "fsType": _TEXT,
                    "image": _TEXT,
                    "label": NullOr(_TEXT),
                    "mountPoint": NullOr(_PATH),
                    "size": Int(),
                },
                required=("image", "mountPoint", "size"),
            )
        ),
        "microvm.vsock.cid": NullOr(Int()),
    },
    Source(Project.SOPS_NIX, "modules/sops/default.nix"): {
        "sops.defaultSopsFile": _PATH,
        "sops.secrets.<name>.key": _TEXT,
        "sops.secrets.<name>.owner": NullOr(_TEXT),
        "sops.secrets.<name>.restartUnits": _TEXTS,
        "sops.secrets.<name>.sopsFile": _PATH,
        "sops.useSystemdActivation": _BOOL,
    },
    Source(Project.OURS, "modules/amd-gpu.nix"): {
        "hybridlab.amdGpu.enable": _BOOL,
    },
    Source(Project.OURS, "modules/firewall.nix"): {
        "hybridlab.firewall.enable": _BOOL,
        "hybridlab.firewall.forwardFrom": NullOr(ListOf(_INTERFACE)),
        "hybridlab.firewall.nodePorts": ListOf(
            Attrs(_ANSWER, required=("port", "reason", "sources")),
        ),
        "hybridlab.firewall.openings": ListOf(
            Attrs({"interface": _INTERFACE, **_ANSWER}, required=("interface", "port", "reason"))
        ),
    },
    Source(Project.OURS, "modules/gpu-passthrough.nix"): {
        "hybridlab.gpuPassthrough.enable": _BOOL,
        "hybridlab.gpuPassthrough.ids": ListOf(Text(r"[0-9a-f]{4}:[0-9a-f]{4}")),
    },
    Source(Project.OURS, "modules/guest.nix"): {
        "hybridlab.guest.ageKeyCredential": NullOr(Text(r"[A-Za-z0-9._-]{1,28}")),
        "hybridlab.guest.enable": _BOOL,
    },
    Source(Project.OURS, "modules/hypervisor.nix"): {
        "hybridlab.hypervisor.bridge": _INTERFACE,
        "hybridlab.hypervisor.enable": _BOOL,
        "hybridlab.hypervisor.legs": AttrsOf(Int(1, 4095)),
    },
    Source(Project.OURS, "modules/join-token.nix"): {
        "hybridlab.joinToken.enable": _BOOL,
        # No path of the repository: that would be copied to the store.
        "hybridlab.joinToken.file": Text(r"/[A-Za-z0-9/._@+-]+"),
        "hybridlab.joinToken.role": Enum(("server", "client")),
    },
    Source(Project.OURS, "modules/kubernetes-node.nix"): {
        "hybridlab.kubernetesNode.enable": _BOOL,
    },
    Source(Project.OURS, "modules/pod-secrets.nix"): {
        "hybridlab.podSecrets.cluster": _LABEL,
        "hybridlab.podSecrets.enable": _BOOL,
        "hybridlab.podSecrets.secrets": AttrsOf(
            Attrs(
                {"namespace": _LABEL, "files": AttrsOf(Text(r"/[A-Za-z0-9/._@+-]+"))},
                required=("namespace",),
            )
        ),
    },
}

"""Which options are no more, and what to write instead: of modules that we set, and of a GPU's host.

Read on 2026-11-24 in nixpkgs as of 26.05 (a fork of that time, Swarsel/nixpkgs 4aa6836a), where the modules
say so themselves, in NixOS's release notes, and in microvm.nix 71beea0 and sops-nix 8ecc356.
"""

from collections.abc import Mapping

from attrs import frozen


@frozen
class Replaced:
    """An option that NixOS refuses or renames, and an option's path or other words for what takes its place.

    `since` is the first release for which that holds; without it all releases of the table are newer.
    """

    path: str
    instead: str
    since: str | None = None

    def holds_for(self, release: str) -> bool:
        # Releases are YY.MM, so they sort as text.
        return self.since is None or self.since <= release


_KUBERNETES = "services.kubernetes"
_NETWORKS = "systemd.network.networks.<name>"

REPLACED: Mapping[str, Replaced] = {
    replaced.path: replaced
    for replaced in (
        Replaced(
            f"{_KUBERNETES}.addons.dns.coredns", f"{_KUBERNETES}.addons.dns.corednsImage", since="26.05"
        ),
        Replaced(f"{_KUBERNETES}.addons.dashboard", "nothing: deploy a dashboard as a manifest"),
        Replaced(f"{_KUBERNETES}.apiserver.address", f"{_KUBERNETES}.apiserver.bindAddress"),
        Replaced(
            f"{_KUBERNETES}.apiserver.admissionControl", f"{_KUBERNETES}.apiserver.enableAdmissionPlugins"
        ),
        Replaced(f"{_KUBERNETES}.apiserver.insecureBindAddress", f"{_KUBERNETES}.apiserver.bindAddress"),
        Replaced(f"{_KUBERNETES}.apiserver.insecurePort", f"{_KUBERNETES}.apiserver.securePort"),
        Replaced(f"{_KUBERNETES}.apiserver.publicAddress", f"{_KUBERNETES}.apiserver.advertiseAddress"),
        Replaced(f"{_KUBERNETES}.controllerManager.address", f"{_KUBERNETES}.controllerManager.bindAddress"),
        *(
            Replaced(f"{_KUBERNETES}.etcd.{name}", f"{_KUBERNETES}.apiserver.etcd.{name}")
            for name in ("caFile", "certFile", "keyFile", "servers")
        ),
        Replaced(f"{_KUBERNETES}.kubelet.allowPrivileged", f"{_KUBERNETES}.apiserver.allowPrivileged"),
        Replaced(
            f"{_KUBERNETES}.kubelet.applyManifests", f"{_KUBERNETES}.addonManager.addons on the control plane"
        ),
        Replaced(f"{_KUBERNETES}.kubelet.cadvisorPort", "nothing: the kubelet's own port answers for it"),
        Replaced(
            f"{_KUBERNETES}.kubelet.containerRuntime",
            f"{_KUBERNETES}.kubelet.containerRuntimeEndpoint; containerd is what there is",
        ),
        Replaced(f"{_KUBERNETES}.kubelet.networkPlugin", f"{_KUBERNETES}.kubelet.cni"),
        Replaced(f"{_KUBERNETES}.proxy.address", f"{_KUBERNETES}.proxy.bindAddress"),
        Replaced(f"{_KUBERNETES}.verbose", "the option verbosity of each component"),
        Replaced(
            f"{_NETWORKS}.networkConfig.IPForward",
            f"{_NETWORKS}.networkConfig.IPv4Forwarding and IPv6Forwarding",
        ),
        *(
            Replaced(f"{_NETWORKS}.{old}", f"{_NETWORKS}.{new}")
            for old, new in (
                ("dhcpConfig", "dhcpV4Config"),
                ("dhcpV6PrefixDelegationConfig", "dhcpPrefixDelegationConfig"),
                ("ipv6PrefixDelegationConfig", "ipv6SendRAConfig"),
            )
        ),
        Replaced("hardware.amdgpu.amdvlk", "nothing: hardware.graphics has Mesa's driver"),
        Replaced("hardware.opengl", "hardware.graphics", since="24.11"),
        Replaced("microvm.balloonMem", "microvm.balloon, which is true or false"),
        Replaced("services.ollama.acceleration", "services.ollama.package: ollama-rocm, ollama-vulkan"),
        *(
            Replaced(f"services.openssh.{old}", f"services.openssh.settings.{new}")
            for old, new in (
                ("challengeResponseAuthentication", "KbdInteractiveAuthentication"),
                ("kbdInteractiveAuthentication", "KbdInteractiveAuthentication"),
                ("passwordAuthentication", "PasswordAuthentication"),
                ("permitRootLogin", "PermitRootLogin"),
            )
        ),
        Replaced("sops.gnupgHome", "sops.gnupg.home"),
        Replaced("sops.sshKeyPaths", "sops.gnupg.sshKeyPaths"),
    )
}

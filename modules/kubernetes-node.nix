# What every services.kubernetes node needs besides option values; knows no addresses, roles or labels.
#
# The sources that its comments name are files of nixpkgs under nixos/modules, as of 26.05.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.hybridlab.kubernetesNode;
  kubernetes = config.services.kubernetes;
  inherit (kubernetes) kubelet pki;
  machine = config.networking.hostName;

  # Wins over the plain 1 of cluster/kubernetes/kubelet.nix and over a plain value of anybody else: the
  # option takes one definition per priority, even if the values agree (config/sysctl.nix). A
  # lib.mkForce of the user still wins over this.
  sysctl = lib.mkOverride 60;

  swaps = map (swap: swap.device) config.swapDevices ++ lib.optional config.zramSwap.enable "zram";
  toleratesSwap =
    !(kubelet.extraConfig.failSwapOn or true) || lib.hasInfix "--fail-swap-on=false" kubelet.extraOpts;

  adminKubeconfig =
    if kubernetes.apiserver.enable && pki.enable then pki.etcClusterAdminKubeconfig else null;
in
{
  options.hybridlab.kubernetesNode = {
    enable = lib.mkEnableOption "what a services.kubernetes node needs from the system around it";

    podBridge = lib.mkOption {
      type = lib.types.str;
      default = "mynet";
      example = "cni0";
      description = ''
        Bridge that the pods of this node hang on: networkd leaves it alone, and the firewall trusts it. The
        default is the name that `services.kubernetes.flannel` gives it.
      '';
    };

    tools = lib.mkOption {
      type = lib.types.listOf lib.types.package;
      default = [
        kubernetes.package
        pkgs.cri-tools
        pkgs.openssl
      ];
      defaultText = lib.literalExpression "[ config.services.kubernetes.package pkgs.cri-tools pkgs.openssl ]";
      example = [ ];
      description = ''
        Programs for people on the node, and for `hybridlab verify` and `diagnose`, which run kubectl on the
        control plane and read certificates with openssl.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = swaps == [ ] || toleratesSwap;
        message =
          "${machine}: kubelet does not start with swap (${toString swaps}): remove it or set "
          + "services.kubernetes.kubelet.extraConfig.failSwapOn = false";
      }
      {
        # cluster/kubernetes/default.nix: no role at all counts as master only.
        assertion = kubernetes.roles != [ ];
        message = "${machine}: services.kubernetes.roles is empty, so the node would register as unschedulable";
      }
      {
        assertion = config.networking.nftables.enable -> !config.networking.nftables.flushRuleset;
        message =
          "${machine}: networking.nftables.flushRuleset is on: each reload of the firewall would delete the "
          + "rules of kube-proxy and flannel";
      }
    ];

    # Docker sets the policy of iptables' FORWARD to DROP, which pods' traffic then meets (moby, iptables.go).
    warnings = lib.optional (config.virtualisation.docker.enable or false) (
      "${machine}: virtualisation.docker drops what is forwarded, the traffic of pods too: use podman, or "
      + "virtualisation.docker.daemon.settings.iptables = false"
    );

    # /etc/resolv.conf is resolved's stub 127.0.0.53, which inside a pod is the pod (system/boot/resolved.nix).
    services.kubernetes.kubelet.extraConfig = lib.mkIf config.services.resolved.enable {
      resolvConf = lib.mkDefault "/run/systemd/resolve/resolv.conf";
    };

    # networkd must neither configure the links of the CNI plugins and flannel nor, on a restart, remove
    # the routes and rules that it did not make. The latter are keys of networkd.conf, not of a network.
    systemd.network.networks."00-hybridlab-cni" = {
      matchConfig.Name = "${cfg.podBridge} flannel* cni* veth*";
      linkConfig.Unmanaged = true;
    };
    systemd.network.config.networkConfig = {
      ManageForeignRoutes = false;
      ManageForeignRoutingPolicyRules = false;
    };

    # Pods reach the node's own services (API server, kubelet, DNS on the host) through this bridge.
    networking.firewall.trustedInterfaces = [ cfg.podBridge ];

    boot.kernel.sysctl = {
      "net.bridge.bridge-nf-call-ip6tables" = sysctl 1;
      "net.bridge.bridge-nf-call-iptables" = sysctl 1;
      "net.ipv4.ip_forward" = sysctl 1;
    };

    environment.systemPackages = cfg.tools;
    # Its client key belongs to the user kubernetes, so this helps root only.
    environment.variables = lib.mkIf (adminKubeconfig != null) {
      KUBECONFIG = lib.mkDefault "/etc/${adminKubeconfig}";
    };
  };
}

# What services.kubernetes makes of roles, as far as our modules read it or would collide with it: the same
# values at the same priorities. Read in nixos/modules/services/cluster/kubernetes at and around 26.05.
{ config, lib, ... }:
let
  inherit (lib) elem mkDefault mkIf;
  cfg = config.services.kubernetes;
  isMaster = elem "master" cfg.roles;
  isNode = elem "node" cfg.roles;
  hasRole = cfg.roles != [ ];
in
{
  config = lib.mkMerge [
    (mkIf isMaster {
      services.etcd.enable = true;
      services.kubernetes = {
        apiserver.enable = mkDefault true;
        controllerManager.enable = mkDefault true;
        kubelet.taints = mkIf (!isNode) {
          master = {
            key = "node-role.kubernetes.io/master";
            value = "true";
            effect = "NoSchedule";
          };
        };
      };
    })
    (mkIf hasRole {
      services.kubernetes = {
        addons.dns.enable = mkDefault true;
        apiserverAddress = mkDefault "https://${
          if cfg.apiserver.advertiseAddress != null then
            cfg.apiserver.advertiseAddress
          else
            "${cfg.masterAddress}:${toString cfg.apiserver.securePort}"
        }";
        easyCerts = mkDefault true;
        flannel.enable = mkDefault true;
        kubelet.enable = mkDefault true;
        proxy.enable = mkDefault true;
      };
    })
    (mkIf (lib.all (role: role == "master") cfg.roles) {
      services.kubernetes.kubelet.unschedulable = mkDefault true;
    })
    (mkIf cfg.easyCerts {
      services.kubernetes.pki.enable = mkDefault true;
    })
    (mkIf cfg.apiserver.enable {
      services.kubernetes.pki.etcClusterAdminKubeconfig = mkDefault "kubernetes/cluster-admin.kubeconfig";
    })
    (mkIf cfg.addons.dns.enable {
      services.kubernetes.kubelet.clusterDns = mkDefault [ cfg.addons.dns.clusterIp ];
    })
    (mkIf cfg.flannel.enable {
      networking.firewall.allowedUDPPorts = mkIf cfg.flannel.openFirewallPorts [
        8285
        8472
      ];
      services.flannel = {
        enable = mkDefault true;
        network = mkDefault cfg.clusterCidr;
      };
    })
    (mkIf cfg.kubelet.enable {
      boot.kernelModules = [
        "br_netfilter"
        "overlay"
      ];
      # Plain, so that whoever sets them, too, must use another priority.
      boot.kernel.sysctl = {
        "net.bridge.bridge-nf-call-ip6tables" = 1;
        "net.bridge.bridge-nf-call-iptables" = 1;
        "net.ipv4.ip_forward" = 1;
      };
      services.kubernetes.kubelet.hostname = mkDefault config.networking.hostName;
    })
  ];
}

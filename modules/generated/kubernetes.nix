# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  services.kubernetes = {
    # the name in the certificates of API server and cfssl
    masterAddress = "k8s-master";
    apiserverAddress = "https://k8s-master:6443";
    easyCerts = true;
    clusterCidr = "10.244.0.0/16";
    # workers derive addresses from it, too
    apiserver.serviceClusterIpRange = "10.96.0.0/12";
    addons.dns = {
      enable = true;
      clusterIp = "10.96.0.10";
      clusterDomain = "cluster.local";
    };
    flannel = {
      enable = true;
      # firewall.nix opens the one that is used
      openFirewallPorts = false;
    };
    kubelet = {
      clusterDns = [ "10.96.0.10" ];
      clusterDomain = "cluster.local";
    };
  };
  hybridlab.kubernetesNode.enable = true;
}

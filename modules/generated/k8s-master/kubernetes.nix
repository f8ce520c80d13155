# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  services = {
    kubernetes = {
      roles = [ "master" ];
      apiserver = {
        advertiseAddress = "10.0.20.10";
        securePort = 6443;
      };
      kubelet = {
        hostname = "k8s-master";
        nodeIp = "10.0.20.10";
      };
      # as the kubelet's, or kube-proxy finds no node
      proxy.hostname = "k8s-master";
    };
    # not the one of the default route
    flannel.iface = "vlan20";
  };
}

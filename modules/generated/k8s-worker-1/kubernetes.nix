# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  services = {
    kubernetes = {
      roles = [ "node" ];
      kubelet = {
        hostname = "k8s-worker-1";
        nodeIp = "10.0.20.11";
      };
      # as the kubelet's, or kube-proxy finds no node
      proxy.hostname = "k8s-worker-1";
    };
    # not the one of the default route
    flannel.iface = "vlan20";
  };
}

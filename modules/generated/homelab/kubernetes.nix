# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  services = {
    kubernetes = {
      roles = [ "node" ];
      kubelet = {
        hostname = "homelab";
        nodeIp = "10.0.20.5";
        extraOpts = "--node-labels=gpu=amd,node-type=baremetal";
        # the guests' memory and the host's own: not for pods
        extraConfig.systemReserved.memory = "14336Mi";
      };
      # as the kubelet's, or kube-proxy finds no node
      proxy.hostname = "homelab";
    };
    # not the one of the default route
    flannel.iface = "br0.20";
  };
}

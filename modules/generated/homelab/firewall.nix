# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  hybridlab.firewall = {
    enable = true;
    openings = [
      {
        interface = "br0.10";
        protocol = "tcp";
        port = 22;
        sources = [ "10.0.10.0/24" ];
        reason = "ssh: the admin logs in and deploys";
      }
      {
        interface = "br0.20";
        protocol = "tcp";
        port = 22;
        sources = [ "10.0.10.0/24" ];
        reason = "ssh: the admin logs in and deploys";
      }
      {
        interface = "br0.20";
        protocol = "udp";
        port = 8472;
        sources = [ "10.0.20.0/24" ];
        reason = "flannel VXLAN: traffic of pods between nodes";
      }
      {
        interface = "br0.20";
        protocol = "tcp";
        port = 10250;
        sources = [ "10.0.20.0/24" ];
        reason = "kubelet API: kubectl logs and exec, metrics";
      }
    ];
    nodePorts = [
      {
        protocol = "tcp";
        port = 31434;
        sources = [
          "10.0.10.0/24"
          "10.0.20.0/24"
        ];
        reason = "Ollama: workload ollama";
      }
    ];
    # pods: for nobody else is this machine a router
    forwardFrom = [
      "mynet"
      "flannel.1"
    ];
  };
}

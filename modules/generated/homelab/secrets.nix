# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  sops = {
    # as a unit, for which the guests wait
    useSystemdActivation = true;
    # encrypted, so it may lie in the store
    defaultSopsFile = ../../../secrets/secrets.yaml;
    secrets = {
      "k8s-master/age-key" = {
        sopsFile = ../../../secrets/homelab-guests.yaml;
        # its hypervisor hands the key over
        owner = "microvm";
        restartUnits = [ "microvm@k8s-master.service" ];
      };
      "k8s-worker-1/age-key" = {
        sopsFile = ../../../secrets/homelab-guests.yaml;
        # its hypervisor hands the key over
        owner = "microvm";
        restartUnits = [ "microvm@k8s-worker-1.service" ];
      };
      "k8s-worker-2/age-key" = {
        sopsFile = ../../../secrets/homelab-guests.yaml;
        # its hypervisor hands the key over
        owner = "microvm";
        restartUnits = [ "microvm@k8s-worker-2.service" ];
      };
      "k8s/join-token".restartUnits = [ "hybridlab-join-token.service" ];
    };
  };

  hybridlab.joinToken = {
    enable = true;
    role = "client";
    file = "/run/secrets/k8s/join-token";
  };
}

# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  sops = {
    # encrypted, so it may lie in the store
    defaultSopsFile = ../../../secrets/secrets.yaml;
    secrets."k8s/join-token".restartUnits = [ "hybridlab-join-token.service" ];
  };

  hybridlab.joinToken = {
    enable = true;
    role = "client";
    file = "/run/secrets/k8s/join-token";
  };
}

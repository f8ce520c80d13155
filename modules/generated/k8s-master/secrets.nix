# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  sops = {
    # encrypted, so it may lie in the store
    defaultSopsFile = ../../../secrets/secrets.yaml;
    secrets."k8s/join-token".restartUnits = [ "hybridlab-join-token.service" ];
  };

  hybridlab.joinToken = {
    enable = true;
    role = "server";
    file = "/run/secrets/k8s/join-token";
  };

  hybridlab.podSecrets = {
    # also with nothing to bring: what the spec no longer has is taken away
    enable = true;
    cluster = "homelab";
  };
}

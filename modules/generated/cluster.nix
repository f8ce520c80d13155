# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  nixpkgs.hostPlatform = "x86_64-linux";
  # the release first installed: data formats depend on it
  system.stateVersion = "26.05";

  networking = {
    # nodes verify each other's certificates by name
    hosts = {
      "10.0.20.5" = [ "homelab" ];
      "10.0.20.10" = [ "k8s-master" ];
      "10.0.20.11" = [ "k8s-worker-1" ];
      "10.0.20.12" = [ "k8s-worker-2" ];
    };
    nameservers = [
      "1.1.1.1"
      "8.8.8.8"
    ];
  };

  services.openssh = {
    enable = true;
    # firewall.nix opens it where the admin comes from
    openFirewall = false;
    settings = {
      KbdInteractiveAuthentication = false;
      PasswordAuthentication = false;
      PermitRootLogin = "prohibit-password";
    };
  };
}

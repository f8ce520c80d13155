# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  name = "homelab";
  nixos = {
    release = "26.05";
    stateVersion = "26.05";
    system = "x86_64-linux";
  };
  admin = "limjihoon";
  vlans = {
    management = {
      id = 10;
      cidr = "10.0.10.0/24";
      gateway = "10.0.10.1";
    };
    services = {
      id = 20;
      cidr = "10.0.20.0/24";
      gateway = "10.0.20.1";
    };
  };
  machines = {
    homelab = {
      kind = "host";
      addresses = {
        management = "10.0.10.5";
        services = "10.0.20.5";
      };
      gpu = {
        model = "radeon-780m";
        chip = "gfx1103";
        mode = "host";
        passthrough = {
          enable = false;
          address = "0000:c4:00.0";
          ids = [ "1002:1900" ];
        };
      };
      deploy = {
        address = "10.0.10.5";
        order = 1;
        tags = [
          "control-plane"
          "gpu"
          "hypervisor"
          "order-1"
          "worker"
        ];
      };
      role = "worker";
      labels = {
        gpu = "amd";
        node-type = "baremetal";
      };
      taints = [ ];
    };
    k8s-master = {
      kind = "guest";
      host = "homelab";
      addresses = {
        services = "10.0.20.10";
      };
      role = "control-plane";
      labels = { };
      taints = [ ];
    };
    k8s-worker-1 = {
      kind = "guest";
      host = "homelab";
      addresses = {
        services = "10.0.20.11";
      };
      role = "worker";
      labels = { };
      taints = [ ];
    };
    k8s-worker-2 = {
      kind = "guest";
      host = "homelab";
      addresses = {
        services = "10.0.20.12";
      };
      role = "worker";
      labels = { };
      taints = [ ];
    };
  };
  kubernetes = {
    minor = "1.36";
    vlan = "services";
    controlPlane = [ "k8s-master" ];
    podCidr = "10.244.0.0/16";
    serviceCidr = "10.96.0.0/12";
    dnsAddress = "10.96.0.10";
  };
}

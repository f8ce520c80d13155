# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  networking = {
    hostName = "homelab";
    useDHCP = false;
    useNetworkd = true;
  };

  systemd.network = {
    netdevs = {
      "10-br0" = {
        netdevConfig = {
          Kind = "bridge";
          Name = "br0";
        };
        bridgeConfig = {
          # a port is in no VLAN that it is not put into
          DefaultPVID = "none";
          VLANFiltering = true;
        };
      };
      "20-br0.10" = {
        netdevConfig = {
          Kind = "vlan";
          Name = "br0.10";
        };
        vlanConfig.Id = 10;
      };
      "20-br0.20" = {
        netdevConfig = {
          Kind = "vlan";
          Name = "br0.20";
        };
        vlanConfig.Id = 20;
      };
    };
    networks = {
      # the uplink is a trunk: every VLAN tagged
      "10-uplink" = {
        matchConfig.Name = "enp1s0";
        networkConfig.Bridge = "br0";
        bridgeVLANs = [
          {
            VLAN = 10;
          }
          {
            VLAN = 20;
          }
        ];
        linkConfig.RequiredForOnline = "enslaved";
      };
      # the host's own side of the bridge: no address, only its legs
      "20-br0" = {
        matchConfig.Name = "br0";
        networkConfig.LinkLocalAddressing = "no";
        vlan = [
          "br0.10"
          "br0.20"
        ];
        bridgeVLANs = [
          {
            VLAN = 10;
          }
          {
            VLAN = 20;
          }
        ];
        linkConfig.RequiredForOnline = "no";
      };
      # VLAN management
      "30-br0.10" = {
        matchConfig.Name = "br0.10";
        address = [ "10.0.10.5/24" ];
        gateway = [ "10.0.10.1" ];
        routes = [
          {
            Destination = "10.0.10.0/24";
            Scope = "link";
            Table = 10;
          }
          {
            Gateway = "10.0.10.1";
            Table = 10;
          }
        ];
        routingPolicyRules = [
          {
            From = "10.0.10.5";
            Table = 10;
            Priority = 1100;
          }
          # answers of pods, marked with the leg on which the question came
          {
            FirewallMark = "10/0xfff";
            Table = 10;
            Priority = 1200;
          }
        ];
      };
      # VLAN services
      "30-br0.20" = {
        matchConfig.Name = "br0.20";
        address = [ "10.0.20.5/24" ];
        routes = [
          {
            Destination = "10.0.20.0/24";
            Scope = "link";
            Table = 20;
          }
          {
            Gateway = "10.0.20.1";
            Table = 20;
          }
        ];
        routingPolicyRules = [
          # pods are behind no leg
          {
            To = "10.244.0.0/16";
            Table = "main";
            Priority = 1000;
          }
          {
            From = "10.0.20.5";
            Table = 20;
            Priority = 1100;
          }
          # answers of pods, marked with the leg on which the question came
          {
            FirewallMark = "20/0xfff";
            Table = 20;
            Priority = 1200;
          }
        ];
      };
      # made by microvm.nix for k8s-master; in its VLAN only, untagged
      "40-vm-k8s-master" = {
        matchConfig.Name = "vm-k8s-master";
        networkConfig.Bridge = "br0";
        bridgeVLANs = [
          {
            VLAN = 20;
            PVID = 20;
            EgressUntagged = 20;
          }
        ];
        linkConfig.RequiredForOnline = "no";
      };
      # made by microvm.nix for k8s-worker-1; in its VLAN only, untagged
      "40-vm-k8s-worker-1" = {
        matchConfig.Name = "vm-k8s-worker-1";
        networkConfig.Bridge = "br0";
        bridgeVLANs = [
          {
            VLAN = 20;
            PVID = 20;
            EgressUntagged = 20;
          }
        ];
        linkConfig.RequiredForOnline = "no";
      };
      # made by microvm.nix for k8s-worker-2; in its VLAN only, untagged
      "40-vm-k8s-worker-2" = {
        matchConfig.Name = "vm-k8s-worker-2";
        networkConfig.Bridge = "br0";
        bridgeVLANs = [
          {
            VLAN = 20;
            PVID = 20;
            EgressUntagged = 20;
          }
        ];
        linkConfig.RequiredForOnline = "no";
      };
    };
  };

  hybridlab.hypervisor = {
    enable = true;
    bridge = "br0";
    # each leg with its routing table
    legs = {
      "br0.10" = 10;
      "br0.20" = 20;
    };
  };
}

# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  networking = {
    hostName = "k8s-worker-1";
    useDHCP = false;
    useNetworkd = true;
  };

  systemd.network = {
    links."10-vlan20" = {
      matchConfig.PermanentMACAddress = "02:d8:57:c8:89:b1";
      linkConfig.Name = "vlan20";
    };
    networks."20-vlan20" = {
      # by address, or pods' interfaces would match, too
      matchConfig.MACAddress = "02:d8:57:c8:89:b1";
      address = [ "10.0.20.11/24" ];
      gateway = [ "10.0.20.1" ];
    };
  };
}

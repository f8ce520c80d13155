# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  networking = {
    hostName = "k8s-worker-2";
    useDHCP = false;
    useNetworkd = true;
  };

  systemd.network = {
    links."10-vlan20" = {
      matchConfig.PermanentMACAddress = "02:01:68:fa:2e:31";
      linkConfig.Name = "vlan20";
    };
    networks."20-vlan20" = {
      # by address, or pods' interfaces would match, too
      matchConfig.MACAddress = "02:01:68:fa:2e:31";
      address = [ "10.0.20.12/24" ];
      gateway = [ "10.0.20.1" ];
    };
  };
}

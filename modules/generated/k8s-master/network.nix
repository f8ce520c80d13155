# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  networking = {
    hostName = "k8s-master";
    useDHCP = false;
    useNetworkd = true;
  };

  systemd.network = {
    links."10-vlan20" = {
      matchConfig.PermanentMACAddress = "02:a5:71:27:05:59";
      linkConfig.Name = "vlan20";
    };
    networks."20-vlan20" = {
      # by address, or pods' interfaces would match, too
      matchConfig.MACAddress = "02:a5:71:27:05:59";
      address = [ "10.0.20.10/24" ];
      gateway = [ "10.0.20.1" ];
    };
  };
}

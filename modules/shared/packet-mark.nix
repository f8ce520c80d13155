# Bits of the packet mark that our modules use; data, no module. kube-proxy has 0x4000 and 0x8000.
{
  # The frame only crosses a bridge, on its way to another's MAC address (hypervisor.nix sets it).
  transit = "0x1000";
  # The routing table of the leg on which the question came (hypervisor.nix).
  leg = "0xfff";
}

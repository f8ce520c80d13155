# The hand-written NixOS modules by name. Behaviour lives here; modules/generated/ only sets option values.
{
  amd-gpu = ./amd-gpu.nix;
  firewall = ./firewall.nix;
  gpu-passthrough = ./gpu-passthrough.nix;
  guest = ./guest.nix;
  hypervisor = ./hypervisor.nix;
  join-token = ./join-token.nix;
  kubernetes-node = ./kubernetes-node.nix;
  pod-secrets = ./pod-secrets.nix;
}

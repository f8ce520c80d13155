{
  inputs.hybridlab.url = "github:OWNER/hybridlab";

  outputs =
    { hybridlab, ... }:
    hybridlab.lib.mkCluster {
      root = ./.;
      modules.attic = ./hardware.nix;
      modules.cellar = ./hardware.nix;
    };
}

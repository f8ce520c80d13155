# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  # no GPU here
  boot.kernelParams = [ ];
}

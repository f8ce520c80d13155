# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  # deploying the host deploys its guests: the flake gives each its nixosConfiguration
  microvm.vms = {
    k8s-master = {
      autostart = true;
      restartIfChanged = true;
    };
    k8s-worker-1 = {
      autostart = true;
      restartIfChanged = true;
    };
    k8s-worker-2 = {
      autostart = true;
      restartIfChanged = true;
    };
  };
}

# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  microvm = {
    hypervisor = "qemu";
    vcpu = 2;
    mem = 4096;
    # also /etc/machine-id
    machineId = "d085a62b-6e4b-a524-f0dc-0000e2334de4";
    vsock.cid = 369345038;
    interfaces = [
      {
        type = "tap";
        id = "vm-k8s-worker-2";
        mac = "02:01:68:fa:2e:31";
      }
    ];
    # a file of the host: the key with which the guest decrypts its secrets
    credentialFiles.sops-age-key = "/run/secrets/k8s-worker-2/age-key";
    # the root is a tmpfs: etcd, certificates, images and host keys live here
    volumes = [
      {
        image = "state.img";
        label = "state";
        mountPoint = "/var/lib";
        fsType = "ext4";
        size = 20480;
      }
    ];
    shares = [
      {
        tag = "ro-store";
        source = "/nix/store";
        mountPoint = "/nix/.ro-store";
        proto = "virtiofs";
        readOnly = true;
      }
    ];
  };
  hybridlab.guest = {
    enable = true;
    ageKeyCredential = "sops-age-key";
  };
}

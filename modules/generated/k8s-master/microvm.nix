# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  microvm = {
    hypervisor = "qemu";
    vcpu = 2;
    mem = 4096;
    # also /etc/machine-id
    machineId = "88c7f909-3019-f158-80b9-af2dfde32b69";
    vsock.cid = 1451133957;
    interfaces = [
      {
        type = "tap";
        id = "vm-k8s-master";
        mac = "02:a5:71:27:05:59";
      }
    ];
    # a file of the host: the key with which the guest decrypts its secrets
    credentialFiles.sops-age-key = "/run/secrets/k8s-master/age-key";
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

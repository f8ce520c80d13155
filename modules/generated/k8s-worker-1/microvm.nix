# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  microvm = {
    hypervisor = "qemu";
    vcpu = 2;
    mem = 4096;
    # also /etc/machine-id
    machineId = "aacab666-f913-3938-2f83-49d5ea5351ef";
    vsock.cid = 4190872632;
    interfaces = [
      {
        type = "tap";
        id = "vm-k8s-worker-1";
        mac = "02:d8:57:c8:89:b1";
      }
    ];
    # a file of the host: the key with which the guest decrypts its secrets
    credentialFiles.sops-age-key = "/run/secrets/k8s-worker-1/age-key";
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

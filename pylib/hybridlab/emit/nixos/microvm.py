"""`microvm.nix`: the virtual machine that a guest is."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.delivery import DECRYPTED, guest_key
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.nixlang import Commented
from hybridlab.nixlang.build import Options
from hybridlab.spec.gpu import GpuMode
from hybridlab.spec.machine import Store

# Its name in the guest; QEMU's fw_cfg takes 55 characters with the prefix opt/io.systemd.credentials/.
_CREDENTIAL = "sops-age-key"


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return the guest's hardware, its volume, its share of the host's store and its key."""
    if isinstance(machine, Host):
        return ()
    identity = machine.identity
    hardware: dict[str, object] = {
        "hypervisor": machine.hypervisor.value,
        "vcpu": machine.vcpus,
        "mem": machine.memory_mib,
        **({"balloon": True} if machine.balloon else {}),
        "machineId": Commented(identity.uuid, "also /etc/machine-id"),
        "vsock": {"cid": identity.cid},
        "interfaces": [{"type": "tap", "id": identity.tap, "mac": identity.mac}],
    }
    if devices := _devices(cluster, machine):
        hardware["devices"] = devices
    storage: dict[str, object] = {
        "volumes": Commented(
            [
                {
                    "image": "state.img",
                    "label": "state",
                    "mountPoint": "/var/lib",
                    "fsType": "ext4",
                    "size": machine.storage_mib,
                }
            ],
            "the root is a tmpfs: etcd, certificates, images and host keys live here",
        ),
    }
    if machine.store is Store.SHARE:  # without it microvm.nix makes an image of the store
        storage["shares"] = [
            {
                "tag": "ro-store",
                "source": "/nix/store",
                "mountPoint": "/nix/.ro-store",
                "proto": "virtiofs",
                "readOnly": True,
            }
        ]
    settings: dict[str, object] = {"enable": True}
    if machine.name in cluster.guests_with_keys:
        hardware["credentialFiles"] = Commented(
            {_CREDENTIAL: f"{DECRYPTED}/{guest_key(machine.name)}"},
            "a file of the host: the key with which the guest decrypts its secrets",
        )
        settings["ageKeyCredential"] = _CREDENTIAL
    return ({"microvm": hardware | storage, "hybridlab": {"guest": settings}},)


def _devices(cluster: Cluster, guest: Guest) -> list[dict[str, object]]:
    host = cluster.machine(guest.host)
    gpu = host.gpu if isinstance(host, Host) else None
    if gpu is None or gpu.mode is not GpuMode.PASSTHROUGH or gpu.passthrough_guest != guest.name:
        return []
    return [{"bus": "pci", "path": gpu.passthrough_address}]

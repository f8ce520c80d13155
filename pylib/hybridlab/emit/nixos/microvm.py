"""`microvm.nix`: the virtual machine that a guest is."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.nixlang import Commented
from hybridlab.nixlang.build import Options
from hybridlab.spec.gpu import GpuMode


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return the guest's hardware, its volume and its share of the host's store."""
    if isinstance(machine, Host):
        return ()
    identity = machine.identity
    hardware: dict[str, object] = {
        "hypervisor": machine.hypervisor.value,
        "vcpu": machine.vcpus,
        "mem": machine.memory_mib,
        "machineId": Commented(identity.uuid, "also /etc/machine-id"),
        "vsock": {"cid": identity.cid},
        "interfaces": [{"type": "tap", "id": identity.tap, "mac": identity.mac}],
    }
    if devices := _devices(cluster, machine):
        hardware["devices"] = devices
    storage = {
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
        "shares": [
            {
                "tag": "ro-store",
                "source": "/nix/store",
                "mountPoint": "/nix/.ro-store",
                "proto": "virtiofs",
            }
        ],
    }
    return ({"microvm": hardware | storage, "hybridlab": {"guest": {"enable": True}}},)


def _devices(cluster: Cluster, guest: Guest) -> list[dict[str, object]]:
    host = cluster.machine(guest.host)
    gpu = host.gpu if isinstance(host, Host) else None
    if gpu is None or gpu.mode is not GpuMode.PASSTHROUGH or gpu.passthrough_guest != guest.name:
        return []
    return [{"bus": "pci", "path": gpu.passthrough_address}]

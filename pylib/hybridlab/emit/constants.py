"""`constants.nix`: the facts of the spec as plain Nix data, for the flake and for modules written by hand."""

from hybridlab.emit.file import GeneratedFile
from hybridlab.emit.header import HEADER
from hybridlab.model.cluster import Cluster
from hybridlab.model.deployment import in_turn, login_address, tags_of
from hybridlab.model.node import Gpu, Guest, Host, Machine
from hybridlab.nixlang import File, nix, print_file
from hybridlab.nixlang.ast import AttrSet
from hybridlab.spec.gpu import GpuMode
from hybridlab.spec.scalars import Address


def emit_constants(cluster: Cluster) -> GeneratedFile:
    """Return `modules/generated/constants.nix`."""
    deployments = _deployments(cluster)
    facts: dict[str, object] = {
        "name": cluster.name,
        "nixos": {
            "release": cluster.nixos.release,
            "stateVersion": cluster.nixos.state_version,
            "system": cluster.nixos.system.value,
        },
        "admin": cluster.admin.user,
        "vlans": {
            vlan.name: _without_none(
                {
                    "id": vlan.id,
                    "cidr": str(vlan.network),
                    "gateway": vlan.gateway and str(vlan.gateway),
                }
            )
            for vlan in cluster.vlans
        },
        "machines": {
            machine.name: _machine(machine, deployments.get(machine.name)) for machine in cluster.machines
        },
    }
    if cluster.kubernetes is not None:
        facts["kubernetes"] = {
            "minor": cluster.kubernetes.minor,
            "vlan": cluster.kubernetes.vlan.name,
            "controlPlane": [node.name for node in cluster.control_plane],
            "podCidr": str(cluster.kubernetes.pod_network),
            "serviceCidr": str(cluster.kubernetes.service_network),
            "dnsAddress": str(cluster.kubernetes.dns_address),
        }
    expression = nix(facts)
    assert isinstance(expression, AttrSet)
    return GeneratedFile("modules/generated/constants.nix", print_file(File(expression, HEADER)))


def _machine(machine: Machine, deployment: dict[str, object] | None) -> dict[str, object]:
    facts: dict[str, object] = {
        "kind": "host" if isinstance(machine, Host) else "guest",
        "host": machine.host if isinstance(machine, Guest) else None,
        "addresses": {leg.vlan.name: str(leg.address) for leg in machine.legs},
        "gpu": _gpu(machine.gpu) if isinstance(machine, Host) and machine.gpu else None,
        "deploy": deployment,
    }
    if machine.membership is not None:
        facts["role"] = machine.membership.role.value
        facts["labels"] = dict(machine.membership.own_labels)
        facts["taints"] = [str(taint) for taint in machine.membership.taints]
    return _without_none(facts)


def _deployments(cluster: Cluster) -> dict[str, dict[str, object]]:
    turns = enumerate(in_turn(cluster.hosts), start=1)
    return {host.name: _deployment(login_address(cluster, host), host, turn) for turn, host in turns}


def _deployment(address: Address | None, host: Host, turn: int) -> dict[str, object]:
    return _without_none(
        {
            "address": None if address is None else str(address),
            "order": turn,
            "tags": list(tags_of(host, turn)),
        }
    )


def _gpu(gpu: Gpu) -> dict[str, object]:
    return {
        "model": gpu.model.name,
        "chip": gpu.model.chip,
        "mode": gpu.mode.value,
        # Kept for later while the mode is another one: nothing but `enable` may be read then.
        "passthrough": _without_none(
            {
                "enable": gpu.mode is GpuMode.PASSTHROUGH,
                "address": gpu.passthrough_address,
                "ids": list(gpu.passthrough_ids),
                "guest": gpu.passthrough_guest,
            }
        ),
    }


def _without_none(facts: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in facts.items() if value is not None}

"""What `show` shows of a cluster: per topic, rows of plain values, and which of them a table has room for.

A row is a JSON object with keys in camelCase; nothing here knows terminals.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from attrs import frozen

from hybridlab.model.cluster import Cluster
from hybridlab.model.exposure import NodePort, Opening
from hybridlab.model.flows import FlowKind
from hybridlab.model.node import Guest, Host, Machine
from hybridlab.spec.scalars import Size

Row: TypeAlias = dict[str, object]


@frozen
class Topic:
    """A table of the cluster: its rows, and by heading the keys that are shown."""

    rows: Callable[[Cluster], Iterator[Row]]
    columns: Mapping[str, str]

    def cells(self, row: Row) -> list[str]:
        """Return the text of a row's columns."""
        return [_cell(row[key]) for key in self.columns.values()]


def _cell(value: object) -> str:
    match value:
        case None | "":
            return "-"
        case list():
            return ", ".join(map(str, value)) or "-"
        case dict():
            return ", ".join(f"{key}={text}" for key, text in value.items()) or "-"
        case _:
            return str(value)


def _nodes(cluster: Cluster) -> Iterator[Row]:
    for machine in cluster.machines:
        member = machine.membership
        yield {
            "name": machine.name,
            "kind": _kind(machine),
            "host": machine.host if isinstance(machine, Guest) else None,
            "role": member and member.role.value,
            "schedulable": member and member.schedulable,
            "addresses": [str(leg.address) for leg in machine.legs],
            "cpus": machine.vcpus if isinstance(machine, Guest) else machine.cpus,
            "memory": str(Size.of_mib(machine.memory_mib)),
            **_gpu(machine),
            "labels": dict(member.own_labels) if member else {},
            "taints": list(member.taints) if member else [],
        }


def _kind(machine: Machine) -> str:
    return "guest" if isinstance(machine, Guest) else "host"


def _gpu(machine: Machine) -> Row:
    gpu = machine.gpu if isinstance(machine, Host) else None
    return {
        "gpu": gpu and f"{gpu.count} {gpu.model.name} ({gpu.mode.value})",
        "gpuModel": gpu and gpu.model.name,
        "gpuMode": gpu and gpu.mode.value,
        "gpuCount": gpu.count if gpu else 0,
    }


def _addresses(cluster: Cluster) -> Iterator[Row]:
    rows = [*_addresses_of_others(cluster), *_machine_addresses(cluster)]
    yield from (row for _, row in sorted(rows, key=lambda pair: pair[0]))


def _addresses_of_others(cluster: Cluster) -> Iterator[tuple[tuple[int, int], Row]]:
    """Yield what has a fixed address in a VLAN and is no machine of the cluster: its router, and devices."""
    for vlan in cluster.vlans:
        others = [("gateway", None, vlan.gateway)] if vlan.gateway is not None else []
        for kind, name, address in (*others, *(("device", d.name, d.address) for d in vlan.devices)):
            row = {
                "address": str(address),
                "vlan": vlan.name,
                "vlanId": vlan.id,
                "kind": kind,
                "machine": name,
            }
            yield (address.version, int(address)), row | dict.fromkeys(("interface", "mac", "tap", "cid"))


def _machine_addresses(cluster: Cluster) -> Iterator[tuple[tuple[int, int], Row]]:
    for machine in cluster.machines:
        identity = machine.identity if isinstance(machine, Guest) else None
        for leg in machine.legs:
            yield (
                (leg.address.version, int(leg.address)),
                {
                    "address": str(leg.address),
                    "vlan": leg.vlan.name,
                    "vlanId": leg.vlan.id,
                    "kind": _kind(machine),
                    "machine": machine.name,
                    "interface": leg.interface,
                    "mac": identity and identity.mac,
                    "tap": identity and identity.tap,
                    "cid": identity and identity.cid,
                },
            )


def _flows(cluster: Cluster) -> Iterator[Row]:
    for flow in cluster.flows:
        yield {
            "who": flow.who,
            "fromVlan": flow.source.name,
            "fromNetwork": str(flow.source.network),
            "to": flow.destination,
            "address": str(flow.leg.address),
            "interface": flow.leg.interface,
            "port": flow.port,
            "protocol": flow.protocol.value,
            "portProtocol": f"{flow.port}/{flow.protocol.value}",
            "kind": flow.kind.value,
            "reason": flow.reason,
            "cause": str(flow.cause),
        }


def _openings(cluster: Cluster) -> Iterator[Row]:
    for name, firewall in sorted(cluster.firewalls.items()):
        for opening in firewall.openings:
            yield _opening(name, opening, opening.interface, FlowKind.MACHINE)
        for node_port in firewall.node_ports:
            yield _opening(name, node_port, None, FlowKind.NODE_PORT)


def _opening(machine: str, opening: Opening | NodePort, interface: str | None, kind: FlowKind) -> Row:
    return {
        "machine": machine,
        "interface": interface,
        "port": opening.port,
        "protocol": opening.protocol.value,
        "portProtocol": f"{opening.port}/{opening.protocol.value}",
        "kind": kind.value,
        "sources": [str(network) for network in opening.sources],
        "reason": opening.reason,
    }


TOPICS = {
    "nodes": Topic(
        _nodes,
        {
            "NAME": "name",
            "KIND": "kind",
            "HOST": "host",
            "ROLE": "role",
            "ADDRESSES": "addresses",
            "CPUS": "cpus",
            "MEMORY": "memory",
            "GPU": "gpu",
            "LABELS": "labels",
            "TAINTS": "taints",
        },
    ),
    "addresses": Topic(
        _addresses,
        {
            "ADDRESS": "address",
            "VLAN": "vlan",
            "ID": "vlanId",
            "KIND": "kind",
            "MACHINE": "machine",
            "INTERFACE": "interface",
            "MAC": "mac",
            "TAP": "tap",
            "CID": "cid",
        },
    ),
    "flows": Topic(
        _flows,
        {
            "FROM": "fromVlan",
            "WHO": "who",
            "TO": "to",
            "INTERFACE": "interface",
            "PORT": "portProtocol",
            "KIND": "kind",
            "REASON": "reason",
            "CAUSE": "cause",
        },
    ),
    "openings": Topic(
        _openings,
        {
            "MACHINE": "machine",
            "INTERFACE": "interface",
            "PORT": "portProtocol",
            "KIND": "kind",
            "SOURCES": "sources",
            "REASON": "reason",
        },
    ),
}

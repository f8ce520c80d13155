"""Value types of the spec: text and numbers that obey a rule, checked once, when they are made.

Each is a subclass of `str` or `int`, so that a valid value is used like any other; an invalid one cannot be
built (`ScalarError`). Nothing here knows which key of the spec holds which type.
"""

from hybridlab.spec.scalars.addresses import Address, Network, in_url, parse_address, parse_network
from hybridlab.spec.scalars.confidential import holds_private_key, is_secret_by_name, withheld
from hybridlab.spec.scalars.hardware import MacAddress, MachineId, PciAddress, PciId
from hybridlab.spec.scalars.keys import AgeRecipient, SshKey
from hybridlab.spec.scalars.names import (
    DomainName,
    EnvName,
    Image,
    InterfaceName,
    LabelKey,
    LabelValue,
    Name,
    PortName,
    Release,
    System,
    Taint,
    TimeZone,
    UserName,
)
from hybridlab.spec.scalars.numbers import Cid, Count, Cpu, CpuCount, Port, Size, VlanId, WholeNumber
from hybridlab.spec.scalars.paths import HostPath, RepositoryPath, SecretKey
from hybridlab.spec.scalars.text import ScalarError, Text, hidden_character

__all__ = [
    "Address",
    "AgeRecipient",
    "Cid",
    "Count",
    "Cpu",
    "CpuCount",
    "DomainName",
    "EnvName",
    "HostPath",
    "Image",
    "InterfaceName",
    "LabelKey",
    "LabelValue",
    "MacAddress",
    "MachineId",
    "Name",
    "Network",
    "PciAddress",
    "PciId",
    "Port",
    "PortName",
    "Release",
    "RepositoryPath",
    "ScalarError",
    "SecretKey",
    "Size",
    "SshKey",
    "System",
    "Taint",
    "Text",
    "TimeZone",
    "UserName",
    "VlanId",
    "WholeNumber",
    "hidden_character",
    "holds_private_key",
    "is_secret_by_name",
    "in_url",
    "parse_address",
    "parse_network",
    "withheld",
]

"""What the user says of a host's GPU."""

import enum

from attrs import field

from hybridlab.spec.define import doc, spec_class
from hybridlab.spec.scalars import Count, Name, PciAddress, PciId, Size


class GpuMode(enum.Enum):
    """Who drives a host's GPU."""

    HOST = "host"
    PASSTHROUGH = "passthrough"
    OFF = "off"


@spec_class
class PassthroughSpec:
    """What a passed-through GPU needs; kept in the spec, and unused, while the mode is another one."""

    address: PciAddress = field(metadata=doc("the device's full PCI address on the host (`lspci -D`)"))
    ids: tuple[PciId, ...] = field(
        metadata=doc("vendor:device ids that vfio-pci claims at boot (`lspci -n`)")
    )
    guest: Name | None = field(
        default=None, metadata=doc("the guest that gets the device; needed when the mode is `passthrough`")
    )


@spec_class
class GpuSpec:
    """A GPU of a host."""

    model: Name = field(
        metadata=doc(
            "`radeon-680m`, `radeon-780m`, `radeon-890m`, `radeon-8060s`, `radeon-vega-8`, "
            "`radeon-rx-580`, `radeon-rx-5700-xt`, `radeon-rx-6600`, `radeon-rx-6700-xt`, `radeon-rx-6800`, "
            "`radeon-rx-7600`, `radeon-rx-7800-xt`, `radeon-rx-7900-xtx` or `radeon-rx-9070-xt`"
        )
    )
    mode: GpuMode = field(
        default=GpuMode.HOST,
        metadata=doc(
            "`host`: the host's own driver and pods use it; `passthrough`: a guest gets it; `off`: unused"
        ),
    )
    count: Count = field(
        default=Count(1), metadata=doc("how many of this model the host has; an APU has one")
    )
    memory: Size | None = field(
        default=None,
        metadata=doc(
            "of a GPU without memory of its own: what the firmware sets apart for it of the host's memory "
            "(UMA frame buffer), which neither guests nor pods have; by default nothing worth counting"
        ),
    )
    passthrough: PassthroughSpec | None = field(
        default=None,
        metadata=doc("settings of the mode `passthrough`; nothing of them is generated in another mode"),
    )

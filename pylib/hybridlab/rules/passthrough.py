"""A GPU that goes to a guest: settings that are complete, and nobody on the host who needs it."""

from collections.abc import Iterable

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Gpu, Host
from hybridlab.rules.gpu_nodes import contested
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.wording import listed, nearest
from hybridlab.spec.gpu import GpuMode

_SETTINGS = 'passthrough: {address: "0000:c4:00.0", ids: ["1002:1900"], guest: k8s-worker-1}'


@rule(
    "GPU007",
    "passthrough-and-host-use",
    summary="A host's GPU goes to a guest, and workloads on the host need it.",
    rationale="""A device has one driver: vfio-pci, which gives it to the guest, or amdgpu, with which the
        host's kubelet offers it to pods. With passthrough the workloads stay Pending.""",
    source="Linux, Documentation/driver-api/vfio.rst; microvm.nix, pci-devices.nix (driver_override)",
    bad=Example(
        f"""
        hosts:
          homelab:
            gpu: {{mode: passthrough, {_SETTINGS}}}
        """,
        at=SpecPath.of("hosts", "homelab", "gpu", "mode"),
    ),
    good=f"""
        hosts:
          homelab:
            gpu: {{mode: host, {_SETTINGS}}}
    """,
)
def passthrough_and_host_use(cluster: Cluster) -> Iterable[Finding]:
    for name, workloads in contested(cluster).items():
        host = cluster.machine(name)
        verb = "needs" if len(workloads) == 1 else "need"
        yield Finding(
            f"the GPU of {host} has mode passthrough, and {listed(workloads)} {verb} it on the host",
            host.path / "gpu" / "mode",
            "set the mode to host, or run the workloads without this GPU",
            related=tuple(Related(f"{workload} needs the GPU", workload.path) for workload in workloads[:3]),
        )


@rule(
    "GPU008",
    "passthrough-incomplete",
    summary="A GPU has mode passthrough, but it is not said which device goes to which guest.",
    rationale="""vfio-pci takes the device by its ids at boot, and the guest gets it by its address: without
        either, or without a guest, the host loses its GPU and nobody has it.""",
    source="microvm.nix, doc/src/devices.md; Linux, vfio-pci.ids",
    bad=Example(
        """
        hosts:
          homelab:
            gpu:
              mode: passthrough
              passthrough: {address: "0000:c4:00.0", ids: ["1002:1900"]}
        workloads: {ollama: null, amd-gpu-device-plugin: null}
        """,
        at=SpecPath.of("hosts", "homelab", "gpu", "passthrough"),
    ),
    good=f"""
        hosts:
          homelab:
            gpu: {{mode: passthrough, {_SETTINGS}}}
        workloads: {{ollama: null, amd-gpu-device-plugin: null}}
    """,
)
def passthrough_incomplete(cluster: Cluster) -> Iterable[Finding]:
    for host in cluster.hosts:
        if host.gpu is None or host.gpu.mode is not GpuMode.PASSTHROUGH:
            continue
        if missing := _missing(host.gpu):
            path = host.path / "gpu"
            written = host.gpu.passthrough_address is not None
            yield Finding(
                f"the GPU of {host} has mode passthrough, and {path}.passthrough has no {listed(missing)}",
                path / "passthrough" if written else path / "mode",
                _fill_in(host, missing),
            )


def _missing(gpu: Gpu) -> list[str]:
    values = {"address": gpu.passthrough_address, "ids": gpu.passthrough_ids, "guest": gpu.passthrough_guest}
    return [key for key, value in values.items() if not value]


def _fill_in(host: Host, missing: list[str]) -> str:
    if "address" in missing:
        return f"add {_SETTINGS.split(':', 1)[0]}: address and ids as lspci -D -n shows them, and the guest"
    if "guest" in missing and host.guests:
        return f"name the guest that gets it, one of {listed([guest.name for guest in host.guests])}"
    return "add them, or set the mode to host or off"


@rule(
    "GPU009",
    "passthrough-ids-of-another-device",
    severity=Severity.WARNING,
    summary="None of the PCI ids for passthrough is one of the GPU's model.",
    rationale="""vfio-pci takes every device with these ids at boot: another device than the GPU, on which the
        host may depend. Ids of other functions of the same card, like its audio, may stand beside the
        GPU's own.""",
    source="the pci.ids database, as in the GPU table",
    bad=Example(
        """
        hosts:
          homelab:
            gpu: {passthrough: {address: "0000:c4:00.0", ids: ["1002:1901"]}}
        """,
        at=SpecPath.of("hosts", "homelab", "gpu", "passthrough", "ids"),
    ),
    good="""
        hosts:
          homelab:
            gpu: {passthrough: {address: "0000:c4:00.0", ids: ["1002:1900", "1002:1640"]}}
    """,
)
def passthrough_ids_of_another_device(cluster: Cluster) -> Iterable[Finding]:
    for host in cluster.hosts:
        gpu = host.gpu
        if gpu is None or not gpu.passthrough_ids or {*gpu.passthrough_ids} & {*gpu.model.pci_ids}:
            continue
        path, known = host.path / "gpu", listed(gpu.model.pci_ids)
        meant = nearest(gpu.passthrough_ids[0], gpu.model.pci_ids)
        yield Finding(
            f"{host} has a {gpu.model.name} ({known}), and passthrough takes {listed(gpu.passthrough_ids)}",
            path / "passthrough" / "ids",
            f"did you mean {meant}?" if meant else f"a {gpu.model.name} has {known}; see lspci -n",
            related=(Related("the model", path / "model"),),
        )

"""Workloads from what the user wrote of them: images and variables from the tables, nodes by their labels."""

from collections.abc import Iterable, Mapping, Sequence

from hybridlab.diagnostic import SpecPath
from hybridlab.model.node import Host, Machine
from hybridlab.model.scope import Scope
from hybridlab.model.workload import AmdGpuDevicePlugin, Exposure, Ollama, Workload
from hybridlab.spec.scalars import LabelKey, LabelValue
from hybridlab.spec.workload import AmdGpuDevicePluginSpec, ExposeSpec, OllamaSpec
from hybridlab.tables import images, ports


def resolve_workloads(scope: Scope, machines: Sequence[Machine]) -> tuple[Workload, ...]:
    """Return the workloads by name."""
    resolved: list[Workload] = []
    for name, workload in sorted(scope.spec.workloads.items()):
        path = SpecPath.of("workloads", name)
        match workload:
            case AmdGpuDevicePluginSpec():
                resolved.append(_device_plugin(name, workload, machines))
            case OllamaSpec():
                exposure = _exposure(scope, path / "expose", workload.expose)
                resolved.append(_ollama(name, workload, machines, exposure))
    return tuple(resolved)


def _exposure(scope: Scope, path: SpecPath, spec: ExposeSpec | None) -> Exposure | None:
    if spec is None:
        return None
    return Exposure(spec.node_port, scope.vlans_named(spec.from_, path / "from"))


def _selected(machines: Iterable[Machine], selector: Mapping[LabelKey, LabelValue]) -> tuple[Machine, ...]:
    """Return the machines that pods with this node selector may run on."""
    return tuple(
        machine
        for machine in machines
        if machine.membership is not None
        and machine.membership.schedulable
        and selector.items() <= machine.membership.labels.items()
    )


def _device_plugin(
    name: str, spec: AmdGpuDevicePluginSpec, machines: Iterable[Machine]
) -> AmdGpuDevicePlugin:
    nodes = _selected(machines, spec.node_selector)
    if not spec.node_selector:
        nodes = tuple(machine for machine in nodes if isinstance(machine, Host) and machine.gpus_for_pods)
    return AmdGpuDevicePlugin(
        name=name,
        node_selector=dict(sorted(spec.node_selector.items())),
        image=spec.image or images.AMD_GPU_DEVICE_PLUGIN,
        nodes=tuple(machine.name for machine in nodes),
    )


def _ollama(name: str, spec: OllamaSpec, machines: Iterable[Machine], exposure: Exposure | None) -> Ollama:
    nodes = _selected(machines, spec.node_selector)
    gpus = [m.gpu for m in nodes if isinstance(m, Host) and m.gpu is not None and m.gpus_for_pods]
    environment: dict[str, str] = {}
    for gpu in gpus if spec.gpus else ():
        environment |= gpu.model.environment
    return Ollama(
        name=name,
        namespace=spec.namespace,
        models=spec.models,
        gpus=spec.gpus,
        gpu_resource=gpus[0].model.resource if gpus else "amd.com/gpu",
        node_selector=dict(sorted(spec.node_selector.items())),
        image=spec.image or (images.OLLAMA_ROCM if spec.gpus else images.OLLAMA),
        env=dict(sorted((environment | dict(spec.env)).items())),
        privileged=spec.privileged,
        service=ports.OLLAMA,
        exposure=exposure,
        nodes=tuple(machine.name for machine in nodes),
    )

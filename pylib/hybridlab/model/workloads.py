"""Workloads from what the user wrote of them: images and variables from the tables, nodes by their labels."""

from collections.abc import Iterable, Mapping, Sequence

from hybridlab.diagnostic import SpecPath
from hybridlab.model.node import Host, Machine
from hybridlab.model.scope import Scope
from hybridlab.model.workload import AmdGpuDevicePlugin, Deployment, Exposure, Ollama, Workload
from hybridlab.spec.scalars import LabelKey, LabelValue, Taint
from hybridlab.spec.workload import AmdGpuDevicePluginSpec, DeploymentSpec, ExposeSpec, OllamaSpec
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
            case DeploymentSpec():
                exposure = _exposure(scope, path / "expose", workload.expose)
                resolved.append(_deployment(name, workload, machines, exposure))
    return tuple(resolved)


def _exposure(scope: Scope, path: SpecPath, spec: ExposeSpec | None) -> Exposure | None:
    if spec is None:
        return None
    return Exposure(spec.node_port, scope.vlans_named(spec.from_, path / "from"))


def _selected(machines: Iterable[Machine], selector: Mapping[LabelKey, LabelValue]) -> tuple[Machine, ...]:
    """Return the machines that pods with this node selector may run on, if they tolerate all taints."""
    return tuple(
        machine
        for machine in machines
        if machine.membership is not None
        and machine.membership.schedulable
        and selector.items() <= machine.membership.labels.items()
    )


def _offer_gpus(machines: Iterable[Machine]) -> tuple[Host, ...]:
    return tuple(machine for machine in machines if isinstance(machine, Host) and machine.gpus_for_pods)


def _taints(machines: Iterable[Machine]) -> tuple[Taint, ...]:
    members = (machine.membership for machine in machines)
    return tuple(sorted({taint for member in members if member is not None for taint in member.taints}))


def _tolerated(machines: Iterable[Machine], tolerations: Iterable[Taint]) -> tuple[str, ...]:
    """Return the names of those machines whose taints are among the tolerations."""
    tolerations = tuple(tolerations)
    return tuple(m.name for m in machines if m.membership is not None and m.membership.takes(tolerations))


def _device_plugin(
    name: str, spec: AmdGpuDevicePluginSpec, machines: Iterable[Machine]
) -> AmdGpuDevicePlugin:
    nodes = _selected(machines, spec.node_selector)
    if not spec.node_selector:
        nodes = _offer_gpus(nodes)
    return AmdGpuDevicePlugin(
        name=name,
        node_selector=dict(sorted(spec.node_selector.items())),
        image=spec.image or images.AMD_GPU_DEVICE_PLUGIN,
        tolerations=_taints(nodes),
        nodes=tuple(machine.name for machine in nodes),
    )


def _ollama(name: str, spec: OllamaSpec, machines: Iterable[Machine], exposure: Exposure | None) -> Ollama:
    selected = _selected(machines, spec.node_selector)
    with_gpu = _offer_gpus(selected)
    gpus = [host.gpu for host in with_gpu if host.gpu is not None]
    # Who taints a node with a GPU keeps it for those who ask for one.
    tolerations = _taints(with_gpu) if spec.gpus else ()
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
        tolerations=tolerations,
        nodes=_tolerated(selected, tolerations),
    )


def _deployment(
    name: str, spec: DeploymentSpec, machines: Iterable[Machine], exposure: Exposure | None
) -> Deployment:
    return Deployment(
        name=name,
        namespace=spec.namespace or name,
        image=spec.image,
        replicas=spec.replicas,
        service=None if spec.port is None else ports.Service(name, spec.port),
        volumes=dict(sorted(spec.volumes.items())),
        memory_mib=None if spec.memory is None else spec.memory.mib,
        node_selector=dict(sorted(spec.node_selector.items())),
        env=dict(sorted(spec.env.items())),
        privileged=spec.privileged,
        exposure=exposure,
        nodes=_tolerated(_selected(machines, spec.node_selector), ()),
    )

"""Workloads from what the user wrote of them: images and variables from the tables, nodes by their labels."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.manifests import resolve_manifests
from hybridlab.model.node import Host, Machine, Toleration
from hybridlab.model.scope import Scope
from hybridlab.model.workload import (
    GENERATED,
    AmdGpuDevicePlugin,
    Deployment,
    Endpoint,
    Exposure,
    Manifests,
    Ollama,
    SecretUse,
    Workload,
)
from hybridlab.spec.scalars import EnvName, LabelKey, LabelValue, Taint, Text
from hybridlab.spec.secret import SecretRef
from hybridlab.spec.workload import (
    AmdGpuDevicePluginSpec,
    DeploymentSpec,
    ExposeSpec,
    ManifestsSpec,
    OllamaSpec,
)
from hybridlab.tables import images, ports
from hybridlab.tables.gpu import DEFAULT_RESOURCE, GpuModel

# What the one port of a workload is called.
_ONLY = "http"


def resolve_workloads(scope: Scope, machines: Sequence[Machine]) -> tuple[Workload, ...]:
    """Return the workloads by name."""
    resolved: list[Workload] = []
    for name, workload in sorted(scope.spec.workloads.items()):
        match workload:
            case AmdGpuDevicePluginSpec():
                resolved.append(_device_plugin(name, workload, machines))
            case OllamaSpec():
                resolved.append(_ollama(scope, name, workload, machines))
            case DeploymentSpec():
                resolved.append(_deployment(scope, name, workload, machines))
            case ManifestsSpec():
                resolved.append(_manifests(scope, name, workload, machines))
    return tuple(resolved)


def _manifests(scope: Scope, name: str, spec: ManifestsSpec, machines: Sequence[Machine]) -> Manifests:
    path = SpecPath.of("workloads", name)
    for tree in GENERATED:
        if PurePosixPath(spec.folder).is_relative_to(tree):
            scope.problem(
                "RES006",
                f"workload {name!r} has its manifests in {spec.folder}, and hybridlab writes {tree}",
                path / "folder",
                hint="move them to a folder of their own, like apps",
            )
    exposures = tuple(_exposed(scope, path / "expose" / index, one) for index, one in enumerate(spec.expose))
    return resolve_manifests(scope, name, spec, machines, exposures)


def _exposure(scope: Scope, path: SpecPath, spec: ExposeSpec | None) -> Exposure | None:
    return None if spec is None else _exposed(scope, path, spec)


def _exposed(scope: Scope, path: SpecPath, spec: ExposeSpec) -> Exposure:
    return Exposure(spec.node_port, scope.vlans_named(spec.from_, path / "from"), path)


def _environment(
    env: Mapping[EnvName, Text | SecretRef], path: SpecPath, needed: Iterable[Mapping[str, str]]
) -> tuple[dict[str, str], dict[str, SecretUse]]:
    """Return the variables that are known, and those of which the spec says where they lie.

    `needed` are those of the GPU table; the spec goes over them.
    """
    plain: dict[str, str] = {}
    secret: dict[str, SecretUse] = {}
    for variables in needed:
        plain |= variables
    for name, value in sorted(env.items()):
        if isinstance(value, SecretRef):
            secret[name] = SecretUse(value.secret, path / name)
            plain.pop(name, None)
        else:
            plain[name] = value
    return dict(sorted(plain.items())), secret


def _selected(machines: Iterable[Machine], selector: Mapping[LabelKey, LabelValue]) -> tuple[Machine, ...]:
    """Return the machines that pods with this node selector may run on, if they tolerate all taints."""
    return tuple(
        machine
        for machine in machines
        if machine.membership is not None
        and machine.membership.schedulable
        and machine.membership.has(selector.items())
    )


def _offer_gpus(machines: Iterable[Machine]) -> tuple[Host, ...]:
    return tuple(machine for machine in machines if isinstance(machine, Host) and machine.gpus_for_pods)


def _taints(machines: Iterable[Machine]) -> tuple[Taint, ...]:
    members = (machine.membership for machine in machines)
    return tuple(sorted({taint for member in members if member is not None for taint in member.taints}))


def _tolerated(machines: Iterable[Machine], tolerations: Iterable[Taint]) -> tuple[str, ...]:
    """Return the names of those machines whose taints are among the tolerations."""
    covered = tuple(map(Toleration.of, tolerations))
    return tuple(m.name for m in machines if m.membership is not None and m.membership.takes(covered))


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
        labeller=images.AMD_GPU_LABELLER if spec.labeller else None,
        tolerations=_taints(nodes),
        nodes=tuple(machine.name for machine in nodes),
    )


@frozen
class _Place:
    """Where pods may run: the machines' names, the taints that they tolerate, the GPUs that they may get."""

    nodes: tuple[str, ...]
    tolerations: tuple[Taint, ...]
    gpus: tuple[GpuModel, ...]

    @property
    def gpu_resource(self) -> str:
        return self.gpus[0].resource if self.gpus else DEFAULT_RESOURCE


def _place(machines: Iterable[Machine], spec: OllamaSpec | DeploymentSpec) -> _Place:
    selected = _selected(machines, spec.node_selector)
    with_gpu = _offer_gpus(selected) if spec.gpus else ()
    # Who taints a node with a GPU keeps it for those who ask for one.
    tolerations = _taints(with_gpu)
    models = tuple(host.gpu.model for host in with_gpu if host.gpu is not None)
    return _Place(_tolerated(selected, tolerations), tolerations, models)


def _ollama(scope: Scope, name: str, spec: OllamaSpec, machines: Iterable[Machine]) -> Ollama:
    path = SpecPath.of("workloads", name)
    place = _place(machines, spec)
    needed = ({**model.environment, **model.ollama_environment} for model in place.gpus)
    env, secret_env = _environment(spec.env, path / "env", needed)
    return Ollama(
        name=name,
        namespace=spec.namespace,
        models=spec.models,
        gpus=spec.gpus,
        gpu_resource=place.gpu_resource,
        node_selector=dict(sorted(spec.node_selector.items())),
        image=spec.image or _ollama_image(spec, place.gpus),
        env=env,
        secret_env=secret_env,
        privileged=spec.privileged,
        endpoints=(Endpoint(_ONLY, ports.OLLAMA, path, _exposure(scope, path / "expose", spec.expose)),),
        tolerations=place.tolerations,
        nodes=place.nodes,
    )


def _ollama_image(spec: OllamaSpec, models: Sequence[GpuModel]) -> str:
    """Return the plain image, which has Vulkan, unless ROCm drives all the GPUs that it may get."""
    if spec.gpus and all(model.rocm for model in models):
        return images.OLLAMA_ROCM
    return images.OLLAMA


def _deployment(scope: Scope, name: str, spec: DeploymentSpec, machines: Iterable[Machine]) -> Deployment:
    path = SpecPath.of("workloads", name)
    place = _place(machines, spec)
    env, secret_env = _environment(spec.env, path / "env", (model.environment for model in place.gpus))
    exposure = _exposure(scope, path / "expose", spec.expose)
    return Deployment(
        name=name,
        namespace=spec.namespace or name,
        image=spec.image,
        replicas=spec.replicas,
        endpoints=_endpoints(scope, name, spec, exposure),
        stray_exposure=exposure if spec.port is None else None,
        volumes={mount: folder for mount, folder in sorted(spec.volumes.items()) if isinstance(folder, Text)},
        secret_files={
            mount: SecretUse(lies.secret, path / "volumes" / mount)
            for mount, lies in sorted(spec.volumes.items())
            if isinstance(lies, SecretRef)
        },
        cpu_milli=None if spec.cpu is None else int(spec.cpu),
        memory_mib=None if spec.memory is None else spec.memory.mib,
        gpus=spec.gpus,
        gpu_resource=place.gpu_resource,
        node_selector=dict(sorted(spec.node_selector.items())),
        env=env,
        secret_env=secret_env,
        privileged=spec.privileged,
        tolerations=place.tolerations,
        nodes=place.nodes,
    )


def _endpoints(
    scope: Scope, name: str, spec: DeploymentSpec, exposure: Exposure | None
) -> tuple[Endpoint, ...]:
    path = SpecPath.of("workloads", name)
    endpoints: list[Endpoint] = []
    if spec.port is not None:
        endpoints.append(Endpoint(_ONLY, ports.Service(name, spec.port), path / "port", exposure))
    for port_name, port in sorted(spec.ports.items()):
        at = path / "ports" / port_name
        service = ports.Service(f"{name} {port_name}", port.port, ports.Protocol(port.protocol.value))
        endpoints.append(Endpoint(port_name, service, at, _exposure(scope, at / "expose", port.expose)))
    return tuple(endpoints)

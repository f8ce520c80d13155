"""What runs on the cluster, resolved: images and environment from the tables, nodes by their names."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.network import Vlan
from hybridlab.model.node import Toleration
from hybridlab.model.plain import is_true, items, mapping
from hybridlab.spec.scalars import Taint
from hybridlab.tables.ports import Protocol, Service

_SOCKETS = "/var/lib/kubelet/device-plugins"


@frozen
class Exposure:
    """A NodePort, and the VLANs that may use it; `path` is where the spec says so."""

    node_port: int
    vlans: tuple[Vlan, ...]
    path: SpecPath


@frozen
class Endpoint:
    """A port on which a workload answers behind its Service, there and in the pod called `name`."""

    name: str
    service: Service
    path: SpecPath
    exposure: Exposure | None = None


@frozen
class SecretUse:
    """A value of the sops file for workloads, by its `key` there, that a pod is given."""

    key: str
    path: SpecPath

    @property
    def data_key(self) -> str:
        """What it is called in the workload's Secret, whose keys hold no slash."""
        return self.key.replace("/", ".")


@frozen
class Pods:
    """Alike pods, as the scheduler sees them: how many, what each asks for, and where it may run.

    `nodes` are the machines that may run them, by name; amounts are what one pod asks for, `memory_mib` in
    MiB, `cpu_milli` in thousandths of a processor. The `…_path`s are where the spec, or a manifest of the
    user's, asks for each; `affinity_path` where it names nodes in another way than by labels alone. Pods of
    which it `ends` may come one after the other.
    """

    title: str
    path: SpecPath
    nodes: tuple[str, ...]
    node_selector: Mapping[str, str] = field(factory=dict)
    selector_path: SpecPath = field(factory=SpecPath)
    tolerations: tuple[Toleration, ...] = ()
    affinity_path: SpecPath | None = None
    replicas: int = 1
    ends: bool = False
    gpus: int = 0
    gpus_path: SpecPath = field(factory=SpecPath)
    memory_mib: int = 0
    memory_path: SpecPath = field(factory=SpecPath)
    cpu_milli: int = 0
    cpu_path: SpecPath = field(factory=SpecPath)

    def __str__(self) -> str:
        return self.title


@frozen
class _Workload:
    """What all have in common: the name under which they stand in the spec."""

    name: str

    @property
    def path(self) -> SpecPath:
        return SpecPath.of("workloads", self.name)

    def __str__(self) -> str:
        return f"workload {self.name!r}"


@frozen
class AmdGpuDevicePlugin(_Workload):
    """AMD's device plugin. `nodes` are the machines that it runs on, by name; `tolerations` their taints.

    `labeller` is the image of the node labeller, if there is to be one.
    """

    node_selector: Mapping[str, str]
    image: str
    labeller: str | None
    tolerations: tuple[Taint, ...]
    nodes: tuple[str, ...]

    @property
    def namespace(self) -> str:
        """That of the cluster's own parts, which there always is."""
        return "kube-system"

    @property
    def labeller_name(self) -> str:
        """What the labeller's objects are called."""
        return f"{self.name}-labeller"

    @property
    def privileged(self) -> bool:
        """Whether a pod of it is privileged: the labeller opens the GPU's devices."""
        return self.labeller is not None

    @property
    def pods(self) -> tuple[Pods, ...]:
        return (evolve(_pods_of(self), replicas=len(self.nodes)),)


@frozen
class Ollama(_Workload):
    """Ollama. `nodes` are the machines that may run it, by name; `models` a folder on the node.

    `tolerations` are the taints of nodes with a GPU, if it asks for one; `secret_env` the variables of which
    only the sops file knows the value.
    """

    namespace: str
    models: str
    gpus: int
    gpu_resource: str
    node_selector: Mapping[str, str]
    image: str
    env: Mapping[str, str]
    secret_env: Mapping[str, SecretUse]
    privileged: bool
    endpoints: tuple[Endpoint, ...]
    tolerations: tuple[Taint, ...]
    nodes: tuple[str, ...]

    @property
    def folders(self) -> tuple[tuple[str, SpecPath], ...]:
        """The folders on a node that it keeps data in, each with its place in the spec."""
        return ((self.models, self.path / "models"),)

    @property
    def secrets(self) -> tuple[SecretUse, ...]:
        """Every use of a secret."""
        return tuple(self.secret_env.values())

    @property
    def pods(self) -> tuple[Pods, ...]:
        return (evolve(_pods_of(self), gpus=self.gpus, gpus_path=self.path / "gpus"),)


@frozen
class Deployment(_Workload):
    """Any program. `volumes` are folders in the container with those on the node, `secret_files` files in the
    container; all else as of Ollama.

    `stray_exposure` is a NodePort that the spec wants for a port that it does not name.
    """

    namespace: str
    image: str
    replicas: int
    endpoints: tuple[Endpoint, ...]
    stray_exposure: Exposure | None
    volumes: Mapping[str, str]
    secret_files: Mapping[str, SecretUse]
    cpu_milli: int | None
    memory_mib: int | None
    gpus: int
    gpu_resource: str
    node_selector: Mapping[str, str]
    env: Mapping[str, str]
    secret_env: Mapping[str, SecretUse]
    privileged: bool
    tolerations: tuple[Taint, ...]
    nodes: tuple[str, ...]

    @property
    def folders(self) -> tuple[tuple[str, SpecPath], ...]:
        """As of Ollama."""
        return tuple((folder, self.path / "volumes" / mount) for mount, folder in self.volumes.items())

    @property
    def secrets(self) -> tuple[SecretUse, ...]:
        """As of Ollama."""
        return (*self.secret_env.values(), *self.secret_files.values())

    @property
    def pods(self) -> tuple[Pods, ...]:
        return (
            evolve(
                _pods_of(self),
                replicas=self.replicas,
                gpus=self.gpus,
                gpus_path=self.path / "gpus",
                memory_mib=self.memory_mib or 0,
                memory_path=self.path / "memory",
                cpu_milli=self.cpu_milli or 0,
                cpu_path=self.path / "cpu",
            ),
        )


@frozen
class KubernetesObject:
    """An object of the user's own: `data` is what the manifest says, as plain data; `path` its place."""

    workload: str
    api_version: str
    kind: str
    name: str
    namespace: str | None
    data: Mapping[str, Any] = field(eq=False, repr=False)
    path: SpecPath

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def is_service(self) -> bool:
        return (self.api_version, self.kind) == ("v1", "Service")

    @property
    def spec(self) -> Mapping[str, Any]:
        """What stands under `spec`, if that is a mapping."""
        return mapping(self.data.get("spec"))

    @property
    def name_path(self) -> SpecPath:
        """Where it is named: a place for what is said of all of it."""
        return self.path / "metadata" / "name"

    def __str__(self) -> str:
        return f"the {self.kind} {self.name!r} of workload {self.workload!r}"


@frozen
class PodTemplate:
    """Pods of an object of the user's own, `one`, with their labels.

    `spec` is the PodSpec as plain data, `path` its place; `containers` are those in it, also the ones that
    prepare, each with its place; `volume_claims` those of a StatefulSet.
    """

    one: KubernetesObject
    pods: Pods
    namespace: str | None
    labels: Mapping[str, str]
    spec: Mapping[str, Any] = field(eq=False, repr=False)
    path: SpecPath
    containers: tuple[tuple[Mapping[str, Any], SpecPath], ...] = field(eq=False, repr=False)
    volume_claims: object = field(eq=False, repr=False)

    @property
    def images(self) -> tuple[tuple[str, SpecPath], ...]:
        """The image of each container, with its place."""
        written = ((container.get("image"), at / "image") for container, at in self.containers)
        return tuple((image, at) for image, at in written if isinstance(image, str))

    @property
    def privileged(self) -> bool:
        contexts = (mapping(container.get("securityContext")) for container, _ in self.containers)
        return any(is_true(context.get("privileged")) for context in contexts)

    @property
    def is_device_plugin(self) -> bool:
        """Whether it sees the folder in which the kubelet listens for device plugins."""
        paths = (mapping(mapping(v).get("hostPath")).get("path") for v in items(self.spec.get("volumes")))
        return any(str(path).rstrip("/") == _SOCKETS for path in paths)


@frozen
class ServicePort:
    """A port of a Service of the user's own; `node_port` is None where the API server would choose one.

    `target` is the name of the containers' port that it leads to, None where it is a number.
    """

    title: str
    path: SpecPath
    namespace: str | None
    selector: Mapping[str, str]
    target: str | None
    port: int
    protocol: Protocol
    node_port: int | None
    is_node_port: bool

    def __str__(self) -> str:
        return self.title


@frozen
class Manifests(_Workload):
    """A folder of manifests of the user's own: `files` by their path in it, with their whole text.

    `exposures` say who may use which NodePort of its Services.
    """

    folder: str
    files: tuple[tuple[str, str], ...] = field(repr=False)
    objects: tuple[KubernetesObject, ...]
    templates: tuple[PodTemplate, ...]
    ports: tuple[ServicePort, ...]
    exposures: tuple[Exposure, ...]

    @property
    def pods(self) -> tuple[Pods, ...]:
        return tuple(template.pods for template in self.templates)

    @property
    def privileged(self) -> bool:
        return any(template.privileged for template in self.templates)


# The folders that `hybridlab generate` writes; manifests are copied to the first.
GENERATED = ("k8s", "modules/generated")

# What comes with a namespace of its own, and may have a Service.
App = Ollama | Deployment
Workload = AmdGpuDevicePlugin | App | Manifests


def labels_of(name: str) -> dict[str, str]:
    """Return the labels by which objects called `name` find their pods; people type `app` after `-l`."""
    return {"app": name}


def service_type(app: App) -> str:
    """Return the type of an app's Service."""
    return "NodePort" if any(endpoint.exposure for endpoint in app.endpoints) else "ClusterIP"


def _pods_of(workload: AmdGpuDevicePlugin | App) -> Pods:
    """Return a workload's pods with what all types say: where they may run."""
    return Pods(
        str(workload),
        workload.path,
        workload.nodes,
        workload.node_selector,
        workload.path / "nodeSelector",
        tuple(map(Toleration.of, workload.tolerations)),
    )

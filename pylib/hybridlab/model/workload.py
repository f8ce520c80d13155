"""What runs on the cluster, resolved: images and environment from the tables, nodes by their names."""

from collections.abc import Mapping

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.network import Vlan
from hybridlab.spec.scalars import Taint
from hybridlab.tables.ports import Service


@frozen
class Exposure:
    """A NodePort, and the VLANs that may use it."""

    node_port: int
    vlans: tuple[Vlan, ...]


@frozen
class AmdGpuDevicePlugin:
    """AMD's device plugin. `nodes` are the machines that it runs on, by name; `tolerations` their taints."""

    name: str
    node_selector: Mapping[str, str]
    image: str
    tolerations: tuple[Taint, ...]
    nodes: tuple[str, ...]

    @property
    def namespace(self) -> str:
        """That of the cluster's own parts, which there always is."""
        return "kube-system"

    @property
    def path(self) -> SpecPath:
        return SpecPath.of("workloads", self.name)

    def __str__(self) -> str:
        return f"workload {self.name!r}"


@frozen
class Ollama:
    """Ollama. `nodes` are the machines that may run it, by name; `models` a folder on the node.

    `tolerations` are the taints of nodes with a GPU, if it asks for one.
    """

    name: str
    namespace: str
    models: str
    gpus: int
    gpu_resource: str
    node_selector: Mapping[str, str]
    image: str
    env: Mapping[str, str]
    privileged: bool
    service: Service
    exposure: Exposure | None
    tolerations: tuple[Taint, ...]
    nodes: tuple[str, ...]

    @property
    def path(self) -> SpecPath:
        return SpecPath.of("workloads", self.name)

    @property
    def folders(self) -> tuple[tuple[str, SpecPath], ...]:
        """The folders on a node that it keeps data in, each with its place in the spec."""
        return ((self.models, self.path / "models"),)

    def __str__(self) -> str:
        return f"workload {self.name!r}"


@frozen
class Deployment:
    """Any program. `volumes` are folders in the container with those on the node; `nodes` as of Ollama."""

    name: str
    namespace: str
    image: str
    replicas: int
    service: Service | None
    volumes: Mapping[str, str]
    memory_mib: int | None
    node_selector: Mapping[str, str]
    env: Mapping[str, str]
    privileged: bool
    exposure: Exposure | None
    nodes: tuple[str, ...]

    @property
    def tolerations(self) -> tuple[Taint, ...]:
        """None: it asks for no GPU, and so is kept away where everybody else is."""
        return ()

    @property
    def path(self) -> SpecPath:
        return SpecPath.of("workloads", self.name)

    @property
    def folders(self) -> tuple[tuple[str, SpecPath], ...]:
        """As of Ollama."""
        return tuple((folder, self.path / "volumes" / mount) for mount, folder in self.volumes.items())

    def __str__(self) -> str:
        return f"workload {self.name!r}"


# What comes with a namespace of its own, and may have a Service.
App = Ollama | Deployment
Workload = AmdGpuDevicePlugin | App

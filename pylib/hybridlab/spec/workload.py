"""What the user says of the workloads: a closed union, told apart by `type`."""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from attrs import field

from hybridlab.spec.define import doc, spec_class
from hybridlab.spec.scalars import (
    Count,
    Cpu,
    EnvName,
    HostPath,
    Image,
    LabelKey,
    LabelValue,
    Name,
    Port,
    PortName,
    RepositoryPath,
    Size,
    Text,
)
from hybridlab.spec.secret import SecretRef


class Transport(enum.Enum):
    """A transport protocol."""

    TCP = "tcp"
    UDP = "udp"


@spec_class
class ExposeSpec:
    """How a workload is reached from outside the cluster."""

    node_port: Port = field(metadata=doc("port on every node, 30000 to 32767"))
    from_: tuple[Name, ...] = field(metadata=doc("VLANs that may use it; all others are refused"))


@spec_class
class PortSpec:
    """One of several ports of a workload."""

    port: Port = field(metadata=doc("the port on which it answers"))
    protocol: Transport = field(default=Transport.TCP, metadata=doc("over which it answers"))
    expose: ExposeSpec | None = field(
        default=None, metadata=doc("a NodePort, and who may use it; by default none")
    )


@spec_class
class AmdGpuDevicePluginSpec:
    """AMD's device plugin: tells the kubelet of a GPU node that it has `amd.com/gpu`."""

    TYPE: ClassVar[str] = "amd-gpu-device-plugin"

    node_selector: Mapping[LabelKey, LabelValue] = field(
        default=MappingProxyType({}),
        metadata=doc(
            "labels of the nodes to run on; by default every schedulable node with an AMD GPU of its own"
        ),
    )
    image: Image | None = field(
        default=None, metadata=doc("container image; by default the one of the image table")
    )
    labeller: bool = field(
        default=False,
        metadata=doc("also label these nodes with what their GPUs are; that takes privileged pods"),
    )


@spec_class
class OllamaSpec:
    """Ollama, serving models on a GPU (or, without `gpus`, on the CPU)."""

    TYPE: ClassVar[str] = "ollama"

    models: HostPath = field(
        default=HostPath("/var/lib/ollama"), metadata=doc("folder on the node in which models are kept")
    )
    gpus: Count = field(default=Count(0), metadata=doc("how many GPUs it asks for"))
    node_selector: Mapping[LabelKey, LabelValue] = field(
        default=MappingProxyType({}), metadata=doc("labels that its node must have, all of them")
    )
    namespace: Name = field(default=Name("ollama"), metadata=doc("the namespace it is in, made with it"))
    expose: ExposeSpec | None = field(
        default=None, metadata=doc("a NodePort, and who may use it; by default none")
    )
    env: Mapping[EnvName, Text | SecretRef] = field(
        default=MappingProxyType({}),
        metadata=doc("environment variables, beside (and over) those that the GPU table gives"),
    )
    image: Image | None = field(
        default=None, metadata=doc("container image; by default the one of the image table")
    )
    privileged: bool = field(
        default=False, metadata=doc("run the container privileged; not needed with the device plugin")
    )


@spec_class
class DeploymentSpec:
    """A program of your own choice: one container, and what it needs."""

    TYPE: ClassVar[str] = "deployment"

    image: Image = field(metadata=doc("container image, with a version"))
    port: Port | None = field(
        default=None, metadata=doc("the port on which it answers, over TCP; it then gets a Service")
    )
    expose: ExposeSpec | None = field(
        default=None, metadata=doc("a NodePort for `port`, and who may use it; by default none")
    )
    ports: Mapping[PortName, PortSpec] = field(
        default=MappingProxyType({}), metadata=doc("further ports by name; `port` is called `http`")
    )
    replicas: Count = field(default=Count(1), metadata=doc("how many pods run it"))
    volumes: Mapping[HostPath, HostPath | SecretRef] = field(
        default=MappingProxyType({}),
        metadata=doc(
            "by path in the container, the folder on the node in which it is kept, or a secret file"
        ),
    )
    cpu: Cpu | None = field(
        default=None, metadata=doc("processors that it is promised; it may use what is idle beyond")
    )
    memory: Size | None = field(
        default=None, metadata=doc("memory that it is given, and not more; by default without a bound")
    )
    gpus: Count = field(default=Count(0), metadata=doc("how many GPUs it asks for"))
    node_selector: Mapping[LabelKey, LabelValue] = field(
        default=MappingProxyType({}), metadata=doc("labels that its node must have, all of them")
    )
    namespace: Name | None = field(
        default=None, metadata=doc("the namespace it is in, made with it; by default called as it is")
    )
    env: Mapping[EnvName, Text | SecretRef] = field(
        default=MappingProxyType({}),
        metadata=doc("environment variables; one that is secret names where it lies"),
    )
    privileged: bool = field(default=False, metadata=doc("run the container privileged"))


@spec_class
class ManifestsSpec:
    """A folder of Kubernetes manifests of your own, checked with all else and applied as they are."""

    TYPE: ClassVar[str] = "manifests"

    folder: RepositoryPath = field(
        metadata=doc("the folder, relative to the spec: every `*.yaml` and `*.yml` in it")
    )
    expose: tuple[ExposeSpec, ...] = field(
        default=(), metadata=doc("NodePorts of its Services, and who may use each; by default nobody")
    )


WorkloadSpec = AmdGpuDevicePluginSpec | OllamaSpec | DeploymentSpec | ManifestsSpec
WORKLOAD_TYPES: tuple[type[WorkloadSpec], ...] = (
    AmdGpuDevicePluginSpec,
    OllamaSpec,
    DeploymentSpec,
    ManifestsSpec,
)

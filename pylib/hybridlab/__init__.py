"""hybridlab turns one typed spec of a hybrid homelab into NixOS modules and Kubernetes manifests.

The public API, in the order of the stages. A name is imported when it is first used, so that a program pays
only for the stages that it runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from hybridlab._version import __version__

if TYPE_CHECKING:
    from hybridlab import nixlang
    from hybridlab.diagnostic import Diagnostic, Related, Report, Severity, SourceSpan, SpecPath
    from hybridlab.emit.file import FileSet, GeneratedFile
    from hybridlab.emit.tree import emit_all
    from hybridlab.errors import HybridlabError, LiveError, OutputError, ResolveError, SpecError
    from hybridlab.model.cluster import Cluster
    from hybridlab.model.resolve import resolve
    from hybridlab.output.apply import apply
    from hybridlab.output.diff import diff_plan
    from hybridlab.output.plan import Plan, plan
    from hybridlab.rules.check import check
    from hybridlab.spec.cluster import AdminSpec, ClusterSpec, NixosSpec, SecretsSpec
    from hybridlab.spec.gpu import GpuMode, GpuSpec, PassthroughSpec
    from hybridlab.spec.kubernetes import KubernetesSpec, Pki, PodNetwork
    from hybridlab.spec.load import load_spec, parse_spec
    from hybridlab.spec.machine import GuestSpec, HostSpec, Hypervisor, MembershipSpec, Role
    from hybridlab.spec.network import NetworksSpec, VlanSpec
    from hybridlab.spec.scalars import ScalarError, System
    from hybridlab.spec.secret import SecretRef
    from hybridlab.spec.workload import (
        AmdGpuDevicePluginSpec,
        DeploymentSpec,
        ExposeSpec,
        OllamaSpec,
        PortSpec,
        Transport,
    )

_MODULES = {
    "hybridlab.spec.load": ("load_spec", "parse_spec"),
    "hybridlab.spec.cluster": ("ClusterSpec", "NixosSpec", "AdminSpec", "SecretsSpec"),
    "hybridlab.spec.network": ("NetworksSpec", "VlanSpec"),
    "hybridlab.spec.machine": ("HostSpec", "GuestSpec", "MembershipSpec", "Role", "Hypervisor"),
    "hybridlab.spec.gpu": ("GpuSpec", "GpuMode", "PassthroughSpec"),
    "hybridlab.spec.kubernetes": ("KubernetesSpec", "PodNetwork", "Pki"),
    "hybridlab.spec.secret": ("SecretRef",),
    "hybridlab.spec.workload": (
        "OllamaSpec",
        "DeploymentSpec",
        "AmdGpuDevicePluginSpec",
        "ExposeSpec",
        "PortSpec",
        "Transport",
    ),
    "hybridlab.spec.scalars": ("System", "ScalarError"),
    "hybridlab.model.resolve": ("resolve",),
    "hybridlab.model.cluster": ("Cluster",),
    "hybridlab.rules.check": ("check",),
    "hybridlab.diagnostic": ("Report", "Diagnostic", "Related", "Severity", "SpecPath", "SourceSpan"),
    "hybridlab.emit.tree": ("emit_all",),
    "hybridlab.emit.file": ("FileSet", "GeneratedFile"),
    "hybridlab.output.plan": ("plan", "Plan"),
    "hybridlab.output.apply": ("apply",),
    "hybridlab.output.diff": ("diff_plan",),
    "hybridlab.errors": ("HybridlabError", "SpecError", "ResolveError", "OutputError", "LiveError"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "load_spec",
    "parse_spec",
    "resolve",
    "check",
    "emit_all",
    "plan",
    "apply",
    "diff_plan",
    "nixlang",
    "ClusterSpec",
    "NixosSpec",
    "System",
    "AdminSpec",
    "NetworksSpec",
    "VlanSpec",
    "HostSpec",
    "GuestSpec",
    "Hypervisor",
    "MembershipSpec",
    "Role",
    "GpuSpec",
    "GpuMode",
    "PassthroughSpec",
    "KubernetesSpec",
    "PodNetwork",
    "Pki",
    "SecretRef",
    "OllamaSpec",
    "DeploymentSpec",
    "AmdGpuDevicePluginSpec",
    "ExposeSpec",
    "PortSpec",
    "Transport",
    "SecretsSpec",
    "Cluster",
    "Report",
    "Diagnostic",
    "Related",
    "Severity",
    "SpecPath",
    "SourceSpan",
    "FileSet",
    "GeneratedFile",
    "Plan",
    "HybridlabError",
    "SpecError",
    "ResolveError",
    "ScalarError",
    "OutputError",
    "LiveError",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value: object = getattr(import_module(_HOMES[name]), name)
    elif name == "nixlang":
        value = import_module("hybridlab.nixlang")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The whole spec: what stands in `cluster.yaml`, field for field, without a conclusion drawn from it."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from attrs import field

from hybridlab.diagnostic import NoSource, Source
from hybridlab.spec.checks import CheckSpec
from hybridlab.spec.define import doc, spec_class
from hybridlab.spec.kubernetes import KubernetesSpec
from hybridlab.spec.machine import GuestSpec, HostSpec
from hybridlab.spec.manifests import ManifestFile
from hybridlab.spec.network import NetworksSpec
from hybridlab.spec.scalars import (
    AgeRecipient,
    Name,
    Release,
    RepositoryPath,
    SshKey,
    System,
    Text,
    TimeZone,
    UserName,
)
from hybridlab.spec.workload import WorkloadSpec

API_VERSION = "hybridlab/v1"


class ApiVersion(Text):
    """The version of the spec's format."""

    __slots__ = ()
    expected = f"a version of the format that this hybridlab knows ({API_VERSION})"
    pattern = re.compile(re.escape(API_VERSION))


@spec_class
class NixosSpec:
    """What every machine's NixOS has in common."""

    release: Release = field(metadata=doc('NixOS release of the flake\'s nixpkgs, in quotes: `"26.05"`'))
    state_version: Release = field(
        metadata=doc("`system.stateVersion`: the release first installed; never raise it")
    )
    system: System = field(default=System.X86_64, metadata=doc("`x86_64-linux` or `aarch64-linux`"))
    time_zone: TimeZone | None = field(
        default=None, metadata=doc("time zone of all machines, like `Europe/Berlin`; by default UTC")
    )


@spec_class
class AdminSpec:
    """The person who runs the cluster."""

    user: UserName = field(metadata=doc("login on the hosts and guests, with sudo"))
    ssh_keys: tuple[SshKey, ...] = field(
        metadata=doc("public keys that may log in, as this user and as root")
    )
    ssh_from: tuple[Name, ...] | None = field(
        default=None,
        metadata=doc("VLANs from which machines take ssh and the API server takes kubectl; by default all"),
    )


@spec_class
class SecretsSpec:
    """Where secrets lie, and who can read them."""

    recipients: Mapping[Name, AgeRecipient] = field(
        metadata=doc("age public keys by name; a machine that needs a secret is listed under its own name")
    )
    file: RepositoryPath = field(
        default=RepositoryPath("secrets/secrets.yaml"), metadata=doc("the sops file, relative to the spec")
    )


@spec_class
class ClusterSpec:
    """One homelab.

    `manifests` are the files of the folders that workloads name, by the workload's name; `source` knows where
    each value was written, and takes no part in equality.
    """

    api_version: ApiVersion = field(
        default=ApiVersion(API_VERSION),
        metadata={**doc("version of this format: `hybridlab/v1`"), "required_in_file": "yes"},
    )
    name: Name = field(
        metadata=doc("the cluster's name; part of every derived identity, so do not change it later")
    )
    nixos: NixosSpec = field(metadata=doc("what every machine's NixOS has in common"))
    admin: AdminSpec = field(metadata=doc("the person who runs the cluster"))
    networks: NetworksSpec = field(metadata=doc("the networks that machines are on"))
    hosts: Mapping[Name, HostSpec] = field(metadata=doc("bare-metal machines by name"))
    guests: Mapping[Name, GuestSpec] = field(default=MappingProxyType({}), metadata=doc("MicroVMs by name"))
    kubernetes: KubernetesSpec | None = field(
        default=None,
        metadata=doc("the Kubernetes cluster; needed as soon as a machine or workload is part of it"),
    )
    workloads: Mapping[Name, WorkloadSpec] = field(
        default=MappingProxyType({}),
        metadata=doc("what runs on the cluster, by name; `type` says what it is"),
    )
    secrets: SecretsSpec | None = field(
        default=None, metadata=doc("where secrets lie; needed by Kubernetes, whose join token is one")
    )
    check: CheckSpec | None = field(
        default=None, metadata=doc("what `hybridlab check` makes of its findings")
    )
    manifests: Mapping[str, tuple[ManifestFile, ...]] = field(default=MappingProxyType({}), repr=False)
    source: Source = field(factory=NoSource, eq=False, repr=False)

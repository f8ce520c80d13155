"""What the user says of the Kubernetes cluster as a whole."""

import enum

from attrs import field

from hybridlab.spec.define import doc, spec_class
from hybridlab.spec.scalars import DomainName, Name, Network, SecretKey, parse_network
from hybridlab.spec.secret import SecretRef


class PodNetwork(enum.Enum):
    """How pods on different nodes reach each other."""

    FLANNEL = "flannel"


class Pki(enum.Enum):
    """Who issues the cluster's certificates."""

    EASY_CERTS = "easyCerts"


@spec_class
class KubernetesSpec:
    """The Kubernetes cluster that the machines with a `kubernetes` key form."""

    vlan: Name = field(
        metadata=doc("the VLAN on which nodes talk to each other; every node has an address in it")
    )
    pod_cidr: Network = field(
        default=parse_network("10.244.0.0/16"),
        metadata=doc("network of the pods; every node gets a /24 of it"),
    )
    service_cidr: Network = field(
        default=parse_network("10.96.0.0/12"), metadata=doc("network of the services' virtual addresses")
    )
    cluster_domain: DomainName = field(
        default=DomainName("cluster.local"), metadata=doc("DNS domain of services and pods")
    )
    network: PodNetwork = field(default=PodNetwork.FLANNEL, metadata=doc("pod network: `flannel` (VXLAN)"))
    pki: Pki = field(
        default=Pki.EASY_CERTS, metadata=doc("certificates: `easyCerts` (NixOS's cfssl and certmgr)")
    )
    join_token: SecretRef = field(
        default=SecretRef(secret=SecretKey("k8s/join-token")),
        metadata=doc("where the token lies with which nodes ask for their certificates: 32 hex digits"),
    )

"""Names of Services in the texts of manifests and the variables of workloads: of one that there is."""

from collections import defaultdict
from collections.abc import Iterable

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.inventory import Inventory, Key
from hybridlab.model.mentions import NamedService
from hybridlab.model.plain import is_true
from hybridlab.model.workload import KubernetesObject
from hybridlab.rules.manifests.hints import Meant
from hybridlab.rules.manifests.targets import missing_targets
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule

_DEFAULT_DOMAIN = "cluster.local"
_SETTINGS = """
        apiVersion: v1
        kind: ConfigMap
        metadata: {{name: settings, namespace: default}}
        data: {{url: "http://{}:11434"}}
"""
_POD = """
        apiVersion: v1
        kind: Pod
        metadata: {{name: app, namespace: default}}
        spec:
          hostNetwork: true
          dnsPolicy: {}
          containers:
          - {{name: app, image: "nginx:1.29.1", env: [{{name: URL, value: "http://ollama.ollama.svc:11434"}}]}}
"""


@rule(
    "MAN049",
    "name-of-no-service",
    severity=Severity.WARNING,
    summary="A manifest or a variable names a Service that no workload brings, or one of another domain.",
    rationale="""Inside the cluster a Service is called NAME.NAMESPACE.svc, or with the cluster's domain
        behind it. Its DNS knows no other name of that form, and says so to whoever asks.""",
    source="Kubernetes docs, DNS for Services and Pods",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "data" / "url",
        manifest=_SETTINGS.format("olama.ollama.svc"),
    ),
    good=OWN,
    good_manifest=_SETTINGS.format("ollama.ollama.svc"),
)
def name_of_no_service(cluster: Cluster) -> Iterable[Finding]:
    if (kubernetes := cluster.kubernetes) is None:
        return
    inventory = cluster.inventory
    # Of what a StatefulSet or an Ingress leads to, MAN040 tells.
    told = missing_targets(cluster)
    missing: dict[Key, list[NamedService]] = defaultdict(list)
    for found in cluster.named_services:
        domain = kubernetes.cluster_domain
        key = Key("", "Service", found.namespace, found.name)
        if found.domain not in (None, domain):
            # Any other one may be a name of somebody else's.
            if found.domain == _DEFAULT_DOMAIN:
                yield Finding(
                    f"{found.one} has {found}, and the domain of this cluster is {domain}",
                    found.path,
                    f"write {found.name}.{found.namespace}.svc, which holds in every domain",
                    related=(Related("the domain", SpecPath.of("kubernetes", "clusterDomain")),),
                )
        elif inventory.lacks(key) and key not in told and not _may_be_beside(cluster, found):
            missing[key].append(found)
    meant, spaces = Meant(inventory), _spaces(inventory)
    for key, (first, *others) in missing.items():
        yield Finding(
            f"{first.one} has {first}, and no workload brings a Service called that",
            first.path,
            _hint(first, meant.instead_of(key), spaces.get(key.name)),
            related=tuple(Related(f"{other.one} has it, too", other.path) for other in others[:3]),
        )


def _may_be_beside(cluster: Cluster, found: NamedService) -> bool:
    """Whether a workload asks for what somebody may have installed beside the spec.

    A workload of the spec is in a namespace that is called as it is, unless told otherwise.
    """
    elsewhere = found.namespace not in cluster.namespaces and found.namespace != found.name
    return elsewhere and not isinstance(found.one, KubernetesObject)


def _spaces(inventory: Inventory) -> dict[str, str]:
    """Return in which namespace there is a Service of each name."""
    services = (key for key in (*inventory.apps, *inventory.own) if (key.group, key.kind) == ("", "Service"))
    return {key.name: key.namespace for key in services if key.namespace is not None}


def _hint(found: NamedService, close: str | None, elsewhere: str | None) -> str:
    if close is not None:
        return f"did you mean {close}.{found.namespace}.svc?"
    if elsewhere is not None:
        return f"did you mean {found.name}.{elsewhere}.svc?"
    return "name a Service that there is, as NAME.NAMESPACE.svc"


@rule(
    "MAN050",
    "service-name-on-the-network-of-the-node",
    severity=Severity.WARNING,
    summary="A pod in a manifest that is on the network of its node asks for a Service by name.",
    rationale="""Such a pod has the resolvers of its node, which do not know the names of Services. With
        dnsPolicy: ClusterFirstWithHostNet it asks the cluster's DNS.""",
    source="Kubernetes docs, DNS for Services and Pods: Pod's DNS Policy",
    bad=Example(OWN, at=OWN_DOCUMENT / "spec" / "hostNetwork", manifest=_POD.format("ClusterFirst")),
    good=OWN,
    good_manifest=_POD.format("ClusterFirstWithHostNet"),
)
def service_name_on_the_network_of_the_node(cluster: Cluster) -> Iterable[Finding]:
    asking = {found.one.path: found for found in reversed(cluster.named_services)}
    for template in cluster.templates:
        found, spec = asking.get(template.one.path), template.spec
        # Whoever names resolvers knows what he does.
        own = spec.get("dnsConfig") or spec.get("dnsPolicy") not in (None, "ClusterFirst", "Default")
        if found is not None and is_true(spec.get("hostNetwork")) and not own:
            yield Finding(
                f"{template.pods} is on the network of its node, whose resolvers do not know {found}",
                template.path / "hostNetwork",
                "write dnsPolicy: ClusterFirstWithHostNet beside it",
                related=(Related("it asks for it here", found.path),),
            )

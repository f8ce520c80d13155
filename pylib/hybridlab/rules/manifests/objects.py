"""Objects in the user's own manifests: that the API server takes, each once, in a namespace that exists."""

from collections.abc import Iterable, Iterator

from hybridlab.diagnostic import Related, Severity
from hybridlab.model.cluster import Cluster
from hybridlab.model.inventory import Key
from hybridlab.model.workload import KubernetesObject
from hybridlab.rules.rule import OWN, OWN_DOCUMENT, Example, Finding, rule
from hybridlab.rules.wording import nearest
from hybridlab.tables import apis

# Those that a cluster has from its start.
_INITIAL = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})


@rule(
    "MAN003",
    "object-twice",
    summary="An object stands in two manifests.",
    rationale="""kustomize refuses a set in which an object stands twice, so nothing of `k8s/` could be
        applied. An object without a namespace is one in `default` for it.""",
    source="kubernetes-sigs/kustomize: 'may not add resource with an already registered id'",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "metadata" / "name",
        manifest="""
        apiVersion: v1
        kind: Namespace
        metadata: {name: ollama}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: Namespace
        metadata: {name: own}
    """,
)
def object_twice(cluster: Cluster) -> Iterable[Finding]:
    first = {key: (str(app), app.path) for key, app in cluster.inventory.apps.items()}
    for one in cluster.objects:
        key = Key.of(one)
        who, path = first.setdefault(key, (str(one), one.name_path))
        if path != one.name_path:
            where = f" in namespace {key.namespace}" if key.namespace else ""
            also = "it stands here already" if who == str(one) else f"{who} makes it, too"
            yield Finding(
                f"{one}{where} is there twice: {also}",
                one.name_path,
                "remove one of them, or give it another name",
                related=(Related("the other one", path),),
            )


@rule(
    "MAN004",
    "namespace-that-nobody-makes",
    summary="A manifest is in a namespace that no workload makes.",
    rationale="""The API server refuses an object whose namespace does not exist, and does not make it.""",
    source="Kubernetes docs, Namespaces; kubernetes/kubernetes, plugin NamespaceLifecycle",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "metadata" / "namespace",
        manifest="""
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: own}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: Namespace
        metadata: {name: own}
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: own}
    """,
)
def namespace_that_nobody_makes(cluster: Cluster) -> Iterable[Finding]:
    made = cluster.made_namespaces
    # Of a Namespace called `Media`, its own name is what is wrong: MAN016.
    meant = {name.lower() for name in made}
    known = {*made, *_INITIAL}
    for one in _in_namespaces(cluster):
        if one.namespace is None or one.namespace in known or one.namespace in meant:
            continue
        close = nearest(one.namespace, sorted(known))
        yield Finding(
            f"{one} is in namespace {one.namespace!r}, which no workload makes",
            one.path / "metadata" / "namespace",
            f"did you mean {close!r}?" if close else "add a manifest of the Namespace",
        )


def _in_namespaces(cluster: Cluster) -> Iterator[KubernetesObject]:
    """Yield the objects that are in a namespace, or of a kind of which we do not know."""
    for one in cluster.objects:
        if apis.is_namespaced(one.api_version, one.kind) is not False:
            yield one


@rule(
    "MAN005",
    "no-namespace",
    severity=Severity.WARNING,
    summary="A manifest does not say in which namespace its object is.",
    rationale="""It then lands in the one that the context of whoever applies it names: another one on another
        day, or on another machine.""",
    source="Kubernetes docs, Namespaces: setting the namespace preference",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "metadata",
        manifest="""
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: default}
    """,
)
def no_namespace(cluster: Cluster) -> Iterable[Finding]:
    for one in cluster.objects:
        if one.namespace is None and apis.is_namespaced(one.api_version, one.kind):
            yield Finding(
                f"{one} has no namespace", one.path / "metadata", "write the namespace", on_key=True
            )


@rule(
    "MAN006",
    "secret-in-the-open",
    summary="A manifest holds the values of a Secret.",
    rationale="""Manifests are committed, and a flake copies them to the Nix store, which everybody on a
        machine can read. base64 hides nothing.""",
    source="Kubernetes docs, Good practices for Kubernetes Secrets; docs/decisions/0009-secrets-in-pods.md",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "stringData",
        manifest="""
        apiVersion: v1
        kind: Secret
        metadata: {name: app, namespace: default}
        stringData: {password: hunter2}
        """,
    ),
    good="""
        workloads:
          page: {type: deployment, image: "nginx:1.29.1", env: {PASSWORD: {secret: page/password}}}
    """,
)
def secret_in_the_open(cluster: Cluster) -> Iterable[Finding]:
    for one in cluster.objects:
        if (one.api_version, one.kind) != ("v1", "Secret"):
            continue
        for key in ("data", "stringData"):
            values = one.data.get(key)
            if any(values.values()) if isinstance(values, dict) else values:
                yield Finding(
                    f"{one} is in the open, with its values",
                    one.path / key,
                    "take it out, and give workloads the value as {secret: …}; if it is committed, change it",
                    on_key=True,
                )


@rule(
    "MAN007",
    "network-policy-that-nothing-obeys",
    severity=Severity.WARNING,
    summary="A manifest is a NetworkPolicy, which flannel does not enforce.",
    rationale="""The API server takes it, and every packet passes as before: it only looks like safety. What
        reaches a pod from outside is decided by the firewall of the nodes; between pods everything is
        open.""",
    source="Kubernetes docs, Network Policies: prerequisites; flannel-io/flannel, README",
    bad=Example(
        OWN,
        at=OWN_DOCUMENT / "kind",
        manifest="""
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: deny, namespace: default}
        spec: {podSelector: {}, policyTypes: [Ingress]}
        """,
    ),
    good=OWN,
    good_manifest="""
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: default}
    """,
)
def network_policy_that_nothing_obeys(cluster: Cluster) -> Iterable[Finding]:
    for one in cluster.objects:
        if (one.group, one.kind) == ("networking.k8s.io", "NetworkPolicy"):
            yield Finding(
                f"{one} is obeyed by nothing: the pod network is flannel",
                one.path / "kind",
                "remove it, or let `expose` say who reaches the workload from outside",
            )

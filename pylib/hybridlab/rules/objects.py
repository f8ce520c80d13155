"""Kubernetes objects that workloads become: names that the API server takes, namespaces that are theirs."""

import re
from collections.abc import Iterable

from hybridlab.diagnostic import Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import Ollama
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.rules.uses import Use, conflict, used_again
from hybridlab.tables import apis


@rule(
    "WKL006",
    "service-name",
    summary="A workload's name begins with a digit, and becomes the name of a Service.",
    rationale="""Before Kubernetes 1.36, a Service is a DNS-1035 label, which begins with a letter; the API
        server refuses others.""",
    source="""kubernetes/enhancements#5311; kubernetes/kubernetes, pkg/features/kube_features.go
        (RelaxedServiceNameValidation)""",
    bad=Example(
        """
        nixos: {release: "25.11", stateVersion: "25.11"}
        workloads:
          7b-models: {type: ollama, namespace: models, models: /var/lib/7b}
        """,
        at=SpecPath.of("workloads", "7b-models"),
    ),
    good="""
        nixos: {release: "26.05"}
        workloads:
          7b-models: {type: ollama, namespace: models, models: /var/lib/7b}
    """,
)
def service_name(cluster: Cluster) -> Iterable[Finding]:
    if cluster.kubernetes is None or apis.takes_service_names_with_digits(cluster.kubernetes.minor):
        return
    for workload in cluster.apps:
        if workload.endpoints and not re.match("[a-z]", workload.name):
            prefix = "ollama" if isinstance(workload, Ollama) else "app"
            yield Finding(
                f"{workload} becomes a Service, whose name must begin with a letter",
                workload.path,
                f"did you mean '{prefix}-{workload.name}'?",
                on_key=True,
            )


@rule(
    "WKL007",
    "shared-namespace",
    summary="Two workloads make the same namespace.",
    rationale="""Each workload brings its namespace with it. kustomize refuses a set in which an object
        stands twice, so nothing of `k8s/` could be applied.""",
    source="kubernetes-sigs/kustomize: 'may not add resource with an already registered id'",
    bad=Example(
        """
        workloads:
          small: {type: ollama, namespace: ollama, models: /var/lib/small}
        """,
        at=SpecPath.of("workloads", "small", "namespace"),
    ),
    good="""
        workloads:
          small: {type: ollama, namespace: small, models: /var/lib/small}
    """,
)
def shared_namespace(cluster: Cluster) -> Iterable[Finding]:
    # The one that says so is to be told, not the one that is called so.
    apps = sorted(cluster.apps, key=lambda app: _is_written(cluster, app.path / "namespace"))
    uses = (Use(w.namespace, str(w), w.path / "namespace") for w in apps)
    for earlier, use in used_again(uses):
        yield conflict(earlier, use, f"make namespace {use.value!r}", "give each a namespace of its own")


def _is_written(cluster: Cluster, path: SpecPath) -> bool:
    parent = SpecPath(path[:-1])
    return cluster.source.locate(path, key=True) != cluster.source.locate(parent, key=True)


@rule(
    "WKL008",
    "system-namespace",
    severity=Severity.WARNING,
    summary="A workload is in a namespace that belongs to Kubernetes.",
    rationale="""The namespace would be labelled as part of this cluster's workloads, and `kubectl delete -k`
        would take aim at what Kubernetes itself runs in it.""",
    source="Kubernetes docs, Namespaces: initial namespaces, and the reserved prefix kube-",
    bad=Example(
        """
        workloads:
          ollama: {namespace: kube-system}
        """,
        at=SpecPath.of("workloads", "ollama", "namespace"),
    ),
    good="""
        workloads:
          ollama: {namespace: models}
    """,
)
def system_namespace(cluster: Cluster) -> Iterable[Finding]:
    for workload in cluster.apps:
        if workload.namespace == "default" or workload.namespace.startswith("kube-"):
            yield Finding(
                f"{workload} is in namespace {workload.namespace!r}, which belongs to Kubernetes",
                workload.path / "namespace",
                "give it a namespace of its own",
            )

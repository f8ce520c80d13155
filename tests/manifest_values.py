"""Values in manifests that the API server refuses, with what is said of each; and the like that it takes."""

from own_manifests import cluster_wide, container, in_default

TEMPLATE = "{{metadata: {{labels: {{a: b}}}}, spec: {{{}containers: [{{name: a, image: 'a:1'}}]}}}}"


def deployment(more: str, pods: str = "") -> str:
    template = TEMPLATE.format(pods)
    spec = f"spec: {{{more}, selector: {{matchLabels: {{a: b}}}}, template: {template}}}"
    return in_default("apps/v1", "Deployment", "a", spec)


def job(more: str) -> str:
    template = TEMPLATE.format("restartPolicy: Never, ")
    return in_default("batch/v1", "Job", "a", f"spec: {{{more}, template: {template}}}")


def cron_job(more: str) -> str:
    template = TEMPLATE.format("restartPolicy: Never, ")
    spec = f"spec: {{schedule: '@daily', {more}, jobTemplate: {{spec: {{template: {template}}}}}}}"
    return in_default("batch/v1", "CronJob", "a", spec)


def service(spec: str) -> str:
    return in_default("v1", "Service", "a", f"spec: {{{spec}}}")


def ingress(spec: str) -> str:
    return in_default("networking.k8s.io/v1", "Ingress", "a", f"spec: {{{spec}}}")


def rule(host: str, path: str, port: str = "number: 80") -> str:
    backend = f"backend: {{service: {{name: a, port: {{{port}}}}}}}"
    paths = f"[{{path: {path}, pathType: Prefix, {backend}}}]"
    return ingress(f"rules: [{{host: '{host}', http: {{paths: {paths}}}}}]")


def scaler(bounds: str) -> str:
    target = "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}"
    return in_default("autoscaling/v2", "HorizontalPodAutoscaler", "a", f"spec: {{{bounds}, {target}}}")


def budget(spec: str) -> str:
    selector = "selector: {matchLabels: {a: b}}"
    return in_default("policy/v1", "PodDisruptionBudget", "a", f"spec: {{{spec}, {selector}}}")


def volume(source: str) -> str:
    spec = f"spec: {{capacity: {{storage: 1Gi}}, accessModes: [ReadWriteOnce], {source}}}"
    return cluster_wide("v1", "PersistentVolume", "a", spec)


def limit_range(limit: str) -> str:
    return in_default("v1", "LimitRange", "a", f"spec: {{limits: [{{type: Container, {limit}}}]}}")


def priority(value: int) -> str:
    return cluster_wide("scheduling.k8s.io/v1", "PriorityClass", "a", f"value: {value}")


def slices(address: str) -> str:
    rest = f"addressType: IPv4\nendpoints: [{{addresses: [{address}]}}]\nports: [{{port: 80}}]"
    return in_default("discovery.k8s.io/v1", "EndpointSlice", "a", rest)


def role(rest: str) -> str:
    return in_default("rbac.authorization.k8s.io/v1", "Role", "a", f"rules: [{{verbs: [get], {rest}}}]")


def namespace(level: str) -> str:
    label = f"labels: {{pod-security.kubernetes.io/enforce: {level}}}"
    return cluster_wide("v1", "Namespace", "a", metadata=label)


def quota(amount: str) -> str:
    return in_default("v1", "ResourceQuota", "a", f"spec: {{hard: {{requests.memory: {amount}}}}}")


def spread(skew: int) -> str:
    return container(
        spec=f"topologySpreadConstraints: [{{maxSkew: {skew}, topologyKey: kubernetes.io/hostname, "
        "whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: app}}}]"
    )


def affinity(kind: str, term: str) -> str:
    return container(spec=f"affinity: {{{kind}: {{{term}}}}}")


PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def preferred(weight: int) -> str:
    term = "preference: {matchExpressions: [{key: gpu, operator: In, values: [amd]}]}"
    return affinity("nodeAffinity", f"{PREFERRED}: [{{weight: {weight}, {term}}}]")


def required(condition: str) -> str:
    term = f"{{matchExpressions: [{{key: kubernetes.io/hostname, {condition}}}]}}"
    return affinity("nodeAffinity", f"{REQUIRED}: {{nodeSelectorTerms: [{term}]}}")


def mode(number: str) -> str:
    return container(
        spec=f"volumes: [{{name: v, configMap: {{name: a, optional: true, defaultMode: {number}}}}}]"
    )


def variable(source: str) -> str:
    return container(f"env: [{{name: X, valueFrom: {{{source}}}}}]")


RECREATE = "strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}"
ENV = "0.spec.containers.0.env.0.valueFrom"
NODE = "0.spec.affinity.nodeAffinity"
PATHS = "0.spec.rules.0.http.paths.0"
SOURCES = "nfs: {server: 10.0.10.200, path: /data}, hostPath: {path: /srv/data}"

REFUSED: dict[str, tuple[str, str, str]] = {
    "fewer pods than none": (deployment("replicas: -1"), "MAN058", "0.spec.replicas"),
    "a negative backoff": (job("backoffLimit: -1"), "MAN058", "0.spec.backoffLimit"),
    "a negative parallelism": (job("parallelism: -1"), "MAN058", "0.spec.parallelism"),
    "a negative ttl": (job("ttlSecondsAfterFinished: -1"), "MAN058", "0.spec.ttlSecondsAfterFinished"),
    "a negative deadline": (
        cron_job("startingDeadlineSeconds: -1"),
        "MAN058",
        "0.spec.startingDeadlineSeconds",
    ),
    "a negative history": (
        cron_job("failedJobsHistoryLimit: -1"),
        "MAN058",
        "0.spec.failedJobsHistoryLimit",
    ),
    "a scaler down to nothing": (scaler("minReplicas: 0, maxReplicas: 2"), "MAN058", "0.spec.minReplicas"),
    "a scaler up to nothing": (scaler("maxReplicas: 0"), "MAN058", "0.spec.maxReplicas"),
    "a priority of the system": (priority(1_000_000_001), "MAN058", "0.value"),
    "permissions in tens": (mode("644"), "MAN058", "0.spec.volumes.0.configMap.defaultMode"),
    "a user below zero": (
        container("securityContext: {runAsUser: -1}"),
        "MAN058",
        "0.spec.containers.0.securityContext.runAsUser",
    ),
    "a group below zero": (
        container(spec="securityContext: {fsGroup: -1}"),
        "MAN058",
        "0.spec.securityContext.fsGroup",
    ),
    "no skew at all": (spread(0), "MAN058", "0.spec.topologySpreadConstraints.0.maxSkew"),
    "a weight of nothing": (preferred(0), "MAN058", f"{NODE}.{PREFERRED}.0.weight"),
    "too much weight": (preferred(101), "MAN058", f"{NODE}.{PREFERRED}.0.weight"),
    "a path without a slash": (rule("a.lan", "app"), "MAN059", f"{PATHS}.path"),
    "a host with a port": (rule("a.lan:8080", "/"), "MAN059", "0.spec.rules.0.host"),
    "a host as a URL": (rule("https://a.lan", "/"), "MAN059", "0.spec.rules.0.host"),
    "a host by its address": (rule("10.0.20.11", "/"), "MAN059", "0.spec.rules.0.host"),
    "an address that is none": (
        service("selector: {a: b}, ports: [{port: 80}], externalIPs: [10.70.0.300]"),
        "MAN059",
        "0.spec.externalIPs.0",
    ),
    "a network without its size": (
        service("type: LoadBalancer, ports: [{port: 80}], loadBalancerSourceRanges: [10.0.10.0]"),
        "MAN059",
        "0.spec.loadBalancerSourceRanges.0",
    ),
    "another name that is a URL": (
        service("type: ExternalName, externalName: 'https://nas.lan/'"),
        "MAN059",
        "0.spec.externalName",
    ),
    "another name with a port": (
        service("type: ExternalName, externalName: 'nas.lan:8080'"),
        "MAN059",
        "0.spec.externalName",
    ),
    "a hostname in capitals": (container(spec="hostname: Sonarr_A"), "MAN059", "0.spec.hostname"),
    "an alias for a name": (
        container(spec="hostAliases: [{ip: nas.lan, hostnames: [nas]}]"),
        "MAN059",
        "0.spec.hostAliases.0.ip",
    ),
    "a resolver by name": (
        container(spec="dnsConfig: {nameservers: [dns.lan]}"),
        "MAN059",
        "0.spec.dnsConfig.nameservers.0",
    ),
    "a field that no pod has": (
        variable("fieldRef: {fieldPath: spec.hostname}"),
        "MAN059",
        f"{ENV}.fieldRef.fieldPath",
    ),
    "an amount of what there is not": (
        variable("resourceFieldRef: {resource: limits.ram}"),
        "MAN059",
        f"{ENV}.resourceFieldRef.resource",
    ),
    "a time zone that is none": (cron_job("timeZone: Europe/Lisboa"), "MAN059", "0.spec.timeZone"),
    "a folder of a NAS without a slash": (
        volume("nfs: {server: 10.0.10.200, path: data}"),
        "MAN059",
        "0.spec.nfs.path",
    ),
    "a slice of a name": (slices("nas.lan"), "MAN059", "0.endpoints.0.addresses.0"),
    "an Ingress to nowhere": (ingress("rules: []"), "MAN060", "0.spec"),
    "a port by name and number": (
        rule("a.lan", "/", "number: 80, name: http"),
        "MAN060",
        f"{PATHS}.backend.service.port.number",
    ),
    "all at once, and in turn": (deployment(RECREATE), "MAN060", "0.spec.strategy.rollingUpdate"),
    "neither more nor less": (
        deployment("strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}"),
        "MAN060",
        "0.spec.strategy.rollingUpdate.maxUnavailable",
    ),
    "more than all missing": (
        deployment("strategy: {rollingUpdate: {maxUnavailable: 150%}}"),
        "MAN060",
        "0.spec.strategy.rollingUpdate.maxUnavailable",
    ),
    "traffic from outside to the inside": (
        service("selector: {a: b}, ports: [{port: 80}], externalTrafficPolicy: Local"),
        "MAN060",
        "0.spec.externalTrafficPolicy",
    ),
    "a NodePort without an address": (
        service("type: NodePort, clusterIP: None, ports: [{port: 80, nodePort: 30080}]"),
        "MAN060",
        "0.spec.clusterIP",
    ),
    "no DNS, and none instead": (container(spec="dnsPolicy: None"), "MAN060", "0.spec.dnsPolicy"),
    "a Deployment that ends": (
        deployment("replicas: 1", "activeDeadlineSeconds: 60, "),
        "MAN060",
        "0.spec.template.spec.activeDeadlineSeconds",
    ),
    "a label that exists with values": (
        required("operator: Exists, values: [a]"),
        "MAN060",
        f"{NODE}.{REQUIRED}.nodeSelectorTerms.0.matchExpressions.0.values",
    ),
    "a job that selects": (job("selector: {matchLabels: {a: b}}"), "MAN060", "0.spec.selector"),
    "a least above the most": (scaler("minReplicas: 3, maxReplicas: 2"), "MAN060", "0.spec.maxReplicas"),
    "a budget of two minds": (
        budget("minAvailable: 1, maxUnavailable: 1"),
        "MAN060",
        "0.spec.maxUnavailable",
    ),
    "a role for URLs": (role("nonResourceURLs: [/healthz]"), "MAN060", "0.rules.0.nonResourceURLs"),
    "a volume in two places": (volume(SOURCES), "MAN060", "0.spec.hostPath"),
    "limits the wrong way round": (
        limit_range("min: {memory: 2Gi}, max: {memory: 1Gi}"),
        "MAN060",
        "0.spec.limits.0.min.memory",
    ),
    "a quota that is none": (quota("1GB"), "MAN023", "0.spec.hard.requests.memory"),
    "a limit that is none": (limit_range("max: {cpu: 2 cores}"), "MAN023", "0.spec.limits.0.max.cpu"),
    "a level that does not exist": (
        namespace("strict"),
        "MAN021",
        "0.metadata.labels.pod-security.kubernetes.io/enforce",
    ),
}

TAKEN = (
    deployment("replicas: 0"),
    deployment("strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0, maxUnavailable: 100%}}"),
    deployment("strategy: {rollingUpdate: {maxSurge: 200%, maxUnavailable: 0}}"),
    job("backoffLimit: 0, parallelism: 0, ttlSecondsAfterFinished: 0"),
    cron_job("timeZone: Europe/Lisbon, failedJobsHistoryLimit: 0, startingDeadlineSeconds: 0"),
    scaler("minReplicas: 2, maxReplicas: 2"),
    priority(1_000_000_000),
    mode("0644"),
    mode("420"),
    container("securityContext: {runAsUser: 0, runAsGroup: 2147483647}"),
    spread(1),
    preferred(100),
    required("operator: Exists"),
    rule("*.a.lan", "/app"),
    ingress("rules: [{host: a.lan}], defaultBackend: {service: {name: a, port: {name: http}}}"),
    service("selector: {a: b}, ports: [{port: 80}], externalIPs: [10.70.0.30]"),
    service("type: LoadBalancer, ports: [{port: 80}], loadBalancerSourceRanges: [10.0.10.0/24]"),
    service("type: NodePort, ports: [{port: 80, nodePort: 30080}], externalTrafficPolicy: Local"),
    service("type: ExternalName, externalName: nas.lan."),
    container(spec="hostname: sonarr-1, hostAliases: [{ip: 10.0.10.200, hostnames: [nas]}]"),
    container(spec="dnsPolicy: None, dnsConfig: {nameservers: [10.0.10.1]}"),
    container(spec="activeDeadlineSeconds: 60"),
    *(
        variable(f"fieldRef: {{fieldPath: {path}}}")
        for path in (
            *("metadata.name", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIPs"),
            "\"metadata.labels['app']\"",
        )
    ),
    *(
        variable(f"resourceFieldRef: {{resource: {what}}}")
        for what in ("limits.cpu", "requests.memory", "limits.ephemeral-storage")
    ),
    budget("maxUnavailable: 100%"),
    volume("nfs: {server: 10.0.10.200, path: /data}"),
    slices("10.0.10.200"),
    role("resources: [pods], apiGroups: ['']"),
    namespace("restricted"),
    quota("1Gi"),
    limit_range("min: {memory: 1Gi}, max: {memory: 1Gi}"),
)

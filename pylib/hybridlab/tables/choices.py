"""Fields of manifests that take one of a few words; it does not know how they are found.

Read on 2026-11-29 from the refusals of an API server of Kubernetes 1.36, and from the types in k8s.io/api. A
field stands with the way to it, in which `*` is every item of a list.
"""

from collections.abc import Mapping
from types import MappingProxyType

Way = tuple[str, ...]
Choices = Mapping[Way, tuple[str, ...]]


def _fields(written: Mapping[str, tuple[str, ...]]) -> Choices:
    return MappingProxyType({tuple(way.split(".")): choices for way, choices in written.items()})


SELECTOR_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_NODE_OPERATORS = (*SELECTOR_OPERATORS, "Gt", "Lt")
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_POLICIES = ("Cluster", "Local")
_RECLAIM = ("Delete", "Retain", "Recycle")
ACCESS_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
_LEVELS = ("privileged", "baseline", "restricted")
_VOLUME_MODES = ("Filesystem", "Block")
_HOST_PATHS = (
    "DirectoryOrCreate",
    "Directory",
    "FileOrCreate",
    "File",
    "Socket",
    "CharDevice",
    "BlockDevice",
)
_NODE_TERMS = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.*"

# In the pods of any kind.
POD = _fields(
    {
        "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        "preemptionPolicy": ("PreemptLowerPriority", "Never"),
        "volumes.*.hostPath.type": _HOST_PATHS,
        "topologySpreadConstraints.*.whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
        f"{_NODE_TERMS}.matchExpressions.*.operator": _NODE_OPERATORS,
    }
)

# In a container.
CONTAINER = _fields(
    {
        "imagePullPolicy": ("Always", "IfNotPresent", "Never"),
        "terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
        "ports.*.protocol": _PROTOCOLS,
        **{
            f"{probe}.httpGet.scheme": ("HTTP", "HTTPS")
            for probe in ("livenessProbe", "readinessProbe", "startupProbe")
        },
    }
)

# What `restartPolicy` of a kind's pods takes; where it is left out, it is Always.
RESTART_POLICIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Pod": ("Always", "OnFailure", "Never"),
        "Job": ("OnFailure", "Never"),
        "CronJob": ("OnFailure", "Never"),
    }
)
ONLY_ALWAYS = ("Always",)

# In an object, by its group and kind.
OBJECTS: Mapping[tuple[str, str], Choices] = MappingProxyType(
    {
        ("", "Service"): _fields(
            {
                "spec.type": ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
                "spec.ports.*.protocol": _PROTOCOLS,
                "spec.externalTrafficPolicy": _POLICIES,
                "spec.internalTrafficPolicy": _POLICIES,
                "spec.sessionAffinity": ("None", "ClientIP"),
                "spec.ipFamilyPolicy": ("SingleStack", "PreferDualStack", "RequireDualStack"),
            }
        ),
        ("", "Namespace"): MappingProxyType(
            {
                ("metadata", "labels", f"pod-security.kubernetes.io/{mode}"): _LEVELS
                for mode in ("enforce", "audit", "warn")
            }
        ),
        ("", "PersistentVolumeClaim"): _fields(
            {"spec.accessModes.*": ACCESS_MODES, "spec.volumeMode": _VOLUME_MODES}
        ),
        ("", "PersistentVolume"): _fields(
            {
                "spec.accessModes.*": ACCESS_MODES,
                "spec.volumeMode": _VOLUME_MODES,
                "spec.persistentVolumeReclaimPolicy": _RECLAIM,
                "spec.hostPath.type": _HOST_PATHS,
            }
        ),
        ("apps", "Deployment"): _fields(
            {
                "spec.strategy.type": ("RollingUpdate", "Recreate"),
                "spec.selector.matchExpressions.*.operator": SELECTOR_OPERATORS,
            }
        ),
        ("apps", "DaemonSet"): _fields(
            {
                "spec.updateStrategy.type": ("RollingUpdate", "OnDelete"),
                "spec.selector.matchExpressions.*.operator": SELECTOR_OPERATORS,
            }
        ),
        ("apps", "StatefulSet"): _fields(
            {
                "spec.updateStrategy.type": ("RollingUpdate", "OnDelete"),
                "spec.podManagementPolicy": ("OrderedReady", "Parallel"),
                "spec.volumeClaimTemplates.*.spec.accessModes.*": ACCESS_MODES,
                "spec.selector.matchExpressions.*.operator": SELECTOR_OPERATORS,
            }
        ),
        ("batch", "CronJob"): _fields({"spec.concurrencyPolicy": ("Allow", "Forbid", "Replace")}),
        ("networking.k8s.io", "Ingress"): _fields(
            {"spec.rules.*.http.paths.*.pathType": ("Exact", "Prefix", "ImplementationSpecific")}
        ),
        ("networking.k8s.io", "NetworkPolicy"): _fields({"spec.policyTypes.*": ("Ingress", "Egress")}),
        ("policy", "PodDisruptionBudget"): _fields(
            {"spec.selector.matchExpressions.*.operator": SELECTOR_OPERATORS}
        ),
        ("rbac.authorization.k8s.io", "RoleBinding"): _fields({"roleRef.kind": ("Role", "ClusterRole")}),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _fields({"roleRef.kind": ("ClusterRole",)}),
        ("storage.k8s.io", "StorageClass"): _fields(
            {
                "volumeBindingMode": ("Immediate", "WaitForFirstConsumer"),
                "reclaimPolicy": ("Delete", "Retain"),
            }
        ),
    }
)

"""Every object that there is once all is applied: of the workloads, of the user's manifests, of Kubernetes.

What a program makes while it runs is not among them; `may_appear` says where one could.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

from attrs import define, frozen

from hybridlab.model.plain import items, mapping
from hybridlab.model.workload import (
    AmdGpuDevicePlugin,
    App,
    KubernetesObject,
    Manifests,
    Workload,
)
from hybridlab.tables import apis, initial

RBAC = "rbac.authorization.k8s.io"
# How rules of RBAC call kinds whose plural is more than an `s`.
_PLURALS: Mapping[str, str] = {
    f"{what}Class": f"{what.lower()}classes" for what in ("Ingress", "Priority", "Runtime", "Storage")
}
# Roles of Kubernetes' own that let do whatever is asked about here.
_STRONG = frozenset({"admin", "cluster-admin", "edit"})


@frozen
class Key:
    """What tells an object from every other one, whatever its version; `namespace` is None without one."""

    group: str
    kind: str
    namespace: str | None
    name: str

    @classmethod
    def of(cls, one: KubernetesObject) -> "Key":
        """Return that of an object in a manifest, which is in `default` where it names no namespace."""
        scoped = apis.is_namespaced(one.api_version, one.kind)
        # Of a kind that we do not know, what it says of itself is all there is.
        namespace = one.namespace if scoped is None else (one.namespace or "default") if scoped else None
        return cls(one.group, one.kind, namespace, one.name)


def made_by(workload: Workload) -> Iterator[Key]:
    """Yield the objects that a workload of the spec becomes; a folder of manifests has its own."""
    match workload:
        case AmdGpuDevicePlugin():
            yield Key("apps", "DaemonSet", workload.namespace, workload.name)
            if workload.labeller is not None:
                name = workload.labeller_name
                yield Key("", "ServiceAccount", workload.namespace, name)
                yield Key(RBAC, "ClusterRole", None, name)
                yield Key(RBAC, "ClusterRoleBinding", None, name)
                yield Key("apps", "DaemonSet", workload.namespace, name)
        case Manifests():
            return
        case _:
            yield Key("", "Namespace", None, workload.namespace)
            yield Key("apps", "Deployment", workload.namespace, workload.name)
            if workload.endpoints:
                yield Key("", "Service", workload.namespace, workload.name)
            if workload.secrets:
                yield Key("", "Secret", workload.namespace, workload.name)


@define(frozen=True, slots=False)  # cached properties need a __dict__
class Inventory:
    """The objects of the user's manifests, and those that the workloads of the spec become."""

    own: Mapping[Key, KubernetesObject]
    apps: Mapping[Key, App | AmdGpuDevicePlugin]
    # The accounts that pods of the manifests run as.
    accounts: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, workloads: Iterable[Workload]) -> "Inventory":
        workloads = tuple(workloads)
        return cls(
            own={Key.of(one): one for w in workloads if isinstance(w, Manifests) for one in w.objects},
            apps={key: w for w in workloads if not isinstance(w, Manifests) for key in made_by(w)},
            accounts=frozenset(
                (template.namespace or "default", str(template.spec.get("serviceAccountName")))
                for w in workloads
                if isinstance(w, Manifests)
                for template in w.templates
            ),
        )

    @cached_property
    def _names(self) -> Mapping[tuple[str, str, str | None], list[str]]:
        found: defaultdict[tuple[str, str, str | None], list[str]] = defaultdict(list)
        for key in (*self.own, *self.apps):
            found[key.group, key.kind, key.namespace].append(key.name)
        return found

    def named(self, group: str, kind: str, namespace: str | None) -> Sequence[str]:
        """Return the names of the objects of a kind."""
        return self._names.get((group, kind, namespace), [])

    def of_kind(self, group: str, kind: str) -> Iterator[KubernetesObject]:
        """Yield the objects of a kind in the user's manifests."""
        for name in self._kinds.get((group, kind), ()):
            yield self.own[name]

    @cached_property
    def _kinds(self) -> Mapping[tuple[str, str], list[Key]]:
        found: defaultdict[tuple[str, str], list[Key]] = defaultdict(list)
        for key in self.own:
            found[key.group, key.kind].append(key)
        return found

    def lacks(self, key: Key) -> bool:
        """Whether this object is for certain not there: nobody brings it, and nothing could make it."""
        if key in self.own or key in self.apps or initial.is_there(key.kind, key.namespace, key.name):
            return False
        if (key.group, key.kind, key.name) in self._astray:
            return False
        return not self.may_appear(key.group, key.kind, key.namespace)

    @cached_property
    def _astray(self) -> frozenset[tuple[str, str, str]]:
        """Objects without a namespace, or in one that nobody makes: that is what is to be told of them."""
        namespaces = frozenset(self.named("", "Namespace", None))
        found = set()
        for key, one in self.own.items():
            named = one.namespace or "default"
            known = named in namespaces or initial.is_there("Namespace", None, named)
            if key.namespace is not None and (one.namespace is None or not known):
                found.add((key.group, key.kind, key.name))
        return frozenset(found)

    def may_appear(self, group: str, kind: str, namespace: str | None) -> bool:
        """Whether something of the manifests may make objects of this kind while it runs."""
        resource = _PLURALS.get(kind, f"{kind.lower()}s")
        makes = self.grants("create", group, resource, namespace)
        return makes or self._has_custom_resource(namespace)

    def grants(self, verb: str, group: str, resource: str, namespace: str | None = None) -> bool:
        """Whether a role in the manifests lets somebody do this, by which a controller shows itself."""
        return any(
            right in self._granted.get(scope, ())
            for scope in (None, namespace)
            for right in product(("*", verb), ("*", group), ("*", resource))
        )

    @cached_property
    def _granted(self) -> Mapping[str | None, frozenset[tuple[str, str, str]]]:
        """What roles let do, by the namespace of the role, None for those of the whole cluster."""
        found: defaultdict[str | None, set[tuple[str, str, str]]] = defaultdict(set)
        for kind in ("Role", "ClusterRole"):
            for one in self.of_kind(RBAC, kind):
                scope = one.namespace if kind == "Role" else None
                for rule in map(mapping, items(one.data.get("rules"))):
                    for verb in items(rule.get("verbs")):
                        for group in items(rule.get("apiGroups")):
                            for resource in items(rule.get("resources")):
                                found[scope].add((str(verb), str(group), str(resource)))
        for kind in ("RoleBinding", "ClusterRoleBinding"):
            for one in self.of_kind(RBAC, kind):
                if str(mapping(one.data.get("roleRef")).get("name")) in _STRONG and self._is_for_pods(one):
                    found[one.namespace if kind == "RoleBinding" else None].add(("*", "*", "*"))
        return {scope: frozenset(rights) for scope, rights in found.items()}

    def _is_for_pods(self, binding: KubernetesObject) -> bool:
        """Whether pods of the manifests run as somebody who is bound, and not a person alone."""
        subjects = map(mapping, items(binding.data.get("subjects")))
        return any(
            (str(one.get("namespace") or binding.namespace), str(one.get("name"))) in self.accounts
            for one in subjects
            if one.get("kind") == "ServiceAccount"
        )

    def _has_custom_resource(self, namespace: str | None) -> bool:
        """Whether a custom resource is here, for which a controller may make anything."""
        touched = self._touched
        return bool(touched) if namespace is None else None in touched or namespace in touched

    @cached_property
    def _touched(self) -> frozenset[str | None]:
        """The namespaces that custom resources are in or name; None stands for all."""
        found: set[str | None] = set()
        for one in self.own.values():
            if one.group not in apis.BUILT_IN_GROUPS:
                found.add(one.namespace)
                found.update(_named_namespaces(one.data))
        return frozenset(found)


def _named_namespaces(value: Any) -> Iterator[str]:
    """Yield what stands below keys like `targetNamespace`; recursion is bounded by the reader of the file."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key.lower().endswith(("namespace", "namespaces")):
                yield from (name for name in (*items(below), below) if isinstance(name, str))
            yield from _named_namespaces(below)
    elif isinstance(value, list):
        for below in value:
            yield from _named_namespaces(below)

"""Variables of pods: what they lead to answers under that name, and no secret stands in them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from attrs import frozen

from hybridlab.diagnostic import Fix, Related, SetValue, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.inventory import Key
from hybridlab.model.plain import items, mapping, whole
from hybridlab.model.variables import Variable, find_variables
from hybridlab.model.workload import App, PodTemplate
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.spec.scalars import is_secret_by_name

_BEFORE, _AFTER = r"(?:^|//|[@\s,;=])", r":([0-9]{1,5})(?![\w.:-])"
# Hosts with a port, as in http://name:80/path, user@name:5432 and a list of name:9092.
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_BEFORE}({_LABEL})(?:\.({_LABEL}))?{_AFTER}")
_LOOPBACK = re.compile(rf"{_BEFORE}(localhost|127\.0\.0\.1|\[::1\]){_AFTER}")
_HOST_ALONE = re.compile(r".+_HOST(?:NAME)?")


@frozen
class _Service:
    """A Service: its ports, and the words by which people call what is behind it."""

    title: str
    name: str
    namespace: str
    ports: frozenset[int]
    words: frozenset[str]
    path: SpecPath

    @property
    def dns_name(self) -> str:
        return f"{self.name}.{self.namespace}.svc"


def _services(cluster: Cluster) -> Iterator[_Service]:
    for app in cluster.apps:
        if ports := frozenset(endpoint.service.port for endpoint in app.endpoints):
            words = frozenset((app.name, _program(app.image)))
            yield _Service(str(app), app.name, app.namespace, ports, words, app.path)
    for one in cluster.objects:
        if one.is_service and one.spec.get("type") != "ExternalName":
            numbers = (whole(mapping(port).get("port")) for port in items(one.spec.get("ports")))
            ports = frozenset(number for number in numbers if number is not None)
            namespace, words = one.namespace or "default", frozenset((one.name,))
            yield _Service(str(one), one.name, namespace, ports, words, one.name_path)


def _program(image: str) -> str:
    """Return what an image is called, without where it lies and its version."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


@rule(
    "WKL018",
    "service-under-another-name",
    severity=Severity.WARNING,
    summary="A variable has a name under which the Service that has its port is not known.",
    rationale="""The name of a Service alone is known in its own namespace only, and each workload has one of
        its own. What docker compose calls `redis` is `redis.NAMESPACE.svc` here.""",
    source="Kubernetes docs, DNS for Services and Pods: namespaces of Services; open-webui/open-webui#17",
    bad=Example(
        """
        workloads:
          chat: {type: deployment, image: "nginx:1.29.1", env: {OLLAMA_BASE_URL: "http://ollama:11434"}}
        """,
        at=SpecPath.of("workloads", "chat", "env", "OLLAMA_BASE_URL"),
    ),
    good="""
        workloads:
          chat:
            type: deployment
            image: nginx:1.29.1
            env: {OLLAMA_BASE_URL: "http://ollama.ollama.svc:11434"}
    """,
)
def service_under_another_name(cluster: Cluster) -> Iterable[Finding]:
    by_name: dict[str, list[_Service]] = defaultdict(list)
    by_namespace: dict[str, list[_Service]] = defaultdict(list)
    for service in _services(cluster):
        by_name[service.name].append(service)
        by_namespace[service.namespace].append(service)
    # The resolvers of the nodes may know machines and devices by name.
    others = {machine.name for machine in cluster.machines}
    others |= {device.name for vlan in cluster.vlans for device in vlan.devices}
    for variable in find_variables(cluster):
        owner = variable.owner
        if isinstance(owner, PodTemplate) and owner.spec.get("dnsConfig"):
            continue  # it may search in other namespaces
        for name, namespace, port in _hosts(variable):
            known = by_name.get(name, []) if namespace is None else by_namespace.get(namespace, [])
            if any(one.namespace == variable.namespace for one in by_name.get(namespace or "", [])):
                continue  # a pod of that Service, as those of a StatefulSet are called
            meant = [one for one in known if port is None or port in one.ports]
            key = Key("", "Service", namespace or variable.namespace, name)
            if not meant or name in others or not cluster.inventory.lacks(key):
                continue
            host = name if namespace is None else f"{name}.{namespace}"
            yield Finding(
                f"{variable.whose} looks for {host}, which is no Service in namespace {key.namespace}, and "
                f"{meant[0].title} is called {meant[0].dns_name}",
                variable.path,
                f"write {meant[0].dns_name}" + (f":{port}" if port else ""),
                related=(Related(meant[0].title, meant[0].path),),
                fix=_rewritten(variable, host, meant[0]) if len(meant) == 1 else None,
            )


def _hosts(variable: Variable) -> Iterator[tuple[str, str | None, int | None]]:
    """Yield the hosts of one or two words that a variable has, with the port if there is one."""
    for match in _NAME.finditer(variable.value):
        yield match[1], match[2], int(match[3])
    if _HOST_ALONE.fullmatch(variable.name):
        yield variable.value, None, None


def _rewritten(variable: Variable, host: str, service: _Service) -> Fix | None:
    """Return the edit of the spec that has the Service's name in place of `host`."""
    if not isinstance(variable.owner, App) or variable.value.count(host) != 1:
        return None
    value = variable.value.replace(host, service.dns_name)
    return Fix(f"write {service.dns_name} for {host}", (SetValue(variable.path, value),))


@rule(
    "WKL019",
    "another-workload-at-localhost",
    severity=Severity.WARNING,
    summary="A workload looks for another one at localhost.",
    rationale="""On one machine, programs find each other at localhost. In Kubernetes localhost is the pod
        itself, and nothing but this one program is in it.""",
    source="Kubernetes docs, Services, Load Balancing, and Networking: the Kubernetes network model",
    bad=Example(
        """
        workloads:
          chat: {type: deployment, image: "nginx:1.29.1", env: {OLLAMA_BASE_URL: "http://localhost:11434"}}
        """,
        at=SpecPath.of("workloads", "chat", "env", "OLLAMA_BASE_URL"),
    ),
    good="""
        workloads:
          chat:
            type: deployment
            image: nginx:1.29.1
            port: 11434
            env: {OLLAMA_BASE_URL: "http://localhost:11434"}
    """,
)
def another_workload_at_localhost(cluster: Cluster) -> Iterable[Finding]:
    by_port: dict[int, list[_Service]] = defaultdict(list)
    for service in _services(cluster):
        for port in service.ports:
            by_port[port].append(service)
    for variable in find_variables(cluster):
        if not isinstance(app := variable.owner, App):
            continue  # several containers of a pod may find each other there
        own = {endpoint.service.port for endpoint in app.endpoints}
        text = f"{variable.name}={variable.value}".lower()
        for match in _LOOPBACK.finditer(variable.value):
            host, port = match[1], int(match[2])
            # A program may have a part that listens there: only one that is called by its name is meant.
            others = by_port.get(port, []) if port not in own else []
            meant = next((one for one in others if any(word in text for word in one.words)), None)
            if meant is not None:
                yield Finding(
                    f"{variable.whose} looks for {meant.title} at {host}, which is its own pod",
                    variable.path,
                    f"write {meant.dns_name}:{port}",
                    related=(Related(meant.title, meant.path),),
                    fix=_rewritten(variable, host, meant),
                )


# What is said of a secret, or stands for one that there is not.
_NO_SECRET = frozenset(
    (
        *("true", "false", "yes", "no", "on", "off", "none", "null", "empty", "enabled", "disabled"),
        *("optional", "required", "anonymous"),
    )
)
_PLACEHOLDER = re.compile(r"\$\(|\$\{|\$__|\{\{|<|^[a-z][a-z0-9+-]*:/|^(?:file|vault):")
# What browsers are given; and keys of one's own, where clients have others that nobody checks.
_PUBLIC = re.compile(r".*PUBLI(?:C|SHABLE)_.*|VITE_.*|REACT_APP_.*")
_OWN_KEY = re.compile(r".*(?:SECRET|ENCRYPTION|MASTER|PRIVATE|SIGNING)_?KEY")
_OF_KUBERNETES = re.compile(r"(?:.*_)?(?:TLS|PULL|CERT|CERTIFICATE)_SECRET")


@rule(
    "WKL020",
    "secret-in-a-variable",
    severity=Severity.WARNING,
    summary="A variable that is called like a secret has its value in plain text.",
    rationale="""The spec and manifests are committed, and a flake copies them to the Nix store, which
        everybody on a machine can read. In the sops file the value is for control planes and people only.""",
    source="Kubernetes docs, Good practices for Kubernetes Secrets; docs/decisions/0009-secrets-in-pods.md",
    bad=Example(
        """
        workloads:
          db: {type: deployment, image: "postgres:17.6", env: {POSTGRES_PASSWORD: hunter2}}
        """,
        at=SpecPath.of("workloads", "db", "env", "POSTGRES_PASSWORD"),
    ),
    good="""
        workloads:
          db: {type: deployment, image: "postgres:17.6", env: {POSTGRES_PASSWORD: {secret: db/password}}}
    """,
)
def secret_in_a_variable(cluster: Cluster) -> Iterable[Finding]:
    inventory = cluster.inventory
    for variable in find_variables(cluster):
        if not _is_secret(variable.name, variable.value):
            continue
        # Some name a Secret of Kubernetes, perhaps with its namespace.
        namespace, _, named = variable.value.rpartition("/")
        if named in inventory.named("", "Secret", namespace or variable.namespace):
            continue
        hint = "take it from a Secret, with valueFrom; if it is committed, change it"
        if isinstance(variable.owner, App):
            key = f"{variable.owner.name}/{variable.name.lower().replace('_', '-')}"
            hint = (
                f"write {{secret: {key}}}, and `hybridlab secrets set {key}`; if it is committed, change it"
            )
        yield Finding(
            f"{variable.whose} has the value of {variable.name} in the open",
            variable.name_path,
            hint,
            on_key=isinstance(variable.owner, App),
        )


def _is_secret(name: str, value: str) -> bool:
    if not is_secret_by_name(name) or _OF_KUBERNETES.fullmatch(name) or _PUBLIC.fullmatch(name):
        return False
    value = value.strip()
    if not value or value.lower() in _NO_SECRET or value.isdecimal() or value.startswith("/"):
        return False
    if _PLACEHOLDER.search(value):
        return False
    if name.endswith(("KEY", "TOKEN")) and not _OWN_KEY.fullmatch(name):
        # Who needs none gives clients any word.
        return len(value) >= 12 and any(map(str.isdecimal, value))
    return True

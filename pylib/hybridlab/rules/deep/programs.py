"""Programs of NixOS that take a port which the cluster has on the machine, as far as options tell of them."""

from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.listeners import Listeners
from hybridlab.rules.deep.rule import Difference, Example, Seen, deep_rule
from hybridlab.rules.ports import port_taken

_WORKER = SpecPath.of("guests", "k8s-worker-1")


@frozen
class _Program:
    """A service of NixOS: what switches it on, and the options or defaults of the ports that it takes."""

    enable: str
    name: str
    ports: tuple[str | int, ...]
    protocols: tuple[str, ...] = ("tcp",)


# Read in nixpkgs' nixos/modules at 26.05 (2026-11-29). Those that homelabs have beside a node, and whose port
# is an option or fixed; of what else listens, no option tells.
_PROGRAMS = (
    _Program("services.ollama.enable", "Ollama", ("services.ollama.port",)),
    _Program(
        "services.prometheus.exporters.node.enable",
        "the node exporter",
        ("services.prometheus.exporters.node.port",),
    ),
    _Program("services.prometheus.enable", "Prometheus", ("services.prometheus.port",)),
    _Program("services.grafana.enable", "Grafana", ("services.grafana.settings.server.http_port",)),
    _Program(
        "services.nginx.enable",
        "nginx",
        ("services.nginx.defaultHTTPListenPort", "services.nginx.defaultSSLListenPort"),
    ),
    _Program("services.caddy.enable", "Caddy", (80, 443)),
    _Program("services.dockerRegistry.enable", "the registry", ("services.dockerRegistry.port",)),
    _Program(
        "services.home-assistant.enable",
        "Home Assistant",
        ("services.home-assistant.config.http.server_port",),
    ),
    _Program("services.gitea.enable", "Gitea", ("services.gitea.settings.server.HTTP_PORT",)),
    _Program("services.forgejo.enable", "Forgejo", ("services.forgejo.settings.server.HTTP_PORT",)),
    _Program("services.etcd.enable", "etcd", (2379, 2380)),
    _Program("services.dnsmasq.enable", "dnsmasq", (53,), ("tcp", "udp")),
    _Program("services.unbound.enable", "Unbound", (53,), ("tcp", "udp")),
)
_READS = tuple(
    option
    for program in _PROGRAMS
    for option in (program.enable, *(port for port in program.ports if isinstance(port, str)))
)


@deep_rule(
    "NIX136",
    "port-taken-by-module",
    summary="A service of NixOS takes a port that the cluster has on the machine.",
    rationale=port_taken.rationale,
    source="""nixpkgs, nixos/modules: the services' `port` options; model/listeners.py (what else has
        which port)""",
    reads=_READS,
    bad=Example(
        "k8s-worker-1",
        "services.prometheus.exporters.node = { enable = true; port = 10250; };",
        at=_WORKER / "kubernetes",
    ),
    good=Example(
        "k8s-worker-1", "services.prometheus.exporters.node.enable = true;", at=_WORKER / "kubernetes"
    ),
)
def port_taken_by_module(cluster: Cluster, machines: Sequence[Seen]) -> Iterable[Difference]:
    every = Listeners.of(cluster)
    for seen in machines:
        own = {service.path / "port" for service in seen.machine.services}
        taken = {(one.port, one.protocol.value): one for one in every.on(seen.machine) if one.path not in own}
        for program, port, option in _running(seen):
            for protocol in program.protocols:
                other = taken.get((port, protocol))
                # The control plane's own etcd is one of NixOS.
                if other is None or other.who.startswith(program.name):
                    continue
                yield Difference(
                    seen.machine,
                    f"{program.name} ({program.enable}) takes port {other.place}, which {other.who} has "
                    "there",
                    other.path,
                    "give it another port, or another machine",
                    seen.nixos.defined(option) or seen.nixos.defined(program.enable),
                    on_key=other.path[-1] not in ("port", "nodePort"),
                )


def _running(seen: Seen) -> Iterator[tuple[_Program, int, str]]:
    """Yield the programs that are on, with a port and the option that says it."""
    for program in _PROGRAMS:
        if seen.nixos.is_on(program.enable):
            for port in program.ports:
                number = seen.nixos.value(port) if isinstance(port, str) else port
                if isinstance(number, int):
                    yield program, number, port if isinstance(port, str) else program.enable

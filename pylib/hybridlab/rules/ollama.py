"""Ollama's own variables: it listens where its Service leads, and keeps its models in the folder for them."""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import PurePosixPath

from hybridlab.diagnostic import Related, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import Ollama
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.tables.ports import OLLAMA

_HOST_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]{1,9}))?")
_SCHEME_PORTS = {"http": 80, "https": 443}
# Where the folder of models is mounted, and the parent of where they are unless a variable says otherwise.
_KEPT = PurePosixPath("/root/.ollama")


@rule(
    "WKL021",
    "ollama-hears-nobody",
    summary="OLLAMA_HOST lets Ollama listen where its Service does not lead.",
    rationale="""In its image Ollama listens on all addresses, port 11434: there its Service leads, and there
        the kubelet asks whether it lives. On the loopback, or on another port, it hears nobody, and is
        restarted for ever.""",
    source="ollama/ollama, envconfig/config.go (Host), Dockerfile (OLLAMA_HOST=0.0.0.0:11434)",
    bad=Example(
        """
        workloads:
          ollama: {env: {OLLAMA_HOST: "127.0.0.1:11434"}}
        """,
        at=SpecPath.of("workloads", "ollama", "env", "OLLAMA_HOST"),
    ),
    good="""
        workloads:
          ollama: {env: {OLLAMA_HOST: "0.0.0.0"}}
    """,
)
def ollama_hears_nobody(cluster: Cluster) -> Iterable[Finding]:
    for workload in cluster.apps:
        value = workload.env.get("OLLAMA_HOST") if isinstance(workload, Ollama) else None
        if value is None or (listening := _listening(value)) is None:
            continue
        host, port = listening
        where = None
        if port != OLLAMA.port:
            where = f"port {port}, and its Service leads to {OLLAMA.port}"
        elif _is_loopback(host):
            where = "the loopback of its pod, where nobody reaches it"
        if where is not None:
            yield Finding(
                f"{workload} has Ollama listen on {where}",
                workload.path / "env" / "OLLAMA_HOST",
                "remove it: the image has 0.0.0.0:11434",
            )


def _listening(value: str) -> tuple[str, int] | None:
    """Return host and port as Ollama reads them, None for what it may read in another way."""
    scheme, separator, rest = value.strip().strip("\"'").rpartition("://")
    hostport = rest.partition("/")[0]
    default = _SCHEME_PORTS.get(scheme, OLLAMA.port) if separator else OLLAMA.port
    if hostport.count(":") > 1 and "[" not in hostport:  # an IPv6 address alone
        return hostport, default
    match = _HOST_PORT.fullmatch(hostport)
    if match is None:
        return None
    host = match["host"].strip("[]")
    # Nothing at all is the default of the program, not of its image.
    if not host and match["port"] is None:
        host = "127.0.0.1"
    return host, int(match["port"] or default)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@rule(
    "WKL022",
    "models-beside-their-folder",
    severity=Severity.WARNING,
    summary="OLLAMA_MODELS leads past the folder that is kept.",
    rationale="""`models` is mounted at /root/.ollama. What is elsewhere in the container is gone with it:
        each new pod fetches gigabytes again, into a layer on the node that nobody looks after.""",
    source="ollama/ollama, envconfig/config.go (Models)",
    bad=Example(
        """
        workloads:
          ollama: {env: {OLLAMA_MODELS: /models}}
        """,
        at=SpecPath.of("workloads", "ollama", "env", "OLLAMA_MODELS"),
    ),
    good="""
        workloads:
          ollama: {env: {OLLAMA_MODELS: /root/.ollama/large}}
    """,
)
def models_beside_their_folder(cluster: Cluster) -> Iterable[Finding]:
    for workload in cluster.apps:
        value = workload.env.get("OLLAMA_MODELS") if isinstance(workload, Ollama) else None
        if value and value.startswith("/") and not PurePosixPath(value).is_relative_to(_KEPT):
            yield Finding(
                f"{workload} keeps its models in {value} of its container, which is not kept",
                workload.path / "env" / "OLLAMA_MODELS",
                "remove it: `models` says which folder of the node they are in",
                related=(Related("the folder of the node", workload.path / "models"),),
            )

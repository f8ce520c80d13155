"""Containers that ask for a GPU, of workloads and of manifests: image and variables; it knows no rule."""

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host
from hybridlab.model.plain import is_true, items, mapping
from hybridlab.model.quantity import parse_quantity
from hybridlab.rules.gpu_nodes import offering
from hybridlab.tables.gpu import DEFAULT_RESOURCE

_OLLAMA = re.compile(r"(?:.*/)?ollama/ollama:(?P<tag>[^@]+)(?:@.*)?")
_VERSION = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?![0-9]).*")


@frozen
class OllamaImage:
    """An image of Ollama by its tag: with ROCm, or else with Vulkan; `version` is None where it is moved."""

    rocm: bool
    version: tuple[int, ...] | None


@frozen
class GpuContainer:
    """A container that may get a GPU of these hosts.

    `env` are its variables with their values and places, None for a value that is not known here;
    `more_env` is whether it has others, of which not even the names are known. Where it is `privileged`, it
    may open every device of the node.
    """

    who: str
    image: str
    image_path: SpecPath
    hosts: tuple[Host, ...]
    env: Mapping[str, tuple[str | None, SpecPath]]
    more_env: bool = False
    privileged: bool = False

    @property
    def ollama(self) -> OllamaImage | None:
        """What its image is, if it is one of Ollama's with a tag."""
        if (match := _OLLAMA.fullmatch(self.image)) is None:
            return None
        version = _VERSION.fullmatch(match["tag"])
        return OllamaImage(
            rocm=match["tag"].endswith("rocm"), version=version and tuple(map(int, version.groups()))
        )


def gpu_containers(cluster: Cluster) -> Iterator[GpuContainer]:
    """Yield the containers that ask for a GPU and find hosts that have some."""
    for app in cluster.apps:
        hosts = offering(cluster, app.pods[0])
        if app.gpus and hosts:
            path = app.path / "env"
            env: dict[str, tuple[str | None, SpecPath]] = {}
            for name, value in (*app.env.items(), *((name, None) for name in app.secret_env)):
                env[name] = (value, path / name)
            yield GpuContainer(str(app), app.image, app.path / "image", hosts, env, privileged=app.privileged)
    for template in cluster.templates:
        hosts = offering(cluster, template.pods)
        for container, at in template.containers if hosts else ():
            limits = mapping(mapping(container.get("resources")).get("limits"))
            if parse_quantity(limits.get(DEFAULT_RESOURCE)) and isinstance(container.get("image"), str):
                yield GpuContainer(
                    str(template.pods),
                    container["image"],
                    at / "image",
                    hosts,
                    dict(_written(container, at / "env")),
                    more_env=bool(container.get("envFrom")),
                    privileged=is_true(mapping(container.get("securityContext")).get("privileged")),
                )


def _written(
    container: Mapping[str, object], path: SpecPath
) -> Iterator[tuple[str, tuple[str | None, SpecPath]]]:
    for index, one in enumerate(map(mapping, items(container.get("env")))):
        value = one.get("value")
        if isinstance(name := one.get("name"), str):
            yield name, (value if isinstance(value, str) else None, path / index / "value")

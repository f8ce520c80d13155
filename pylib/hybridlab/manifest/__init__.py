"""Kubernetes objects as values, and their YAML: knows Kubernetes YAML and no clusters."""

from hybridlab.manifest.data import Json, KeyPath
from hybridlab.manifest.printer import print_manifest, print_yaml
from hybridlab.manifest.resource import Identity, Resource

__all__ = ["Identity", "Json", "KeyPath", "Resource", "print_manifest", "print_yaml"]

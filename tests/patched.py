"""Clusters that differ from a written one by a merge patch, loaded from text like any user's file."""

import yaml

from hybridlab import Cluster, Report, check, parse_spec, resolve
from hybridlab.rules.page import example_cluster
from hybridlab.spec.document import parse_document, to_data

# The host's GPU goes to a guest, so no workload has it.
GPU_FOR_A_GUEST = """
  hosts: {homelab: {gpu: {mode: passthrough, passthrough: {
    address: "0000:c4:00.0", ids: ["1002:1900"], guest: k8s-worker-1}}}}
  workloads: null
"""


def patched(patch: str, base: str | None = None) -> str:
    """Return the YAML text of `base` (by default the rules' example) with the merge patch `patch` on it."""
    text = example_cluster() if base is None else base
    data = _merge(_data(text), _data(patch) if patch else {})
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def cluster(patch: str, base: str | None = None, *, manifest: str | None = None) -> Cluster:
    """Return the patched cluster; `manifest` is what `app.yaml` holds in its folder `own`."""
    folders = {} if manifest is None else {"own": {"app.yaml": manifest.encode()}}
    return resolve(parse_spec(patched(patch, base), folders=folders))


def report(patch: str, base: str | None = None, *, manifest: str | None = None) -> Report:
    return check(cluster(patch, base, manifest=manifest))


def codes(patch: str, base: str | None = None) -> list[str]:
    return [diagnostic.code for diagnostic in report(patch, base)]


def _data(text: str) -> object:
    return to_data(parse_document(text, name="patch").root)


def _merge(target: object, patch: object) -> object:
    """Apply a JSON merge patch (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged

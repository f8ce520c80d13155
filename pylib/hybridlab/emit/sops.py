"""`.sops.yaml`: who can read the secrets, as sops wants to be told before it encrypts."""

import re
from collections.abc import Iterator

from hybridlab.emit.file import GeneratedFile
from hybridlab.emit.header import HEADER
from hybridlab.manifest import print_yaml
from hybridlab.manifest.data import Json, KeyPath
from hybridlab.model.cluster import Cluster


def emit_sops(cluster: Cluster) -> Iterator[GeneratedFile]:
    """Yield the creation rule of the cluster's sops file: all recipients of the spec, each with its name."""
    if cluster.secrets is None:
        return
    recipients = cluster.secrets.recipients
    rule: dict[str, Json] = {
        "path_regex": f"^{re.escape(cluster.secrets.file)}$",
        "key_groups": [{"age": list(recipients.values())}],
    }
    at: KeyPath = ("creation_rules", 0, "key_groups", 0, "age")
    comments = {(*at, index): name for index, name in enumerate(recipients)}
    yield GeneratedFile(
        ".sops.yaml", print_yaml({"creation_rules": [rule]}, header=HEADER, comments=comments)
    )

"""`.sops.yaml`: who can read the secrets, as sops wants to be told before it encrypts."""

import re
from collections.abc import Iterator

from hybridlab.emit.file import GeneratedFile
from hybridlab.emit.header import HEADER
from hybridlab.manifest import print_yaml
from hybridlab.manifest.data import Json, KeyPath
from hybridlab.model.cluster import Cluster


def emit_sops(cluster: Cluster) -> Iterator[GeneratedFile]:
    """Yield the creation rules of the cluster's sops files: who can read each, with names."""
    if cluster.secrets is None:
        return
    rules: list[Json] = []
    comments: dict[KeyPath, str] = {}
    for number, (file, recipients) in enumerate(cluster.secrets.files.items()):
        rules.append(
            {"path_regex": f"^{re.escape(file)}$", "key_groups": [{"age": list(recipients.values())}]}
        )
        at: KeyPath = ("creation_rules", number, "key_groups", 0, "age")
        comments |= {(*at, index): name for index, name in enumerate(recipients)}
    yield GeneratedFile(".sops.yaml", print_yaml({"creation_rules": rules}, header=HEADER, comments=comments))

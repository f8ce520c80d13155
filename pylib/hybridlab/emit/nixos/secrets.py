"""`secrets.nix`: which secrets a machine decrypts; never what is in them."""

from pathlib import PurePosixPath

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Machine
from hybridlab.nixlang import Commented, NixPath
from hybridlab.nixlang.build import Options

# From modules/generated/<machine>/ up to the folder of the spec.
_ROOT = PurePosixPath("../../..")


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return the sops file, and the join token on members of the Kubernetes cluster."""
    if cluster.secrets is None or cluster.kubernetes is None or machine.membership is None:
        return ()
    token = cluster.kubernetes.join_token
    role = "server" if machine.membership.is_control_plane else "client"
    return (
        {
            "sops": {
                "defaultSopsFile": Commented(
                    NixPath(str(_ROOT / cluster.secrets.file)), "encrypted, so it may lie in the store"
                ),
                "secrets": {token: {"restartUnits": ["hybridlab-join-token.service"]}},
            }
        },
        {"hybridlab": {"joinToken": {"enable": True, "role": role, "file": f"/run/secrets/{token}"}}},
    )

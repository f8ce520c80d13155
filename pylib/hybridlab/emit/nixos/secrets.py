"""`secrets.nix`: which secrets a machine decrypts; never what is in them."""

from pathlib import PurePosixPath

from hybridlab.model.cluster import Cluster, GuestKeys
from hybridlab.model.delivery import DECRYPTED, MICROVM_USER, guest_key, pod_secret
from hybridlab.model.node import Machine
from hybridlab.nixlang import Commented, NixPath
from hybridlab.nixlang.build import Options

# From modules/generated/<machine>/ up to the folder of the spec.
_ROOT = PurePosixPath("../../..")


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return what the machine decrypts: the join token on a node, on a host the keys of its guests, and on a
    control plane what it brings to pods.
    """
    if cluster.secrets is None:
        return ()
    groups: list[Options] = []
    keys = cluster.guest_keys.get(machine.name)
    secrets = {} if keys is None else _guest_keys(keys)
    file: dict[str, object] = {}
    if keys is not None:
        file["useSystemdActivation"] = Commented(True, "as a unit, for which the guests wait")
    member = machine.membership
    if cluster.kubernetes is not None and member is not None:
        token = cluster.kubernetes.join_token
        role = "server" if member.is_control_plane else "client"
        file["defaultSopsFile"] = Commented(
            NixPath(str(_ROOT / cluster.secrets.file)), "encrypted, so it may lie in the store"
        )
        secrets[token] = {"restartUnits": ["hybridlab-join-token.service"]}
        groups.append(
            {"hybridlab": {"joinToken": {"enable": True, "role": role, "file": f"{DECRYPTED}/{token}"}}}
        )
        if member.is_control_plane:
            secrets |= _pod_secrets(cluster)
            groups.append({"hybridlab": {"podSecrets": _brought(cluster)}})
    return ({"sops": {**file, "secrets": secrets}}, *groups) if secrets else ()


def _guest_keys(keys: GuestKeys) -> dict[str, object]:
    return {
        guest_key(guest): {
            "sopsFile": NixPath(str(_ROOT / keys.file)),
            "owner": Commented(MICROVM_USER, "its hypervisor hands the key over"),
            "restartUnits": [f"microvm@{guest}.service"],
        }
        for guest in keys.guests
    }


def _pod_secrets(cluster: Cluster) -> dict[str, object]:
    assert cluster.secrets is not None
    if cluster.secrets.of_workloads is None:
        return {}
    file = NixPath(str(_ROOT / cluster.secrets.of_workloads.file))
    return {
        pod_secret(app.name, use): {
            "sopsFile": file,
            "key": use.key,
            "restartUnits": ["hybridlab-pod-secrets.service"],
        }
        for app in cluster.apps
        for use in app.secrets
    }


def _brought(cluster: Cluster) -> dict[str, object]:
    """Return what the control plane brings into the cluster."""
    settings: dict[str, object] = {
        "enable": Commented(True, "also with nothing to bring: what the spec no longer has is taken away"),
        "cluster": cluster.name,
    }
    brought = {
        app.name: {
            "namespace": app.namespace,
            "files": {use.data_key: f"{DECRYPTED}/{pod_secret(app.name, use)}" for use in app.secrets},
        }
        for app in cluster.apps
        if app.secrets
    }
    return settings | {"secrets": brought} if brought else settings

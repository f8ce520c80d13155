"""A lab with a real API server and a flake, in which nothing drifts."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

import hybridlab
from hybridlab import Cluster
from hybridlab.live.drift import Drift
from hybridlab.live.kubectl import Kubectl
from hybridlab.live.paths import ADMIN_KUBECONFIG
from hybridlab.live.status import Folders, live_drift
from hybridlab.model.node import Host
from kubernetes.control_plane import Api, api_server
from live.standin.lab import Lab, Played, lab
from live.standin.machine import Link
from live.standin.plays_generations import store_path
from live.standin.plays_units import running
from nix.flakes import REPOSITORY
from patched import patched
from programs import need_program

HOST, MASTER, WORKER, OTHER = "homelab", "k8s-master", "k8s-worker-1", "k8s-worker-2"
# The API server listens on 127.0.0.1, so that is where the control plane is.
ON_LOOPBACK = """
  networks: {vlans: {services: {cidr: 127.0.0.0/24, gateway: 127.0.0.254}}}
  hosts: {homelab: {addresses: {services: 127.0.0.5}}}
  guests: {k8s-master: {address: 127.0.0.1}, k8s-worker-1: {address: 127.0.0.11},
           k8s-worker-2: {address: 127.0.0.12}}
"""
# Where microvm.nix keeps guests.
MICROVMS = "/var/lib/microvms"


@frozen
class World:
    """A lab where nothing drifts, with its API server and its flake."""

    lab: Lab
    api: Api
    cluster: Cluster
    folder: Path

    def drift(self, *, build: bool = False) -> tuple[Drift, ...]:
        folders = Folders(self.folder, self.folder / "k8s")
        return live_drift(self.cluster, folders, self.lab.ssh, build=build, say=lambda _: None)

    def machine(self, name: str) -> Played:
        return self.lab.machine(name)

    def patch_node(self, name: str, patch: Any, *, status: bool = False, by: str = "somebody") -> None:
        path = f"/api/v1/nodes/{name}{'/status' * status}?fieldManager={by}"
        self.api.request("PATCH", path, patch, "application/strategic-merge-patch+json")


def run_guests(played: Played, host: Host) -> None:
    """Let a host run its guests, as they are now."""
    with played.changing() as state:
        for guest in host.guests:
            state["units"][f"microvm@{guest.name}.service"] = running(f"MicroVM '{guest.name}'")
    for guest in host.guests:
        runner = Link(f"/nix/store/{'r' * 32}-microvm-qemu-{guest.name}")
        links = {"current": runner, "booted": runner, "toplevel": Link(store_path(guest.name, "first"))}
        for name, link in links.items():
            played.write(f"{MICROVMS}/{guest.name}/{name}", link)


def add_node(api: Api, cluster: Cluster, name: str) -> None:
    """Let a node join, as its kubelet does."""
    node = next(node for node in cluster.nodes if node.name == name)
    taints = [{"key": t.key, "value": t.value, "effect": t.effect} for t in node.membership.registered_taints]
    one = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": dict(node.membership.labels)},
        "spec": {"taints": taints},
    }
    api.request("POST", "/api/v1/nodes?fieldManager=kubelet", one)
    status = {
        "addresses": [{"type": "InternalIP", "address": str(node.address)}],
        "nodeInfo": {"kubeletVersion": "v1.36.2"},
    }
    path = f"/api/v1/nodes/{name}/status?fieldManager=kubelet"
    api.request("PATCH", path, {"status": status}, "application/strategic-merge-patch+json")


def install_kubectl(played: Played, api: Api) -> None:
    """Give a control plane a real kubectl, and the kubeconfig that NixOS makes, with its files."""
    program = Path(need_program("kubectl"))
    link = played.root / "standin/bin/kubectl"
    link.unlink(missing_ok=True)
    link.symlink_to(program) if program.is_relative_to("/usr") else shutil.copy(program, link)
    config = json.loads(api.kubeconfig.read_text())
    folder = "/var/lib/kubernetes/secrets"
    [entry], [user] = config["clusters"], config["users"]
    inside = f"https://kubernetes:{api.url.rpartition(':')[2]}"
    entry["cluster"] = {"server": inside, "certificate-authority": f"{folder}/ca.pem"}
    played.write("/etc/hosts", "127.0.0.1 kubernetes\n")
    user["user"] |= {"client-certificate": f"{folder}/admin.pem", "client-key": f"{folder}/admin-key.pem"}
    played.write(ADMIN_KUBECONFIG, json.dumps(config))
    # It signed its certificate itself, and appended what it signed with.
    played.write(f"{folder}/ca.pem", (api.kubeconfig.parent / "certificates/apiserver.crt").read_text())
    key = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    key += ["-subj", "/CN=admin", "-keyout", "/dev/stdout", "-out", "/dev/stdout"]
    pair = subprocess.run(key, check=True, capture_output=True, text=True, timeout=30).stdout
    begin = "-----BEGIN CERTIFICATE-----"
    private, _, certificate = pair.partition(begin)
    played.write(f"{folder}/admin-key.pem", private)
    played.write(f"{folder}/admin.pem", begin + certificate)


def write_flake(folder: Path, system: str) -> None:
    """Let the flake make this system of the host: a flake without inputs, so that Nix needs nobody."""
    outputs = f'nixosConfigurations.{HOST}.config.system.build.toplevel.outPath = "{system}";'
    (folder / "flake.nix").write_text(f"{{ outputs = _: {{ {outputs} }}; }}\n")


@contextlib.contextmanager
def make_world(tmp: Path) -> Iterator[World]:
    """Make it in a folder; skip the test without kubectl or an API server."""
    for name in ("server", "flake"):
        (tmp / name).mkdir()
    spec = tmp / "flake/cluster.yaml"
    spec.write_text(patched(ON_LOOPBACK, (REPOSITORY / "cluster.yaml").read_text()))
    base = hybridlab.resolve(hybridlab.load_spec(spec))
    path = os.pathsep.join([str(Path(need_program("kubectl")).parent), os.environ["PATH"]])
    with pytest.MonkeyPatch.context() as patch, api_server(tmp / "server") as api:
        patch.setenv("PATH", path)
        port = int(api.url.rpartition(":")[2])
        flows = (evolve(f, port=port) if f.service == "Kubernetes API server" else f for f in base.flows)
        cluster = evolve(base, flows=tuple(flows))
        with lab(cluster, tmp / "lab") as machines:
            [host] = cluster.hosts
            run_guests(machines.machine(HOST), host)
            install_kubectl(machines.machine(MASTER), api)
            for node in cluster.nodes:
                add_node(api, cluster, node.name)
            hybridlab.apply(hybridlab.plan(hybridlab.emit_all(base), tmp / "flake"))
            Kubectl(kubeconfig=api.kubeconfig).apply(tmp / "flake/k8s")
            write_flake(tmp / "flake", store_path(HOST, "first"))
            yield World(machines, api, cluster, tmp / "flake")

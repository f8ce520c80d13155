"""What workloads mount of their node: folders, which a socket is not."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from hybridlab.diagnostic import SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.rules.rule import Example, Finding, rule

_OF_CONTAINERS = ("docker.sock", "podman.sock")


@rule(
    "WKL023",
    "socket-as-a-folder",
    summary="A workload mounts a socket of its node, and volumes are folders.",
    rationale="""The kubelet makes the folder where there is none, so that the program finds a folder in place
        of the socket; where the socket is, it refuses the pod. Docker's is on no node: containers are run by
        containerd.""",
    source="Kubernetes docs, Volumes, hostPath: DirectoryOrCreate; louislam/uptime-kuma#3514",
    bad=Example(
        """
        workloads:
          kuma:
            type: deployment
            image: louislam/uptime-kuma:1.23.16
            volumes: {/var/run/docker.sock: /var/run/docker.sock}
        """,
        at=SpecPath.of("workloads", "kuma", "volumes", "/var/run/docker.sock"),
    ),
    good="""
        workloads:
          kuma: {type: deployment, image: "louislam/uptime-kuma:1.23.16", volumes: {/app/data: /var/lib/kuma}}
    """,
)
def socket_as_a_folder(cluster: Cluster) -> Iterable[Finding]:
    for app in cluster.apps:
        for folder, path in app.folders:
            name = PurePosixPath(folder).name
            if name.endswith(".sock"):
                docker = name in _OF_CONTAINERS
                yield Finding(
                    f"{app} mounts {folder}, a socket{' that no node has' if docker else ''}, as a folder",
                    path,
                    "remove it: containers are run by containerd, and the API server says what runs"
                    if docker
                    else "mount the folder that it is in, or write a manifest of your own",
                )

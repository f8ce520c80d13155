"""Deploy hosts one after the other with nixos-rebuild; what stands in the flake is not known here.

A guest has no deployment of its own: its configuration is part of its host's system, which (re)starts it.
"""

import shutil
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from attrs import frozen

from hybridlab.errors import LiveError
from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Host, host_of
from hybridlab.spec.scalars import Address

_PROGRAM = "nixos-rebuild"


@frozen
class Deployment:
    """A host to deploy, with its guests, and the address at which ssh reaches it."""

    host: Host
    address: Address

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command, to be run in the flake's folder.

        Root logs in by key alone (the generated `users.nix`), so nothing asks for a password. The flake is
        `.` because a folder's name may hold what a flake reference reads as something else.
        """
        # nixos-rebuild hands an IPv6 address to both ssh and Nix, and takes it in brackets.
        address = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return (
            _PROGRAM,
            "switch",
            "--flake",
            f".#{self.host.name}",
            "--target-host",
            f"root@{address}",
        )


@frozen
class Deployed:
    """nixos-rebuild ended well."""

    deployment: Deployment


@frozen
class Failed:
    """nixos-rebuild ended with this exit status, or by a signal if it is negative."""

    deployment: Deployment
    status: int


Outcome = Deployed | Failed


def plan_deployments(cluster: Cluster, machines: Collection[str] = ()) -> tuple[Deployment, ...]:
    """Return the hosts to deploy, by name, for these machines of the cluster (none: for all).

    Raises: LiveError for a host without an address that the admin may log in at.
    """
    hosts = {host_of(machine) for machine in cluster.machines if not machines or machine.name in machines}
    return tuple(_deployment(cluster, host) for host in cluster.hosts if host.name in hosts)


def _deployment(cluster: Cluster, host: Host) -> Deployment:
    legs = {leg.vlan.name: leg for leg in host.legs}
    for vlan in cluster.admin.vlans:
        if vlan.name in legs:
            return Deployment(host, legs[vlan.name].address)
    allowed = ", ".join(vlan.name for vlan in cluster.admin.vlans) or "none"
    raise LiveError(f"{host} has no address in a VLAN from which the admin may log in ({allowed})")


def check_ready(folder: Path) -> None:
    """Raise LiveError if this machine can not deploy the flake in `folder`."""
    if not (folder / "flake.nix").is_file():
        raise LiveError(f"there is no flake.nix in {folder}, and the machines' configurations come from it")
    if shutil.which(_PROGRAM) is None:
        raise LiveError(
            f"{_PROGRAM} is not installed: run this in `nix develop`, or install the package "
            f"nixos-rebuild-ng of nixpkgs"
        )


def deploy(
    deployments: Iterable[Deployment], folder: Path, on_start: Callable[[Deployment], object]
) -> Iterator[Outcome]:
    """Deploy in order from the flake in `folder`, and yield how each went; end after the first that fails.

    `on_start` hears of each before it begins. What nixos-rebuild says goes to standard error. Raises:
    LiveError if it can not be started.
    """
    for deployment in deployments:
        on_start(deployment)
        status = _run(deployment.arguments, folder)
        if status:
            yield Failed(deployment, status)
            return
        yield Deployed(deployment)


def _run(arguments: tuple[str, ...], folder: Path) -> int:
    try:
        process = subprocess.Popen(arguments, cwd=folder, stdout=2)
    except OSError as error:
        raise LiveError(f"can not run {_PROGRAM}: {error.strerror}") from error
    with process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal interrupts nixos-rebuild too, which then tidies up on the machine.
            process.wait()
            raise

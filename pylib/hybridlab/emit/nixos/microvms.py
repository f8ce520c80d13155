"""`microvms.nix`: the guests that a host runs; their configurations are put in by the flake."""

from hybridlab.model.cluster import Cluster
from hybridlab.model.node import Guest, Machine
from hybridlab.nixlang import Commented
from hybridlab.nixlang.build import Options


def options(cluster: Cluster, machine: Machine) -> tuple[Options, ...]:
    """Return `microvm.vms` of a host."""
    if isinstance(machine, Guest) or not machine.guests:
        return ()
    settings = {"autostart": True, "restartIfChanged": True}
    vms = {guest.name: settings for guest in machine.guests}
    comment = "deploying the host deploys its guests: the flake gives each its nixosConfiguration"
    return ({"microvm": {"vms": Commented(vms, comment)}},)

"""What a host says that a switch would do, and which guests and nodes that concerns."""

import pytest

from hybridlab import load_spec, resolve
from hybridlab.live.switching import Changes, disturbed_nodes, parse_changes, restarted_guests
from hybridlab.model.node import Host
from nix.flakes import REPOSITORY

# As switch-to-configuration-ng prints it, with what activation scripts print in between.
SAID = """\
would stop the following units: kubelet.service, microvm@k8s-worker-1.service
would NOT stop the following changed units: systemd-journald.service
would activate the configuration...
setting up /etc...
would reload the following units: nftables.service
would restart the following units: sshd.service, systemd-networkd.service
would start the following units: kubelet.service, microvm@k8s-worker-1.service
"""


@pytest.fixture(scope="module")
def host() -> Host:
    [only] = resolve(load_spec(REPOSITORY / "cluster.yaml")).hosts
    return only


def test_each_kind_of_change_is_read() -> None:
    assert parse_changes(SAID) == Changes(
        stops=("kubelet.service", "microvm@k8s-worker-1.service"),
        restarts=("sshd.service", "systemd-networkd.service"),
        reloads=("nftables.service",),
        starts=("kubelet.service", "microvm@k8s-worker-1.service"),
    )


def test_nothing_said_is_no_change() -> None:
    assert parse_changes("would activate the configuration...\n") == Changes()


def test_a_guest_restarts_with_its_unit(host: Host) -> None:
    assert restarted_guests(parse_changes(SAID), host) == ("k8s-worker-1",)


@pytest.mark.parametrize(
    ("changes", "nodes"),
    [
        (parse_changes(SAID), ("homelab", "k8s-worker-1")),
        (Changes(restarts=("containerd.service",)), ("homelab",)),
        (Changes(starts=("microvm@k8s-master.service",)), ("k8s-master",)),
        (Changes(reloads=("nftables.service",), restarts=("sshd.service",)), ()),
        (Changes(starts=("kubelet.service",)), ()),
        (Changes(stops=("microvm@stranger.service",)), ()),
    ],
)
def test_nodes_are_disturbed_with_what_their_pods_need(
    host: Host, changes: Changes, nodes: tuple[str, ...]
) -> None:
    assert disturbed_nodes(changes, host) == nodes

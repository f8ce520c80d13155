"""Which hosts are deployed, by which commands, and what becomes of the others when one fails.

The program nixos-rebuild is a stand-in that writes down how it was called: a real deployment needs a machine.
"""

import json
import os
import sys
from pathlib import Path

import pytest

from hybridlab import Cluster, LiveError, parse_spec, resolve
from hybridlab.live.deploy import Deployed, Failed, check_ready, deploy, plan_deployments

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUcE0v3cGzpl0ZKeTzyTMVUHPVUhiLqBeHTMFOG1gcS"
SPEC = f"""
apiVersion: hybridlab/v1
name: lab
nixos: {{release: "26.05", stateVersion: "26.05"}}
admin: {{user: admin, sshKeys: [{KEY}], sshFrom: [mgmt, six]}}
networks:
  vlans:
    apps: {{id: 20, cidr: 10.0.20.0/24}}
    mgmt: {{id: 10, cidr: 10.0.10.0/24}}
    six: {{id: 30, cidr: "fd00::/64"}}
hosts:
  beta: {{uplink: e0, addresses: {{apps: 10.0.20.2, mgmt: 10.0.10.2, six: "fd00::2"}}, cpus: 4, memory: 8GiB}}
  alpha: {{uplink: e0, addresses: {{apps: 10.0.20.1, six: "fd00::1"}}, cpus: 4, memory: 8GiB}}
guests:
  vm: {{host: beta, vlan: apps, address: 10.0.20.3, vcpus: 1, memory: 1GiB}}
"""


def cluster(spec: str = SPEC) -> Cluster:
    return resolve(parse_spec(spec))


def stand_in(folder: Path, *, failing: str = "") -> Path:
    """Put a nixos-rebuild into `folder` that records its calls in `calls`, and fails for one host."""
    program = folder / "nixos-rebuild"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        f"with open({str(folder / 'calls')!r}, 'a') as calls:\n"
        "    print(json.dumps([os.getcwd(), *sys.argv[1:]]), file=calls)\n"
        "print('building')\n"
        f"sys.exit(7 if '.#{failing}' in sys.argv else 0)\n"
    )
    program.chmod(0o755)
    return folder / "calls"


@pytest.mark.parametrize(
    ("machines", "hosts"),
    [
        ((), ["alpha", "beta"]),
        (("beta",), ["beta"]),
        (("vm",), ["beta"]),
        (("vm", "beta", "alpha"), ["alpha", "beta"]),
    ],
)
def test_hosts_come_in_order_and_with_their_guests(machines: tuple[str, ...], hosts: list[str]) -> None:
    assert [deployment.host.name for deployment in plan_deployments(cluster(), machines)] == hosts


def test_command_goes_to_the_first_vlan_of_the_admin() -> None:
    alpha, beta = plan_deployments(cluster())

    assert alpha.arguments[-1] == "root@[fd00::1]"
    assert beta.arguments == (
        "nixos-rebuild",
        "switch",
        "--flake",
        ".#beta",
        "--target-host",
        "root@10.0.10.2",
    )


def test_host_out_of_the_admins_reach() -> None:
    with pytest.raises(LiveError, match="host 'alpha' has no address in a VLAN from which the admin"):
        plan_deployments(cluster(SPEC.replace("[mgmt, six]", "[mgmt]")))


def test_all_succeed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    calls = stand_in(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    folder = tmp_path / "a #? folder"
    folder.mkdir()
    deployments = plan_deployments(cluster())
    started: list[str] = []

    outcomes = list(deploy(deployments, folder, lambda deployment: started.append(deployment.host.name)))

    assert outcomes == [Deployed(deployment) for deployment in deployments]
    assert started == ["alpha", "beta"]
    called = [json.loads(line) for line in calls.read_text().splitlines()]
    assert called == [[str(folder), *deployment.arguments[1:]] for deployment in deployments]
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "building\nbuilding\n")


def test_first_failure_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = stand_in(tmp_path, failing="alpha")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    deployments = plan_deployments(cluster())

    assert list(deploy(deployments, tmp_path, lambda _: None)) == [Failed(deployments[0], 7)]
    assert len(calls.read_text().splitlines()) == 1


def test_program_that_can_not_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LiveError, match="can not run nixos-rebuild"):
        list(deploy(plan_deployments(cluster()), tmp_path, lambda _: None))


def test_readiness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LiveError, match=r"no flake\.nix"):
        check_ready(tmp_path)
    (tmp_path / "flake.nix").touch()
    with pytest.raises(LiveError, match="nixos-rebuild is not installed"):
        check_ready(tmp_path)
    stand_in(tmp_path)
    check_ready(tmp_path)

"""What colmena and deploy-rs read of a flake: the hosts of the spec, with the very systems that it has.

The flake is the one of docs/other-deployers.md; of the tools there are stand-ins.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nix.flakes import REPOSITORY, SYSTEM, Nix, make_second_homelab, stage

pytestmark = pytest.mark.nix

_DEPLOY_NIX = REPOSITORY / "nix" / "deploy.nix"
_HOSTS = {
    "attic": ("192.168.7.10", ["control-plane", "hypervisor", "order-1"]),
    "cellar": ("192.168.7.11", ["hypervisor", "order-2", "worker"]),
}
_DRV_PATHS = "builtins.mapAttrs (_: toplevel: toplevel.drvPath)"
_OF_MACHINES = "builtins.mapAttrs (_: machine: machine.config.system.build.toplevel.drvPath)"


@pytest.fixture(scope="module")
def deployers(nix: Nix, repository: Path, stand_ins: Path) -> Nix:
    """Nix for a flake that has this one, colmena and deploy-rs as inputs."""
    tools = {
        "colmena": stand_ins / "colmena",
        "deploy-rs": stand_ins / "deploy-rs",
        "deploy-rs/nixpkgs": stand_ins / "nixpkgs",
    }
    below = nix.below("hybridlab", repository)
    return Nix(below.folder, {**below.inputs, **tools})


@pytest.fixture(scope="module")
def homelab(tmp_path_factory: pytest.TempPathFactory, stand_ins: Path) -> Path:
    """The second homelab, with the flake that the documentation shows."""
    folder = tmp_path_factory.mktemp("deployed") / "homelab"
    make_second_homelab(folder)
    page = REPOSITORY.joinpath("docs/other-deployers.md").read_text(encoding="utf-8")
    (flake,) = re.findall(r"```nix\n(\{\n.*?)```", page, re.DOTALL)
    folder.joinpath("flake.nix").write_text(flake, encoding="utf-8")
    stage(folder)
    return folder


@pytest.fixture(scope="module")
def systems(deployers: Nix, homelab: Path) -> dict[str, str]:
    """The derivation of each host's system."""
    found = deployers.eval(f"{homelab}#nixosConfigurations", "--apply", _OF_MACHINES)
    return {name: found[name] for name in _HOSTS}


def test_colmena_is_told_where_each_host_is_and_its_tags(deployers: Nix, homelab: Path) -> None:
    nodes = deployers.eval(f"{homelab}#colmenaHive.deploymentConfig")
    assert {name: (node["targetHost"], node["tags"]) for name, node in nodes.items()} == _HOSTS
    assert {node["targetUser"] for node in nodes.values()} == {"root"}


def test_colmena_builds_the_very_systems_of_the_flake(
    deployers: Nix, homelab: Path, systems: dict[str, str]
) -> None:
    assert deployers.eval(f"{homelab}#colmenaHive.toplevel", "--apply", _DRV_PATHS) == systems


def test_the_hive_is_made_of_the_plain_output(deployers: Nix, homelab: Path) -> None:
    """That is what a colmena reads which has no hive to read."""
    shape = "hive: with hive.meta; [ (builtins.attrNames hive) name nixpkgs.system ]"
    hive = deployers.eval(f"{homelab}#colmena", "--apply", shape)
    assert hive == [[*_HOSTS, "meta"], "farm", "x86_64-linux"]
    assert deployers.eval(f"{homelab}#colmenaHive.metaConfig.name") == "farm"


def test_deploy_rs_is_told_where_each_host_is(deployers: Nix, homelab: Path) -> None:
    """As deploy-rs asks: the whole output as JSON."""
    deploy = deployers.eval(f"{homelab}#deploy", "--apply", "deploy: deploy")
    nodes = deploy.pop("nodes")
    assert deploy == {"sshUser": "root", "user": "root"}
    assert {name: node["hostname"] for name, node in nodes.items()} == {
        name: address for name, (address, _) in _HOSTS.items()
    }
    for name, node in nodes.items():
        assert set(node) == {"hostname", "profiles", "profilesOrder"}
        assert node["profilesOrder"] == list(node["profiles"]) == ["system"]
        assert f"activatable-nixos-system-{name}" in node["profiles"]["system"]["path"]


def test_deploy_rs_activates_the_very_systems_of_the_flake(
    deployers: Nix, homelab: Path, systems: dict[str, str]
) -> None:
    wrapped = "builtins.mapAttrs (_: node: node.profiles.system.path.toplevel.drvPath)"
    assert deployers.eval(f"{homelab}#deploy.nodes", "--apply", wrapped) == systems


def test_the_flake_passes_its_check(deployers: Nix, homelab: Path) -> None:
    run = deployers.run("flake", "check", "--no-build", str(homelab))
    assert run.returncode == 0, run.stderr


def test_without_the_tools_only_the_plain_output_is_there(nix: Nix, repository: Path) -> None:
    run = nix.run("flake", "show", "--json", str(repository))
    assert run.returncode == 0, run.stderr
    assert {"colmena", "colmenaHive", "deploy"} & set(json.loads(run.stdout)) == {"colmena"}


def test_no_tool_gets_a_host_with_altered_files(deployers: Nix, tmp_path: Path, homelab: Path) -> None:
    folder = tmp_path / "homelab"
    make_second_homelab(folder)
    folder.joinpath("flake.nix").write_bytes(homelab.joinpath("flake.nix").read_bytes())
    with folder.joinpath("modules/generated/attic/users.nix").open("a", encoding="utf-8") as file:
        file.write("# mine\n")
    stage(folder)
    for output in ("colmenaHive.toplevel.attic", "deploy.nodes.attic.profiles.system.path"):
        run = deployers.run("eval", f"{folder}#{output}.drvPath")
        assert run.returncode != 0
        assert "attic/users.nix is not what hybridlab wrote" in run.stderr


def outputs(stand_ins: Path, machines: str, result: str) -> str:
    """Return an expression: what `result` makes of the outputs for these machines."""
    return f"""
      let
        outputs = import {_DEPLOY_NIX} {{
          nixpkgs = {{ outPath = {stand_ins}/nixpkgs; lib = import {stand_ins}/nixpkgs/lib.nix; }};
          constants = {{ name = "farm"; nixos.system = "{SYSTEM}"; machines = {machines}; }};
          nixosConfigurations = {{ }};
          moduleOf = name: {{ }};
          specialArgs = {{ site = "here"; }};
          colmena = null;
          deploy-rs.lib.{SYSTEM}.activate.nixos = machine: machine;
        }};
      in
      {result}
    """


def value(nix: Nix, expression: str) -> Any:
    run = nix.expression(expression)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", ["defaults", "meta", "network"])
def test_a_name_of_colmena_s_own_is_refused_to_colmena_alone(nix: Nix, stand_ins: Path, name: str) -> None:
    machines = f'{{ {name}.deploy = {{ address = "10.0.0.1"; order = 1; tags = [ ]; }}; }}'
    others = "[ (builtins.attrNames outputs.colmena) (builtins.attrNames outputs.deploy.nodes) ]"
    assert value(nix, outputs(stand_ins, machines, others)) == [["meta"], [name]]
    run = nix.expression(outputs(stand_ins, machines, "outputs.colmena.meta.name"))
    assert f"colmena can deploy no host that is called {name}" in run.stderr


def test_a_host_out_of_reach_can_be_deployed_from_itself_alone(nix: Nix, stand_ins: Path) -> None:
    """To colmena a host without an address is one for `apply-local`; deploy-rs must have one."""
    machines = "{ a.deploy = { order = 1; tags = [ ]; }; }"
    assert value(nix, outputs(stand_ins, machines, "outputs.colmena.a.deployment.targetHost")) is None
    run = nix.expression(outputs(stand_ins, machines, "outputs.deploy.nodes.a.hostname"))
    assert "a has no address in a VLAN of the admin" in run.stderr


def test_arguments_of_the_user_s_modules_reach_colmena(nix: Nix, stand_ins: Path) -> None:
    """With the flake's library among them, which a system's version is taken from."""
    names = "builtins.attrNames outputs.colmena.meta.specialArgs"
    assert value(nix, outputs(stand_ins, "{ }", names)) == ["lib", "site"]

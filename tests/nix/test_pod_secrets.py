"""The list that modules/pod-secrets.nix writes for its script: what tests/kubernetes gives it by hand."""

import json
import re

import pytest

from nix.flakes import REPOSITORY, Nix

pytestmark = pytest.mark.nix

SECRETS = """
  app = { namespace = "one"; files = { B = "/run/secrets/b"; "a.b-c" = "/run/secrets/a@1"; }; };
  other = { namespace = "two"; files.KEY = "/run/secrets/k"; };
  without = { namespace = "two"; files = { }; };
"""
LINES = [
    "one\tapp\tB\t/run/secrets/b",
    "one\tapp\ta.b-c\t/run/secrets/a@1",
    "two\tother\tKEY\t/run/secrets/k",
]
COMMAND = r"\S+ /\S+-pod-secrets\.sh /etc/kubernetes/cluster-admin\.kubeconfig homelab pod-secrets\((.*)\)"


def evaluated(nix: Nix, podsecrets: str, expression: str) -> object:
    """Return what an expression on `config` is, on a control plane with this module alone."""
    run = nix.expression(f"""
        let
          lib = import {nix.inputs["nixpkgs"]}/lib.nix;
          system = lib.nixosSystem {{
            modules = [
              # Nobody builds the list: its text stands where its path would.
              ({{ config, lib, pkgs, ... }}: import {REPOSITORY}/modules/pod-secrets.nix {{
                inherit config lib;
                pkgs = pkgs // {{ writeText = name: text: "${{name}}(${{text}})"; }};
              }})
              {{
                nixpkgs.hostPlatform = "x86_64-linux";
                services.kubernetes.roles = [ "master" ];
                hybridlab.podSecrets = {{ {podsecrets} }};
              }}
            ];
          }};
          inherit (system) config;
        in
        {expression}
    """)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_the_script_is_given_a_line_for_each_key(nix: Nix) -> None:
    command = evaluated(
        nix,
        f'cluster = "homelab"; secrets = {{ {SECRETS} }};',
        "config.systemd.services.hybridlab-pod-secrets.serviceConfig.ExecStart",
    )
    found = re.fullmatch(COMMAND, str(command), re.DOTALL)
    assert found is not None, command
    assert found[1].splitlines() == LINES


@pytest.mark.parametrize(
    ("podsecrets", "there"),
    [
        ("", False),
        ('cluster = "homelab";', False),
        (f'cluster = "homelab"; secrets = {{ {SECRETS} }};', True),
        # To remove the last one.
        ('cluster = "homelab"; enable = true;', True),
    ],
)
def test_there_is_a_unit_where_there_is_something_to_do(nix: Nix, podsecrets: str, there: bool) -> None:
    assert evaluated(nix, podsecrets, "config.systemd.services ? hybridlab-pod-secrets") is there

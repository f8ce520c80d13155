"""The stand-in for nixpkgs is strict: what NixOS refuses for its shape must not pass here either."""

from pathlib import Path

import pytest

from nix.flakes import Nix

pytestmark = pytest.mark.nix

# A whole machine, so that only the module at hand can be wrong.
_MACHINE = """
with import STAND_IN/lib.nix;
let
  inherit
    (nixosSystem {
      modules = [
        {
          fileSystems."/".device = "/dev/disk/by-label/nixos";
          nixpkgs.hostPlatform = "x86_64-linux";
          system.stateVersion = "26.05";
        }
        (MODULE)
      ];
    })
    config
    ;
in
builtins.seq config.system.build.toplevel.drvPath (RESULT)
"""


def machine(stand_ins: Path, module: str, result: str = "true") -> str:
    """Return an expression: what `result` makes of a machine with a module, if that evaluates."""
    text = _MACHINE.replace("STAND_IN", str(stand_ins / "nixpkgs"))
    return text.replace("MODULE", module).replace("RESULT", result)


@pytest.mark.parametrize(
    ("module", "result"),
    [
        ("{ }", "true"),
        (
            '{ networking.nameservers = mkMerge [ [ "1.1.1.1" ] (mkIf false [ 1 ]) ]; }',
            'config.networking.nameservers == [ "1.1.1.1" ]',
        ),
        (
            '{ imports = [ { networking.hostName = mkDefault "a"; } { networking.hostName = "b"; } ]; }',
            'config.networking.hostName == "b"',
        ),
        (
            "{ imports = [ { documentation.enable = mkForce false; } { documentation.enable = true; } ]; }",
            "!config.documentation.enable",
        ),
        (
            "{ imports = [ { boot.kernel.sysctl.a = 1; } { boot.kernel.sysctl.a = mkOverride 60 2; } ]; }",
            "config.boot.kernel.sysctl.a == 2",
        ),
        (
            "{ config, ... }: { zramSwap.enable = mkIf (!config.services.resolved.enable) true; }",
            "config.zramSwap.enable",
        ),
        ('{ fileSystems = mkIf false { "/x".nonsense = 1; }; }', '!(config.fileSystems ? "/x")'),
        (
            '{ users.users.ada.extraGroups = mkMerge [ [ "a" ] [ "b" ] ]; }',
            'config.users.users.ada.extraGroups == [ "a" "b" ]',
        ),
    ],
)
def test_it_takes(nix: Nix, stand_ins: Path, module: str, result: str) -> None:
    run = nix.expression(machine(stand_ins, module, result))
    assert (run.returncode, run.stdout.strip()) == (0, "true"), run.stderr


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ('{ networking.hostname = "a"; }', "The option `networking.hostname' does not exist"),
        ('{ networking = mkIf false { hostname = "a"; }; }', "`networking.hostname' does not exist"),
        ("{ users.users.ada.groups = [ ]; }", "`users.users.ada.groups' does not exist"),
        ('{ networking.useDHCP = "no"; }', "`networking.useDHCP' is not of type `boolean'"),
        ('{ networking.nameservers = "1.1.1.1"; }', "`networking.nameservers' is not of type"),
        ("{ networking.nameservers = [ 1 ]; }", "`networking.nameservers.[0]' is not of type `string'"),
        ('{ networking.hostName = "-a"; }', "`networking.hostName' is not of type"),
        ('{ services.journald.storage = "disk"; }', "`services.journald.storage' is not of type"),
        (
            "{ networking.firewall.allowedUDPPorts = [ 65536 ]; }",
            "is not of type `integer between 0 and 65535'",
        ),
        ("{ networking = true; }", "`networking' is a set of options"),
        (
            '{ imports = [ { networking.hostName = "a"; } { networking.hostName = "b"; } ]; }',
            "conflicting definitions",
        ),
        (
            "{ imports = [ { boot.kernel.sysctl.a = 1; } { boot.kernel.sysctl.a = 1; } ]; }",
            "expected to be unique",
        ),
        (
            '{ services.kubernetes.roles = [ "node" ]; boot.kernel.sysctl."net.ipv4.ip_forward" = 1; }',
            "expected to be unique",
        ),
        (
            '{ networking.nftables.tables.a.content = ""; }',
            "`networking.nftables.tables.a.family' was accessed but has no value",
        ),
        ('{ system.stateVersion = mkForce "26"; }', "`system.stateVersion' is not of type"),
        ('{ assertions = [ { assertion = false; message = "it is broken"; } ]; }', "it is broken"),
        ("{ fileSystems = mkForce { }; }", "does not specify your root file system"),
        ('{ config = { }; networking.hostName = "a"; }', "unsupported attribute `networking'"),
        ('{ options.networking.hostName = { _type = "option"; }; }', "is declared twice"),
    ],
)
def test_it_refuses(nix: Nix, stand_ins: Path, module: str, reason: str) -> None:
    run = nix.expression(machine(stand_ins, module))
    assert run.returncode != 0
    assert reason in run.stderr

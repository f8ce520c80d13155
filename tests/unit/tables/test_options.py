"""The option table refuses what NixOS would refuse, and says what to write instead."""

from pathlib import PurePosixPath

import pytest

from hybridlab.tables.options import find, problem, problems, settings
from hybridlab.tables.options.kinds import (
    Attrs,
    AttrsOf,
    Bool,
    Either,
    Enum,
    Int,
    Json,
    Kind,
    ListOf,
    NullOr,
    PathName,
    Text,
    mismatch,
)
from hybridlab.tables.options.replaced import REPLACED

RELEASE = "26.05"
KUBERNETES = "services.kubernetes"


def said(path: str, value: object, release: str = RELEASE) -> str:
    return problem(release, path.split("."), value) or "nothing"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("networking.hostName", "k8s-master"),
        ("networking.hosts", {"10.0.20.10": ["k8s-master"]}),
        ("boot.kernelParams", ["iommu=pt", 'x="a b"']),
        ("sops.defaultSopsFile", PurePosixPath("../../../secrets/secrets.yaml")),
        ("microvm.vms.any-guest.autostart", True),
        ("microvm.vsock.cid", None),
        (f"{KUBERNETES}.kubelet.extraConfig", {"systemReserved": {"memory": "1Gi"}}),
        ("systemd.network.netdevs.10-br0.bridgeConfig", {"DefaultPVID": "none", "VLANFiltering": True}),
        ("hybridlab.firewall.openings", []),
    ],
)
def test_nothing_is_wrong(path: str, value: object) -> None:
    assert said(path, value) == "nothing"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("networking.hostName", "-a", "'-a' is not a string that matches"),
        ("networking.useDHCP", "no", "networking.useDHCP: 'no' is not a boolean"),
        (f"{KUBERNETES}.kubelet.clusterDns", "10.96.0.10", "'10.96.0.10' is not a list, each item a string"),
        (f"{KUBERNETES}.kubelet.extraOpts", ["--v=4"], "is not a string"),
        (f"{KUBERNETES}.roles", ["master", "worker"], "[1]: 'worker' is not one of master, node"),
        (f"{KUBERNETES}.kubelet.taints", {}, "is not in the option table"),
        ("boot.kernelParams", ["iommu=pt amd_iommu=on"], "[0]: 'iommu=pt amd_iommu=on' is not"),
        ("microvm.mem", True, "microvm.mem: True is not an integer from 1"),
        ("microvm.mem", 0, "0 is not an integer from 1"),
        (
            "microvm.volumes",
            [{"image": "state.img", "mountPoint": "/var/lib", "size": "20GiB"}],
            "[0].size: '20GiB' is not an integer",
        ),
        ("microvm.volumes", [{"image": "state.img", "size": 1}], "[0]: mountPoint is missing"),
        ("microvm.volumes", [{"image": "x", "mountPoint": None, "size": 1, "sice": 1}], "there is no sice"),
        (
            "systemd.network.netdevs.20-br0.10.vlanConfig",
            {"Id": 10},
            "systemd.network.netdevs.20-br0.10.vlanConfig is not in the option table",
        ),
        ("sops.secrets.x.sopsFile", "secrets.yaml", "'secrets.yaml' is not an absolute path"),
        # The file that declares it, to look it up.
        ("microvm.vcpu", "2", "(microvm.nix: nixos-modules/microvm/options.nix)"),
    ],
)
def test_what_is_wrong_is_said(path: str, value: object, reason: str) -> None:
    assert reason in said(path, value)


@pytest.mark.parametrize(
    ("path", "value", "instead"),
    [
        (
            f"{KUBERNETES}.addons.dns.coredns",
            {},
            "since 26.05; write services.kubernetes.addons.dns.corednsImage",
        ),
        (f"{KUBERNETES}.apiserver.address", "0.0.0.0", "write services.kubernetes.apiserver.bindAddress"),
        (f"{KUBERNETES}.kubelet.containerRuntime", "docker", "containerRuntimeEndpoint; containerd is"),
        ("hardware.opengl.enable", True, "hardware.opengl is gone since 24.11; write hardware.graphics"),
        ("services.openssh.passwordAuthentication", False, "settings.PasswordAuthentication"),
        # Also where it is a part of what is given.
        ("hardware", {"opengl": {"enable": True}}, "write hardware.graphics"),
        (
            "systemd.network.networks.20-br0.networkConfig",
            {"IPForward": "yes"},
            "networkConfig.IPv4Forwarding and IPv6Forwarding",
        ),
    ],
)
def test_what_is_gone_is_refused_with_what_to_write_instead(path: str, value: object, instead: str) -> None:
    assert instead in said(path, value)


def test_a_release_before_the_change_is_not_told_of_it() -> None:
    renamed = REPLACED[f"{KUBERNETES}.addons.dns.coredns"]
    assert not renamed.holds_for("25.11")
    assert renamed.holds_for("26.05")
    assert renamed.holds_for("26.11")


def test_a_release_that_was_not_read_is_refused() -> None:
    assert said("networking.hostName", "a", release="24.05") == (
        "no options of NixOS 24.05 are known, only of 25.11, 26.05"
    )


def test_a_name_may_hold_a_dot() -> None:
    option = find(("systemd", "network", "networks", "30-br0.10", "address"))
    assert option is not None
    assert option.path == "systemd.network.networks.<name>.address"
    assert find(("systemd", "network", "networks", "30-br0.10")) is None


def test_settings_are_found_in_nested_values() -> None:
    values = {
        "networking": {"hostName": "a", "hosts": {"10.0.0.1": ["a"]}},
        "sops": {"secrets": {"k8s/join-token": {"restartUnits": []}}},
        "networkin": {"hostName": "a"},
    }
    assert list(settings(values)) == [
        (("networking", "hostName"), "a"),
        (("networking", "hosts"), {"10.0.0.1": ["a"]}),
        (("sops", "secrets", "k8s/join-token", "restartUnits"), []),
        (("networkin",), {"hostName": "a"}),
    ]
    assert list(problems(RELEASE, values)) == ["networkin is not in the option table"]


def test_a_group_of_options_takes_no_value() -> None:
    assert list(problems(RELEASE, {"networking": True})) == ["networking is not in the option table"]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Bool(), [True, False], [0, 1, "true", None]),
        (Int(), [0, -1, 2**62], [True, 1.0, "1", None]),
        (Int(0, 10), [0, 10], [-1, 11]),
        (Text(), ["", "a\nb"], [None, 1, [], PurePosixPath("./a")]),
        (Text("a+"), ["a", "aa"], ["", "aab", "aa\n"]),
        (PathName(), ["/", "/a", PurePosixPath("../a")], ["", "a", "./a", None]),
        (Enum(("a", "b")), ["a"], ["c", "", None, ["a"]]),
        (NullOr(Int()), [None, 1], [False, "1"]),
        (Either((Bool(), Enum(("yes",)))), [True, "yes"], ["no", 1]),
        (ListOf(Int()), [[], [1], (1, 2)], [["1"], None, {}, "1"]),
        (AttrsOf(Int()), [{}, {"a": 1}], [{"a": "1"}, [], None]),
        (Attrs({"a": Int(), "b": Int()}, required=("a",)), [{"a": 1}, {"a": 1, "b": 2}], [{}, {"b": 1}, []]),
        (Json(), [None, 1.5, {"a": [True, "x"]}], [{1: "a"}, PurePosixPath("./a"), [object()]]),
    ],
    ids=lambda kind: type(kind).__name__ if not isinstance(kind, list) else "",
)
def test_a_kind_takes(kind: Kind, good: list[object], bad: list[object]) -> None:
    assert [value for value in good if mismatch(kind, value) is not None] == []
    assert [value for value in bad if mismatch(kind, value) is None] == []

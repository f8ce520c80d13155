"""How a machine lets us in is read from what sshd, ip and `ssh -v` say."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from attrs import frozen

from hybridlab.live.access import accepted_key, held_keys, look, parse_access, parse_links
from hybridlab.live.probe import read
from hybridlab.live.ssh import Cause, Ssh, Unreachable
from hybridlab.model.access import Access

LOOPBACK = ip_address("127.0.0.1")

# As iproute2 6.1 writes it, but for the keys that nobody reads. That of a VLAN device is after its
# ip/iplink_vlan.c: the kernel at hand has none.
_LINKS = json.dumps(
    [
        {
            "ifindex": 1,
            "ifname": "lo",
            "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}],
        },
        {
            "ifindex": 2,
            "ifname": "br0",
            "linkinfo": {"info_kind": "bridge", "info_data": {}},
            "addr_info": [],
        },
        {
            "ifindex": 3,
            "ifname": "enp1s0",
            "master": "br0",
            "linkinfo": {"info_slave_kind": "bridge", "info_slave_data": {"state": "forwarding"}},
            "addr_info": [],
            "altnames": ["enp0s31f6", "enx525400123456"],
        },
        {
            "ifindex": 4,
            "link": "w",
            "ifname": "vm-w",
            "master": "br0",
            "linkinfo": {"info_kind": "veth", "info_slave_kind": "bridge"},
            "addr_info": [{"family": "inet6", "local": "fe80::989e:50ff:fe97:a82c", "prefixlen": 64}],
        },
        {
            "ifindex": 5,
            "link": "br0",
            "ifname": "br0.20",
            "linkinfo": {
                "info_kind": "vlan",
                "info_data": {"protocol": "802.1Q", "id": 20, "flags": ["REORDER_HDR"]},
            },
            "addr_info": [{"family": "inet", "local": "10.0.20.5", "prefixlen": 24, "scope": "global"}],
        },
        {"ifindex": 6, "ifname": "eno2", "addr_info": [{"family": "inet6", "local": "fd00::5"}]},
        {},  # a link that a filter leaves out
    ]
)


def _access(source: str, own: str, way: dict[str, object]) -> Access:
    access = parse_access(ip_address(source), ip_address(own), 22, parse_links(_LINKS), way)
    assert access is not None
    return access


def test_a_leg_lies_on_the_bridge_and_its_frames_come_over_the_bridges_ports() -> None:
    way: dict[str, object] = {"dst": "10.0.20.50", "from": "10.0.20.5", "dev": "br0.20", "table": "20"}
    access = _access("10.0.20.50", "10.0.20.5", way)
    assert (access.interface, access.vlan, access.bridge) == ("br0.20", 20, "br0")
    assert access.carriers == {"enp1s0", "enp0s31f6", "enx525400123456", "vm-w"}
    assert access.links == {"lo", "br0", "br0.20", "eno2", *access.carriers}
    assert access.gateway is None
    assert not access.local


def test_a_card_is_its_own_carrier() -> None:
    access = _access("fd00::50", "fd00::5", {"dst": "fd00::50", "dev": "eno2"})
    assert (access.interface, access.vlan, access.bridge) == ("eno2", None, None)
    assert access.carriers == {"eno2"}


def test_the_gateway_is_that_of_the_answer() -> None:
    way: dict[str, object] = {"dst": "10.0.10.50", "gateway": "10.0.20.1", "dev": "br0.20", "table": "20"}
    assert _access("10.0.10.50", "10.0.20.5", way).gateway == ip_address("10.0.20.1")
    over_ipv6 = {"dst": "10.0.10.50", "via": {"family": "inet6", "host": "fe80::1"}, "dev": "br0.20"}
    assert _access("10.0.10.50", "10.0.20.5", over_ipv6).gateway == ip_address("fe80::1")


def test_who_comes_from_an_address_of_the_machine_is_on_it() -> None:
    assert _access("10.0.20.5", "10.0.20.5", {"type": "local", "dst": "10.0.20.5", "dev": "lo"}).local
    assert _access("127.0.0.1", "127.0.0.1", {"type": "local", "dst": "127.0.0.1", "dev": "lo"}).local


def test_of_two_links_with_the_address_that_of_the_answer_counts() -> None:
    """A bridge that was renamed stays until the next boot, with its legs and their addresses."""
    links = json.loads(_LINKS)
    links.insert(0, {**links[4], "ifname": "old.20", "link": "old"})
    for dev in ("old.20", "br0.20"):
        access = parse_access(
            ip_address("10.0.20.50"),
            ip_address("10.0.20.5"),
            22,
            parse_links(json.dumps(links)),
            {"dev": dev},
        )
        assert access is not None
        assert access.interface == dev


def test_an_address_that_no_link_has_is_no_access() -> None:
    assert parse_access(ip_address("10.0.9.1"), ip_address("10.0.9.9"), 22, parse_links(_LINKS), {}) is None


# As OpenSSH 9.2 says it, of a jump host first, whose ssh has the same standard error; then of the machine.
_JUMP = """\
debug1: Will attempt key: /home/me/a b SHA256: ED25519 SHA256:45b+umScTJsssAH17RLVq5AxYL59VAdnxDxqyu8d0JQ explicit agent
debug1: Offering public key: /home/me/a b SHA256: ED25519 SHA256:45b+umScTJsssAH17RLVq5AxYL59VAdnxDxqyu8d0JQ explicit
debug1: Server accepts key: /home/me/a b SHA256: ED25519 SHA256:45b+umScTJsssAH17RLVq5AxYL59VAdnxDxqyu8d0JQ explicit
Authenticated to jump ([192.0.2.1]:22) using "publickey".
"""  # noqa: E501
_TARGET = """\
debug1: Will attempt key: me@laptop RSA SHA256:voB8yRM2d7mYQPIzqA7iCyFkW9ixffcEfOkwNm6wZeI agent\r
debug1: Will attempt key: /home/me/.ssh/id ED25519 SHA256:h64wv5LnF54Bx2MkRyDMawXa8+TEui0+K91rL0WW9w0\r
debug1: Will attempt key: /home/me/.ssh/id_ecdsa \r
debug1: SSH2_MSG_EXT_INFO received\r
debug1: Authentications that can continue: publickey\r
debug1: Server accepts key: me@laptop RSA SHA256:voB8yRM2d7mYQPIzqA7iCyFkW9ixffcEfOkwNm6wZeI agent\r
Authenticated to 10.0.10.5 (via proxy) using "publickey".\r
"""


def test_the_key_is_the_one_that_the_machine_took_not_the_jump_host() -> None:
    assert accepted_key(_JUMP) == "SHA256:45b+umScTJsssAH17RLVq5AxYL59VAdnxDxqyu8d0JQ"
    assert accepted_key(_JUMP + _TARGET) == "SHA256:voB8yRM2d7mYQPIzqA7iCyFkW9ixffcEfOkwNm6wZeI"


def test_without_a_key_there_is_none() -> None:
    assert accepted_key('Authenticated to 10.0.10.5 ([10.0.10.5]:22) using "none".\n') is None


def test_held_are_the_agents_keys_for_the_machine() -> None:
    assert held_keys(_JUMP + _TARGET) == {"SHA256:voB8yRM2d7mYQPIzqA7iCyFkW9ixffcEfOkwNm6wZeI"}


def test_a_key_that_comes_after_the_last_try_is_not_held() -> None:
    prints = [f"SHA256:{number:043}" for number in range(8)]
    said = "\n".join(f"debug1: Will attempt key: key ED25519 {one} agent" for one in prints)
    assert held_keys(said) == {*prints[:6]}


def test_only_reading_words_of_ip_are_probes() -> None:
    read("ip", "-json", "route", "get", "10.0.10.50", "from", "10.0.10.5")
    for words in (("route", "add", "get"), ("-batch", "route", "get"), ("link", "get"), ("route", "flush")):
        with pytest.raises(ValueError, match="not known to only read"):
            read("ip", *words)


@frozen
class Server:
    """A real sshd on loopback, and how our ssh gets in to it as root; `key` is the fingerprint of its key."""

    options: tuple[str, ...]
    key: str
    port: int
    folder: Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if sshd is None or shutil.which("ssh") is None:
        pytest.skip("sshd is not here: install openssh-server (Debian)")
    if shutil.which("ip") is None:
        pytest.skip("ip is not here: install iproute2 (Debian)")
    if os.geteuid() != 0:
        pytest.skip("only root can let root log in")
    Path("/run/sshd").mkdir(exist_ok=True)  # where Debian's sshd shuts itself in
    for name in ("host", "id"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "x", "-f", str(tmp_path / name))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    public = (tmp_path / "host.pub").read_text().rsplit(" ", 1)[0]
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {public}\n")
    (tmp_path / "config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nPidFile none\n"
        f"HostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/id.pub\n"
        "PermitRootLogin yes\nPasswordAuthentication no\nStrictModes no\nUsePAM no\n"
    )
    process = subprocess.Popen([sshd, "-D", "-e", "-f", str(tmp_path / "config")], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        options = (
            *("-F", "none", "-p", str(port), "-i", str(tmp_path / "id")),
            *("-oIdentitiesOnly=yes", "-oIdentityAgent=none", "-oGlobalKnownHostsFile=/dev/null"),
            f"-oUserKnownHostsFile={tmp_path}/known",
        )
        key = _run("ssh-keygen", "-lf", str(tmp_path / "id.pub")).split()[1]
        yield Server(options, key, port, tmp_path)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _run(*words: str, **environment: str) -> str:
    run = subprocess.run(
        words, check=True, capture_output=True, text=True, timeout=30, env={**os.environ, **environment}
    )
    return run.stdout


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("sshd does not start")


def test_a_real_machine_tells_how_it_lets_us_in(server: Server) -> None:
    access = look(Ssh(server.options), LOOPBACK)
    assert isinstance(access, Access)
    assert (access.source, access.address, access.port) == (LOOPBACK, LOOPBACK, server.port)
    assert (access.interface, access.vlan, access.bridge, access.gateway) == ("lo", None, None, None)
    assert (access.key, access.held) == (server.key, frozenset())
    assert access.local


def test_the_users_log_level_and_digest_hide_no_key(server: Server) -> None:
    options = ("-oLogLevel=QUIET", "-oFingerprintHash=md5", *server.options)
    access = look(Ssh(options), LOOPBACK)
    assert isinstance(access, Access)
    assert access.key == server.key


def test_keys_of_an_agent_are_held(server: Server) -> None:
    if shutil.which("ssh-agent") is None:
        pytest.skip("ssh-agent is not here: install openssh-client (Debian)")
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "y z", "-f", str(server.folder / "next"))
    place = f"{server.folder}/agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not Path(place).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        _run("ssh-add", "-q", str(server.folder / "next"), SSH_AUTH_SOCK=place)
        options = ("-oIdentitiesOnly=no", f"-oIdentityAgent={place}", *server.options)
        access = look(Ssh(options), LOOPBACK)
    finally:
        agent.terminate()
        agent.wait(timeout=10)
    other = _run("ssh-keygen", "-lf", str(server.folder / "next.pub")).split()[1]
    assert isinstance(access, Access)
    assert (access.key, access.held) == (server.key, frozenset({other}))


def test_who_is_not_let_in_is_told_why(server: Server) -> None:
    stranger = server.folder / "stranger"
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(stranger))
    words = shlex.split(shlex.join(server.options).replace(str(server.folder / "id"), str(stranger)))
    found = look(Ssh(tuple(words)), LOOPBACK)
    assert isinstance(found, Unreachable)
    assert found.cause is Cause.DENIED
    assert "Permission denied" in found.said

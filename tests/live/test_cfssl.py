"""The join token on a real cfssl, in the configuration that NixOS' easyCerts writes: who gets a certificate.

Both ends are given the token by modules/join-token.sh, as on the machines. The client is cfssl's own, whose
library certmgr uses, so that both ends read the file as they do there.
"""

import base64
import json
import os
import pwd
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from programs import need_program

SCRIPT = Path(__file__).parents[2] / "modules" / "join-token.sh"
OWNER = pwd.getpwuid(os.getuid()).pw_name
TOKEN = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"

_KEY = {"algo": "rsa", "size": 2048}
_NODE = {"CN": "system:node:worker", "hosts": ["worker"], "key": _KEY, "names": [{"O": "system:nodes"}]}


@frozen
class Authority:
    """The control plane's folder: its CA, its TLS certificate for 127.0.0.1, and the place of its token."""

    cfssl: str
    folder: Path

    @property
    def token(self) -> Path:
        return self.folder / "apitoken.secret"

    @property
    def config(self) -> Path:
        """The configuration as nixpkgs' cluster/kubernetes/pki.nix writes it."""
        return write_json(
            self.folder / "config.json",
            {
                "signing": {
                    "profiles": {
                        "default": {
                            "usages": ["digital signature"],
                            "auth_key": "default",
                            "expiry": "720h",
                        }
                    }
                },
                "auth_keys": standard_key(self.token),
            },
        )

    def start(self, port: int) -> "subprocess.Popen[str]":
        """Start `cfssl serve` with the flags that NixOS' services.cfssl gives it."""
        flags = {
            "address": "127.0.0.1",
            "port": str(port),
            "ca": f"{self.folder}/ca.pem",
            "ca-key": f"{self.folder}/ca-key.pem",
            "config": str(self.config),
            "tls-cert": f"{self.folder}/cfssl.pem",
            "tls-key": f"{self.folder}/cfssl-key.pem",
            "loglevel": "1",
        }
        return subprocess.Popen(
            [self.cfssl, "serve", *(f"-{name}={value}" for name, value in flags.items())],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Serve on a free port of the loopback, which is yielded, until the end of the block."""
        port = free_port()
        process = self.start(port)
        try:
            while not answers(port):
                assert process.poll() is None, process.communicate()[1]
                time.sleep(0.02)
            yield port
        finally:
            process.terminate()
            process.communicate(timeout=30)

    def refusal_to_start(self) -> str:
        """Start it and return what it said when it ended, as it must."""
        process = self.start(free_port())
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode != 0
        return said


@pytest.fixture(scope="module")
def cfssl() -> str:
    return need_program("cfssl")


@pytest.fixture(scope="module")
def keys(cfssl: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, and the certificate that it gave to its own server."""
    folder = tmp_path_factory.mktemp("keys")
    names = [{"O": "NixOS", "OU": "services.kubernetes.pki.caSpec", "L": "auto-generated"}]
    request = {"CN": "kubernetes-cluster-ca", "key": _KEY, "names": names}
    ca = run_json(cfssl, "genkey", "-initca", str(write_json(folder / "ca.json", request)))
    write_pair(folder / "ca", ca)
    request = {"CN": "127.0.0.1", "hosts": ["127.0.0.1"], "key": _KEY}
    asked = write_json(folder / "cfssl.json", request)
    pair = run_json(cfssl, "gencert", f"-ca={folder}/ca.pem", f"-ca-key={folder}/ca-key.pem", str(asked))
    write_pair(folder / "cfssl", pair)
    return folder


@pytest.fixture
def authority(cfssl: str, keys: Path, tmp_path: Path) -> Authority:
    """An authority without a token."""
    folder = tmp_path / "authority"
    folder.mkdir()
    for path in keys.glob("*.pem"):
        (folder / path.name).symlink_to(path)
    return Authority(cfssl, folder)


@pytest.fixture
def deliver(tmp_path: Path) -> Callable[[str, Path], "subprocess.CompletedProcess[str]"]:
    """Run join-token.sh for a decrypted secret that holds a text."""

    def delivered(text: str, target: Path) -> "subprocess.CompletedProcess[str]":
        source = tmp_path / "secret"
        source.write_text(text)
        command = ["bash", str(SCRIPT), str(source), str(target), OWNER]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return delivered


@pytest.mark.parametrize(("name", "days"), [("ca", 1825), ("cfssl", 365)])
def test_authority_is_made_for_years_and_its_server_for_one(
    cfssl: str, keys: Path, name: str, days: int
) -> None:
    """Without an expiry in what NixOS asks for; nothing renews either, so verify looks when they end."""
    said = run_json(cfssl, "certinfo", "-cert", str(keys / f"{name}.pem"))
    begin, end = (datetime.fromisoformat(said[which]) for which in ("not_before", "not_after"))
    assert (end - begin).days == days


def test_node_with_the_token_gets_a_certificate(
    authority: Authority, deliver: Callable[..., Any], tmp_path: Path
) -> None:
    shown = tmp_path / "node" / "apitoken.secret"
    assert deliver(TOKEN, authority.token).returncode == 0
    # Written by another hand: what the script makes of both is the same.
    assert deliver(f"{TOKEN.upper()}\r\n", shown).returncode == 0

    with authority.serving() as port:
        certificate = ask(authority, port, shown)

    assert certificate["cert"].startswith("-----BEGIN CERTIFICATE-----")
    facts = run_json(authority.cfssl, "certinfo", "-cert=-", text=certificate["cert"])
    assert facts["subject"]["common_name"] == "system:node:worker"
    assert facts["issuer"]["common_name"] == "kubernetes-cluster-ca"


def test_token_that_comes_after_the_empty_file_of_nixpkgs_is_shown(
    authority: Authority, deliver: Callable[..., Any], tmp_path: Path
) -> None:
    shown = tmp_path / "apitoken.secret"
    shown.touch()
    deliver(TOKEN, authority.token)

    with authority.serving() as port:
        assert "invalid token" in refusal(authority, port, shown)
        assert deliver(TOKEN, shown).returncode == 0
        assert "cert" in ask(authority, port, shown)


@pytest.mark.parametrize(
    "wrong",
    [OTHER, "", f"{TOKEN[:-2]}00", TOKEN[:30], TOKEN * 2],
    ids=["another", "empty", "one byte off", "too short", "twice"],
)
def test_node_with_another_token_is_refused(
    authority: Authority, deliver: Callable[..., Any], tmp_path: Path, wrong: str
) -> None:
    # Not delivered by the script, which refuses some of them: a stranger has no such scruples.
    shown = tmp_path / "apitoken.secret"
    shown.write_text(wrong)
    deliver(TOKEN, authority.token)

    with authority.serving() as port:
        assert "invalid token" in refusal(authority, port, shown)


@pytest.mark.parametrize("endpoint", ["sign", "authsign"])
def test_request_without_any_token_is_refused(
    authority: Authority, deliver: Callable[..., Any], tmp_path: Path, endpoint: str
) -> None:
    asked = run_json(authority.cfssl, "genkey", str(write_json(tmp_path / "node.json", _NODE)))
    request = {"certificate_request": asked["csr"], "hostname": "worker", "profile": "default"}
    deliver(TOKEN, authority.token)
    body = request
    if endpoint == "authsign":
        body = {"request": base64.b64encode(json.dumps(request).encode()).decode()}

    with authority.serving() as port:
        status, answer = post(authority, port, endpoint, body)

    assert status >= 400
    assert "BEGIN CERTIFICATE" not in answer


@pytest.mark.parametrize("text", ["", "\n", "\r\n"], ids=["nothing", "newline", "CRLF"])
def test_danger_empty_token_on_the_server_opens_it_to_everybody(
    authority: Authority, tmp_path: Path, text: str
) -> None:
    """What the script is there to prevent: if this fails, cfssl has become safer than we take it for."""
    authority.token.write_text(text)
    shown = tmp_path / "apitoken.secret"
    shown.touch()

    with authority.serving() as port:
        assert "cert" in ask(authority, port, shown)


@pytest.mark.parametrize("text", ["", "\n", "\r\n"], ids=["nothing", "newline", "CRLF"])
def test_empty_token_is_not_delivered_and_without_one_the_server_stays_closed(
    authority: Authority, deliver: Callable[..., Any], text: str
) -> None:
    refused = deliver(text, authority.token)
    assert (refused.returncode, "is empty" in refused.stderr) == (1, True)
    assert not authority.token.exists()
    # On a machine systemd does not even start it; but were it started, it would find no token.
    assert '"code":5200' in authority.refusal_to_start()


@pytest.mark.parametrize("text", ["z" * 32, TOKEN[:-1]], ids=["32 letters", "31 digits"])
def test_token_on_which_the_server_would_not_start_is_not_delivered(
    authority: Authority, deliver: Callable[..., Any], text: str
) -> None:
    assert deliver(text, authority.token).returncode == 1
    assert not authority.token.exists()

    authority.token.write_text(text)
    assert '"code":5200' in authority.refusal_to_start()


def test_refused_change_leaves_the_cluster_on_the_old_token(
    authority: Authority, deliver: Callable[..., Any], tmp_path: Path
) -> None:
    shown = tmp_path / "apitoken.secret"
    for target in (authority.token, shown):
        assert deliver(TOKEN, target).returncode == 0
        assert deliver("", target).returncode == 1

    with authority.serving() as port:
        assert "cert" in ask(authority, port, shown)
        assert deliver(OTHER, shown).returncode == 0
        assert "invalid token" in refusal(authority, port, shown)


def ask(authority: Authority, port: int, token: Path) -> Mapping[str, str]:
    """Ask for a node's certificate with the token in a file; return it and its key."""
    run = _ask(authority, port, token)
    assert run.returncode == 0, run.stderr
    answer: Mapping[str, str] = json.loads(run.stdout)
    return answer


def refusal(authority: Authority, port: int, token: Path) -> str:
    """Ask for a certificate in vain, and return what was said."""
    run = _ask(authority, port, token)
    assert run.returncode != 0
    assert "BEGIN CERTIFICATE" not in run.stdout
    return run.stderr


def _ask(authority: Authority, port: int, token: Path) -> "subprocess.CompletedProcess[str]":
    folder = token.parent
    config = write_json(
        folder / "client.json",
        {
            "signing": {"default": {"auth_remote": {"remote": "ca", "auth_key": "default"}}},
            "auth_keys": standard_key(token),
            "remotes": {"ca": f"https://127.0.0.1:{port}"},
        },
    )
    asked = write_json(folder / "node.json", _NODE)
    flags = [f"-config={config}", f"-tls-remote-ca={authority.folder}/ca.pem", "-profile=default"]
    return run(authority.cfssl, "gencert", *flags, str(asked))


def post(authority: Authority, port: int, endpoint: str, body: Mapping[str, Any]) -> tuple[int, str]:
    """Send JSON to the API and return the status and text of the answer."""
    url = f"https://127.0.0.1:{port}/api/v1/cfssl/{endpoint}"
    context = ssl.create_default_context(cafile=str(authority.folder / "ca.pem"))
    # No proxy of the environment's: this is the loopback.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(url, json.dumps(body).encode(), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def run(*command: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)


def run_json(*command: str, text: str = "") -> Any:
    """Run a command of cfssl and return the JSON on its standard output."""
    done = run(*command, text=text)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def standard_key(token: Path) -> Mapping[str, Any]:
    return {"default": {"type": "standard", "key": f"file:{token}"}}


def write_json(path: Path, value: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(value))
    return path


def write_pair(prefix: Path, pair: Mapping[str, str]) -> None:
    """Write certificate and key where `cfssljson -bare` puts them."""
    prefix.with_name(f"{prefix.name}.pem").write_text(pair["cert"])
    prefix.with_name(f"{prefix.name}-key.pem").write_text(pair["key"])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True

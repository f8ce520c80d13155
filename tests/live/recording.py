"""Makes docs/recording.md: what is seen of a deployment of the example, and of looks at it, by running them.

`./just record` runs this, as root, in a network namespace whose loopback has the machines' addresses. The
machines are stand-ins (tests/live/standin), and so is Ollama; all else is real.
"""

import json
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from attrs import frozen

from hybridlab import load_spec, resolve
from live.deployer import Deployer
from live.standin.lab import lab
from live.test_diagnose import joined
from nix.flakes import REPOSITORY

_GUEST = "k8s-worker-1"
_WOULD = """\
would stop the following units: microvm@k8s-worker-2.service
would reload the following units: nftables.service
would start the following units: microvm@k8s-worker-2.service
"""
_HEAD = """\
# A deployment, recorded

What `hybridlab` says of the example, as `./just record` saw it. The machines are the stand-ins of the tests,
which play NixOS behind a real sshd, and Ollama is one, too; the program, ssh, Nix and the script that
switches the host are real. Nothing was changed but paths.

"""


@frozen
class Scene:
    """What is shown, by which command."""

    title: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, title: str, command: str) -> "Scene":
        return cls(title, tuple(command.split()))


def scenes(deployer: Deployer) -> Iterator[Scene]:
    """Yield the scenes; what befalls machines happens in between."""
    spec = (deployer.folder / "cluster.yaml").read_text()
    yield Scene.of("What would be done; nothing is contacted.", "deploy --dry-run")
    yield Scene.of("The deployment.", "deploy --yes --no-apply")
    yield Scene.of("Once more: nothing is left to do.", "deploy --yes --no-apply")
    yield Scene.of("Is everything as the spec says?", "verify")
    with deployer.lab.machine(_GUEST).changing() as state:
        state["units"]["kubelet.service"] |= {"ActiveState": "inactive", "SubState": "dead"}
    yield Scene.of("Somebody has stopped the kubelet of a guest.", f"verify {_GUEST}")
    yield Scene.of("Why has the node left?", f"diagnose {_GUEST}")
    deployer.write(spec.replace("sshFrom: [management]", "sshFrom: [services]"))
    yield Scene.of("A change that would shut us out.", "deploy --yes --no-apply")


class _Ollama(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"models": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _ollama(port: int) -> Iterator[None]:
    with ThreadingHTTPServer(("", port), _Ollama) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def main() -> None:
    """Write the page to standard output."""
    cluster = resolve(load_spec(REPOSITORY / "cluster.yaml"))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for leg in (leg for machine in cluster.machines for leg in machine.legs):
        subprocess.run(["ip", "address", "add", f"{leg.address}/32", "dev", "lo"], check=True)
    with tempfile.TemporaryDirectory() as name, _ollama(31434):
        folder = Path(name)
        with lab(cluster, folder / "lab") as running:
            deployer = Deployer.of(running, (REPOSITORY / "cluster.yaml").read_text(), folder / "own")
            joined(running, folder)
            deployer.offer({"would": _WOULD, "seconds": 2})
            sys.stdout.write(_HEAD)
            for scene in scenes(deployer):
                run = subprocess.run(
                    deployer.command(*scene.words),
                    env=dict(deployer.environment),
                    cwd=deployer.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                )
                sys.stdout.write(f"{scene.title}\n\n```console\n$ hybridlab {' '.join(scene.words)}\n")
                sys.stdout.write(_anonymous(run.stdout, folder))
                sys.stdout.write(f"$ echo $?\n{run.returncode}\n```\n\n")


def _anonymous(text: str, folder: Path) -> str:
    """Take out what differs from run to run and from machine to machine."""
    text = text.replace(f"{folder}/own/flake/", "").replace(str(folder), "…")
    text = re.sub(r"/nix/store/[a-z0-9]{32}-", "/nix/store/…-", text)
    return re.sub(r"\(([a-z0-9]{8})\)", "(…)", text)


if __name__ == "__main__":
    main()

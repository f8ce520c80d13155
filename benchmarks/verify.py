"""What `verify` takes at 20 ms round trip, next to the same commands one after the other, an ssh for each.

One real sshd stands for all machines, and every program on it does nothing: what is measured is getting there
and back, the handshakes of both sides on these processors included. A relay before it holds back every byte
for 10 ms in each direction, and a new connection for 20 ms. The commands one after the other are many: some
are timed, and the time of all is reckoned from them. Needs root, and OpenSSH's sshd.
"""

import asyncio
import contextlib
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

from benchmarks.scale import spec_text

ROOT = Path(__file__).parents[1]
ONE_WAY_SECONDS = 0.010
MOST_TIMED = 60
PROGRAMS = (
    *("bridge", "cat", "clinfo", "curl", "date", "df", "findmnt", "getent", "id", "ip", "journalctl"),
    *("kubectl", "ls", "nft", "openssl", "readlink", "rocm-smi", "sh", "sha256sum", "ss", "stat", "sysctl"),
    *("systemctl", "timedatectl", "timeout", "uname"),
)


@frozen
class Place:
    """Where the sshd is, and how ssh gets there."""

    folder: Path

    @property
    def options(self) -> tuple[str, ...]:
        return ("-F", str(self.folder / "client"))

    @property
    def logins(self) -> int:
        return (self.folder / "log").read_text().count("Accepted publickey")


def main() -> None:
    """Print a line for each cluster."""
    if os.geteuid() != 0 or shutil.which("sshd") is None:
        print("verify: not measured: needs root, and sshd (Debian: openssh-server)\n")
        return
    print(f"verify at {2000 * ONE_WAY_SECONDS:.0f} ms round trip, against one ssh for each command in turn")
    print(f"{'machines':>8}{'commands':>10}{'ours':>9}{'in turn':>10}{'ratio':>8}{'logins':>8}{'peak':>10}")
    specs = ((ROOT / "cluster.yaml").read_text(), spec_text(50))
    with running_sshd() as place:
        for spec in specs:
            before = place.logins
            run = subprocess.run(
                [sys.executable, "-c", "from benchmarks.verify import measure; measure()", *place.options],
                input=spec,
                text=True,
                check=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": f"{ROOT / 'pylib'}:{ROOT}"},
                stdout=subprocess.PIPE,
            )
            machines, commands, timed, ours, in_turn, grown = map(float, run.stdout.split())
            logins = place.logins - before - timed
            whole = in_turn * commands / timed
            print(
                f"{machines:>8.0f}{commands:>10.0f}{ours:>7.2f} s{whole:>8.1f} s{whole / ours:>8.0f}"
                f"{logins:>8.0f}{grown:>6.1f} MiB"
            )
    print()


def measure() -> None:
    """Print what the spec on standard input takes, in a process of its own, whose memory counts."""
    from hybridlab import parse_spec, resolve  # noqa: PLC0415 - the package is on this process's path
    from hybridlab.live.checks.all import all_checks  # noqa: PLC0415
    from hybridlab.live.checks.check import Remote  # noqa: PLC0415
    from hybridlab.live.ssh import Ssh  # noqa: PLC0415
    from hybridlab.live.targets import address_of  # noqa: PLC0415
    from hybridlab.live.verify import verify  # noqa: PLC0415

    cluster = resolve(parse_spec(sys.stdin.read()))
    ssh = Ssh(tuple(sys.argv[1:]))
    checks = [check for check in all_checks(cluster) if all(isinstance(look, Remote) for look in check.looks)]
    remotes = list(
        dict.fromkeys(look for check in checks for look in check.looks if isinstance(look, Remote))
    )
    start, before = time.perf_counter(), peak_mib()
    verify(checks, cluster, ssh)
    ours, grown = time.perf_counter() - start, peak_mib() - before

    timed = remotes[:: max(1, len(remotes) // MOST_TIMED)]
    start = time.perf_counter()
    for remote in timed:
        ssh.run(address_of(cluster, cluster.machine(remote.machine)), remote.probe.words, seconds=60)
    print(len(cluster.machines), len(remotes), len(timed), ours, time.perf_counter() - start, grown)


def peak_mib() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextlib.contextmanager
def running_sshd() -> Iterator[Place]:
    """Run an sshd with throw-away keys, and the relay to it."""
    with TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        for key in ("host", "id"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
            subprocess.run(words, check=True)
        port, relayed = free_port(), free_port()
        (folder / "server").write_text(
            f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nPidFile none\nStrictModes no\n"
            f"AuthorizedKeysFile {folder}/id.pub\nPermitRootLogin yes\nUsePAM no\nMaxStartups 500\n"
            f"SetEnv PATH={folder}/bin\n"
        )
        (folder / "client").write_text(
            f"HostName 127.0.0.1\nPort {relayed}\nHostKeyAlias any\nUserKnownHostsFile {folder}/known\n"
            f"IdentityFile {folder}/id\nIdentitiesOnly yes\nIdentityAgent none\n"
        )
        (folder / "known").write_text(f"any {(folder / 'host.pub').read_text()}")
        (folder / "bin").mkdir()
        for program in PROGRAMS:
            real = program if program in ("sh", "timeout") else "true"
            (folder / "bin" / program).symlink_to(shutil.which(real) or "/bin/false")
        sshd = shutil.which("sshd") or "sshd"
        start = f"from benchmarks.verify import relay; relay({relayed}, {port})"
        log = ["-E", str(folder / "log")]
        Path("/run/sshd").mkdir(exist_ok=True)
        for words in ([sshd, "-D", "-f", str(folder / "server"), *log], [sys.executable, "-c", start]):
            end_with(stack, words)
        for one in (port, relayed):
            wait_for(one)
        yield Place(folder)


def end_with(stack: contextlib.ExitStack, words: Sequence[str]) -> None:
    process = subprocess.Popen(words, cwd=ROOT)
    stack.callback(process.wait)
    stack.callback(process.terminate)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    for _ in range(500):
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"nobody listens at port {port}")


def relay(port: int, to: int) -> None:
    """Relay connections from `port` to `to` until this process is ended."""

    async def accept(near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * ONE_WAY_SECONDS)
        far_in, far_out = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(_pass_on(near_in, far_out), _pass_on(far_in, near_out), return_exceptions=True)

    async def serve() -> None:
        async with await asyncio.start_server(accept, "127.0.0.1", port, backlog=500) as server:
            await server.serve_forever()

    asyncio.run(serve())


async def _pass_on(come: asyncio.StreamReader, go: asyncio.StreamWriter) -> None:
    """Write what comes, each chunk its delay later, and end when it does."""
    loop = asyncio.get_running_loop()
    held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def release() -> None:
        chunk = b"-"
        while chunk:
            due, chunk = await held.get()
            await asyncio.sleep(max(0, due - loop.time()))
            go.write(chunk)
        go.close()

    releasing = asyncio.create_task(release())
    chunk = b"-"
    while chunk:
        chunk = await come.read(65536)
        held.put_nowait((loop.time() + ONE_WAY_SECONDS, chunk))
    await releasing


if __name__ == "__main__":
    main()

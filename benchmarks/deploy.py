"""What of a deployment's time is ours, beside what nix, ssh and git take; the hosts are stand-ins.

Programs on PATH note when each call of nix, ssh and git begins and ends; the time in which none of them runs
is ours, pauses in which the host is waited for included. Needs root, Nix, and OpenSSH's sshd.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
PROGRAMS = ("git", "nix", "ssh")
COUNTS = (1, 4)
# `date` twice costs some milliseconds a call, which count as the program's.
NOTE = """#!/bin/sh
begin=$(date +%s.%N)
{program} "$@"
status=$?
echo "$begin $(date +%s.%N)" >>{log}
exit $status
"""


def main() -> None:
    """Print a line for each number of hosts."""
    if os.geteuid() != 0 or any(shutil.which(name) is None for name in ("sshd", "nix", "unshare")):
        print("deploy: not measured: needs root, Nix (nix-bin), and sshd (openssh-server)\n")
        return
    sys.path[:0] = [str(ROOT / "tests")]
    print("deploy, from the command to its end: stand-in hosts that switch in no time")
    headings = f"{'hosts':>5}{'whole':>10}{'nix, ssh, git':>15}{'calls':>7}{'ours':>9}"
    print(f"{headings}{'ours per host':>15}{'ours/theirs':>13}")
    for count in COUNTS:
        with TemporaryDirectory() as name:
            whole, theirs, calls = _measure(count, Path(name))
        ours = whole - theirs
        print(
            f"{count:>5}{whole:>8.2f} s{theirs:>13.2f} s{calls:>7}{ours:>7.2f} s{ours / count:>13.2f} s"
            f"{ours / theirs:>13.2f}"
        )
    print()


def _measure(count: int, folder: Path) -> tuple[float, float, int]:
    """Deploy so many hosts; return the seconds it takes, those in which a program runs, and their calls."""
    from hybridlab import load_spec, resolve  # noqa: PLC0415 - on the path since main
    from live.deployer import Deployer  # noqa: PLC0415
    from live.standin.lab import lab  # noqa: PLC0415
    from live.test_deploy import ONE  # noqa: PLC0415

    host = "{uplink: enp1s0, addresses: {lan: 10.0.10.%d}, cpus: 4, memory: 16GiB}\n"
    spec = ONE + "".join(f"  more-{number}: {host % (10 + number)}" for number in range(1, count))
    (folder / "spec.yaml").write_text(spec)
    bin_folder, log = folder / "bin", folder / "calls"
    bin_folder.mkdir()
    for name in PROGRAMS:
        (bin_folder / name).write_text(NOTE.format(program=shutil.which(name), log=log))
        (bin_folder / name).chmod(0o755)
    with lab(resolve(load_spec(folder / "spec.yaml")), folder / "lab") as machines:
        deployer = Deployer.of(machines, spec, folder / "own")
        deployer.environment["PATH"] = f"{bin_folder}:{os.environ['PATH']}"  # type: ignore[index]
        begin = time.time()
        run = deployer.deploy()
        end = time.time()
        assert run.returncode == 0, run.stdout + run.stderr
    spans = [tuple(map(float, line.split())) for line in log.read_text().splitlines()]
    # The lock's connection is open from begin to end, and waits.
    spans = [(first, last) for first, last in spans if last - first < (end - begin) / 2]
    return end - begin, _union(spans), len(spans)


def _union(spans: Iterable[tuple[float, ...]]) -> float:
    """Return how long at least one of the spans lasts."""
    covered, until = 0.0, 0.0
    for first, last in sorted(spans):
        covered += max(0.0, last - max(first, until))
        until = max(until, last)
    return covered

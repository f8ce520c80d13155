"""What `generate` costs for 10 to 10,000 machines: time by stage, and peak memory, in a fresh process each.

Time and memory are those of the stages alone: the interpreter and its imports are measured before, and
taken off. The cost per machine should not depend on how many there are.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
SIZES = (10, 100, 1000, 10_000)
GUESTS_PER_HOST = 19
GOAL = 1.2

STAGES = ("load", "resolve", "check", "emit", "plan", "apply", "again")

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJHqiovr6I27uUTJMT+2wzgMMgEq20O2Ie9H0SLjIW9o admin@example"
AGE = "age1ujkd8ens47pwg5qwek8w54kvyw9k5xc75tmc3wmgrt5nvmy4cyps79ghvk"


def spec_text(machines: int) -> str:
    """Return a spec with this many machines: hosts with their guests, all of them nodes of one cluster."""
    return "\n".join(_lines(machines)) + "\n"


def _lines(machines: int) -> Iterator[str]:
    yield "apiVersion: hybridlab/v1"
    yield "name: large"
    yield 'nixos: {release: "26.05", stateVersion: "26.05"}'
    yield f"admin: {{user: admin, sshKeys: [{KEY}]}}"
    yield "networks: {vlans: {nodes: {id: 10, cidr: 172.16.0.0/12, gateway: 172.16.0.1}}}"
    names = {number: f"machine-{number}" for number in range(machines)}
    hosts = [number for number in names if number % (GUESTS_PER_HOST + 1) == 0]
    yield "hosts:"
    for number in hosts:
        yield f"  {names[number]}:"
        yield f"    uplink: enp1s0\n    addresses: {{nodes: {_address(number)}}}"
        yield "    cpus: 64\n    memory: 256GiB\n    kubernetes: {role: worker}"
    yield "guests:"
    for number in sorted(set(names) - set(hosts)):
        role = "control-plane" if number == 1 else "worker"
        yield f"  {names[number]}:"
        yield f"    host: {names[number - number % (GUESTS_PER_HOST + 1)]}\n    vlan: nodes"
        yield f"    address: {_address(number)}\n    vcpus: 2\n    memory: 4GiB"
        yield f"    kubernetes: {{role: {role}}}"
    yield "kubernetes: {vlan: nodes, podCidr: 10.128.0.0/9, serviceCidr: 10.96.0.0/12}"
    yield "secrets:\n  recipients:"
    yield from (f"    {name}: {AGE}" for name in ("admin", *names.values()))


def _address(number: int) -> str:
    return str(ip_address("172.16.1.0") + number)


def main() -> None:
    """Print a line for each size: milliseconds per machine, by stage; and what a machine costs in the end."""
    print(
        "scale: ms per machine by stage; 'again': check, emit and plan over what is there (generate --check)"
    )
    print(f"{'machines':>8}" + "".join(f"{stage:>9}" for stage in STAGES[:-1]), end="")
    print(f"{'generate':>10}{'ratio':>7}{'again':>9}{'KiB':>8}{'ratio':>7}{'files':>9}{'seconds':>9}")
    before: tuple[float, float] | None = None
    for size in SIZES:
        seconds, kib, files = measure(size)
        per_machine = {stage: taken / size * 1000 for stage, taken in seconds.items()}
        whole = sum(per_machine[stage] for stage in STAGES[:-1])
        memory = kib / size
        time_ratio, memory_ratio = (whole / before[0], memory / before[1]) if before else (1.0, 1.0)
        print(f"{size:>8}" + "".join(f"{per_machine[stage]:>9.2f}" for stage in STAGES[:-1]), end="")
        print(f"{whole:>10.2f}{time_ratio:>7.2f}{per_machine['again']:>9.2f}{memory:>8.1f}", end="")
        print(f"{memory_ratio:>7.2f}{files:>9}{whole * size / 1000:>9.1f}", flush=True)
        before = whole, memory
    print(f"ratio: to the line above; goal: at most {GOAL} each, from 100 machines on\n")


def measure(machines: int) -> tuple[dict[str, float], int, int]:
    """Return seconds by stage, KiB of peak memory and how many files there are, of one fresh process."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "cluster.yaml").write_text(spec_text(machines))
        run = subprocess.run(
            [sys.executable, __file__, folder],
            env={**os.environ, "PYTHONPATH": str(ROOT / "pylib")},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    figures = json.loads(run.stdout)
    return figures["seconds"], figures["kib"], figures["files"]


def measured(folder: Path) -> dict[str, object]:
    """Go through all stages in this process, and return what they cost."""
    import hybridlab  # noqa: PLC0415 - in the measured process only

    for name in hybridlab.__all__:
        getattr(hybridlab, name)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = [time.perf_counter()]

    def lap() -> None:
        times.append(time.perf_counter())

    spec = hybridlab.load_spec(folder / "cluster.yaml")
    lap()
    cluster = hybridlab.resolve(spec)
    lap()
    report = hybridlab.check(cluster)
    lap()
    assert report.ok, [str(diagnostic.message) for diagnostic in report.errors[:5]]
    files = hybridlab.emit_all(cluster)
    lap()
    plan = hybridlab.plan(files, folder)
    lap()
    hybridlab.apply(plan)
    lap()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert hybridlab.check(cluster).ok
    assert hybridlab.plan(hybridlab.emit_all(cluster), folder).is_current
    lap()
    seconds = [end - start for start, end in pairwise(times)]
    return {"seconds": dict(zip(STAGES, seconds, strict=True)), "kib": peak - base, "files": len(files)}


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]))))

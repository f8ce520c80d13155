"""What 1,000 workloads cost, a Deployment and a Service each, next to the same built with cdk8s for Python.

Processes in turns. `whole` is from nothing to files: ours reads a spec, resolves it and writes also a
namespace for each; cdk8s has its objects in a loop. `made` is from what is in memory to text or files: ours
from the resolved cluster, theirs from the first object to the end of synth. cdk8s is no dependency: name a
Python that has it in CDK8S_PYTHON (it needs Node.js, too), or only ours is measured.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.scale import AGE, KEY

ROOT = Path(__file__).parents[1]
COUNT = 1000
RUNS = 5
GOAL = 28

OURS = """
import sys
import time
from pathlib import Path
from hybridlab import load_spec, resolve
from hybridlab.emit.kubernetes.tree import emit_kubernetes

cluster = resolve(load_spec(sys.argv[1]))
start = time.perf_counter()
files = list(emit_kubernetes(cluster))
print(time.perf_counter() - start)
for file in files:
    path = Path(sys.argv[2], file.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.text, encoding="utf-8")
"""
CDK8S = """
import sys
import time
from cdk8s import ApiObject, ApiObjectMetadata, App, Chart, JsonPatch

start = time.perf_counter()
app = App(outdir=sys.argv[2])
chart = Chart(app, "workloads")
for number in range(int(sys.argv[1])):
    name = f"app-{number}"
    labels = {"app": name}
    metadata = ApiObjectMetadata(name=name, namespace=name, labels=labels)
    container = {
        "name": "app",
        "image": "nginx:1.29.1",
        "ports": [{"name": "http", "containerPort": 80}],
        "readinessProbe": {"tcpSocket": {"port": "http"}},
        "env": [{"name": "NUMBER", "value": str(number)}],
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    pod = {"automountServiceAccountToken": False, "enableServiceLinks": False, "containers": [container]}
    deployment = ApiObject(chart, f"d{number}", api_version="apps/v1", kind="Deployment", metadata=metadata)
    deployment.add_json_patch(JsonPatch.add("/spec", {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }))
    service = ApiObject(chart, f"s{number}", api_version="v1", kind="Service", metadata=metadata)
    service.add_json_patch(JsonPatch.add("/spec", {
        "type": "ClusterIP",
        "selector": labels,
        "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
    }))
app.synth()
print(time.perf_counter() - start)
"""


def main() -> None:
    """Print a line for each, and the ratios."""
    print(f"manifests: {COUNT} workloads, medians of {RUNS} runs in turns; memory of the largest process")
    other = os.environ.get("CDK8S_PYTHON")
    whole: dict[str, list[float]] = {"hybridlab": [], "cdk8s": []}
    made: dict[str, list[float]] = {"hybridlab": [], "cdk8s": []}
    peak: dict[str, int] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        spec = folder / "cluster.yaml"
        spec.write_text(_spec(), encoding="utf-8")
        commands = {"hybridlab": [sys.executable, "-c", OURS, str(spec)]}
        if other is not None:
            commands["cdk8s"] = [other, "-c", CDK8S, str(COUNT)]
        for run in range(RUNS):
            for who, command in commands.items():
                taken, generating, memory = _run([*command, str(folder / f"{who}-{run}")])
                whole[who].append(taken)
                made[who].append(generating)
                peak[who] = max(memory, peak.get(who, 0))
    print(f"{'':<12}{'whole':>8}{'made':>8}{'memory':>10}")
    for who in commands:
        times = [f"{statistics.median(taken[who]):>6.2f} s" for taken in (whole, made)]
        print(f"{who:<12}{''.join(times)}{peak[who]:>6} MiB")
    if other is None:
        print("cdk8s was not measured: name a Python that has it in CDK8S_PYTHON")
    else:
        for name, taken in (("whole", whole), ("made", made)):
            ratio = statistics.median(taken["cdk8s"]) / statistics.median(taken["hybridlab"])
            print(f"cdk8s to ours, {name}: {ratio:.1f} (goal {GOAL})" + ("" if ratio >= GOAL else "  missed"))
        print(f"cdk8s to ours, memory: {peak['cdk8s'] / peak['hybridlab']:.1f}")
    print()


def _spec() -> str:
    lines = [
        "apiVersion: hybridlab/v1",
        "name: many",
        'nixos: {release: "26.05", stateVersion: "26.05"}',
        f"admin: {{user: admin, sshKeys: [{KEY}]}}",
        "networks: {vlans: {nodes: {id: 10, cidr: 10.0.0.0/24, gateway: 10.0.0.1}}}",
        "hosts:",
        "  metal: {uplink: enp1s0, addresses: {nodes: 10.0.0.2}, cpus: 16, memory: 64GiB,",
        "          kubernetes: {role: control-plane, schedulable: true}}",
        "kubernetes: {vlan: nodes}",
        f"secrets: {{recipients: {{admin: {AGE}, metal: {AGE}}}}}",
        "workloads:",
    ]
    lines += [
        f"  app-{number}: {{type: deployment, image: 'nginx:1.29.1', port: 80, env: {{NUMBER: '{number}'}}}}"
        for number in range(COUNT)
    ]
    return "\n".join(lines) + "\n"


# A process of its own measures each run, so that the peak is that of this run and its children.
_MEASURE = """
import resource, subprocess, sys
run = subprocess.run(sys.argv[1:], check=True, capture_output=True, text=True)
print(run.stdout.split()[-1], resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def _run(command: list[str]) -> tuple[float, float, int]:
    """Return a command's seconds, those that it says of itself, and the MiB of its largest process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "pylib")}
    start = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-c", _MEASURE, *command],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    generating, memory = run.stdout.split()
    return time.perf_counter() - start, float(generating), int(memory)

"""Environment variables for GPUs: what each chip needs, and what has no effect on it."""

from collections.abc import Iterable, Iterator, Mapping

from hybridlab.diagnostic import Fix, Related, Remove, Severity, SpecPath
from hybridlab.model.cluster import Cluster
from hybridlab.model.workload import App, Ollama
from hybridlab.rules.gpu_nodes import offering
from hybridlab.rules.rule import Example, Finding, rule
from hybridlab.tables.gpu import USELESS_ENVIRONMENT, GpuModel

_CHIP_OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"


def _chip_version(chip: str) -> str:
    """Return an LLVM chip name as the override writes it: gfx1030 is 10.3.0, gfx90a is 9.0.10."""
    digits = chip.removeprefix("gfx")
    return f"{digits[:-2]}.{int(digits[-2], 16)}.{int(digits[-1], 16)}"


def _needs(model: GpuModel, workload: App) -> Mapping[str, str]:
    """Return the values with which a chip works: what the table asks for, else what the chip is anyway.

    A chip that ROCm does not drive has no use for its override.
    """
    ollama = model.ollama_environment if isinstance(workload, Ollama) else {}
    chip = {_CHIP_OVERRIDE: _chip_version(model.chip)} if model.rocm else {}
    return chip | {**model.environment, **ollama}


def _read(value: str) -> str:
    """Return a switch as Ollama reads it, with Go's strconv.ParseBool; other values as they are."""
    return "1" if value in ("t", "T", "true", "True", "TRUE") else value


def _wanting(cluster: Cluster) -> Iterator[App]:
    for app in cluster.apps:
        if app.gpus and app.nodes:
            yield app


def _models(cluster: Cluster, workload: App) -> dict[str, tuple[GpuModel, SpecPath]]:
    """Return the GPU models that a workload may get, with where the first host of each says so."""
    found: dict[str, tuple[GpuModel, SpecPath]] = {}
    for host in offering(cluster, workload.pods[0]):
        if host.gpu is not None:
            found.setdefault(host.gpu.model.name, (host.gpu.model, host.path / "gpu" / "model"))
    return found


@rule(
    "GPU010",
    "different-gpus-for-one-workload",
    summary="A workload may get GPUs that need different environment variables.",
    rationale="""The variables stand in the pod, before it is known where it runs. With another chip's value
        ROCm loads kernels that the GPU can not execute: it crashes, or falls back to the CPU.""",
    source="ollama/ollama, docs/gpu.mdx (HSA_OVERRIDE_GFX_VERSION) and #15482",
    bad=Example(
        """
        hosts:
          second:
            uplink: enp1s0
            addresses: {services: 10.0.20.6}
            cpus: 16
            memory: 64GiB
            gpu: {model: radeon-rx-6800}
            kubernetes: {role: worker, labels: {gpu: amd}}
        secrets:
          recipients: {second: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf}
        """,
        at=SpecPath.of("workloads", "ollama", "nodeSelector"),
    ),
    good="""
        hosts:
          second:
            uplink: enp1s0
            addresses: {services: 10.0.20.6}
            cpus: 16
            memory: 64GiB
            gpu: {model: radeon-rx-7900-xtx}
            kubernetes: {role: worker, labels: {gpu: amd}}
        secrets:
          recipients: {second: age1h37w2pvdz6zka3w4jvcaf90q98frlckkt0exv364xcwf4z3nj9qs86wxrf}
    """,
)
def different_gpus_for_one_workload(cluster: Cluster) -> Iterable[Finding]:
    for workload in _wanting(cluster):
        first: dict[str, tuple[str, GpuModel, SpecPath]] = {}
        for model, path in _models(cluster, workload).values():
            clash = None
            for variable, value in _needs(model, workload).items():
                other = first.setdefault(variable, (value, model, path))
                if other[0] != value and clash is None:
                    clash = (variable, value, other)
            if clash is not None:
                variable, value, (other_value, other_model, other_path) = clash
                yield Finding(
                    f"{workload} may get a {model.name} or a {other_model.name}, which need "
                    f"{variable}={value} and {variable}={other_value}",
                    workload.path / "nodeSelector",
                    "select the nodes of one model, and make a workload for each",
                    related=(
                        Related(f"a {other_model.name}", other_path),
                        Related(f"a {model.name}", path),
                    ),
                )
                break


@rule(
    "GPU011",
    "useless-variable",
    severity=Severity.WARNING,
    summary="A workload sets a variable that its GPU does not read.",
    rationale="""Advice for old GPUs is copied to new ones. It does nothing there, and hides what is really
        needed.""",
    source="the GPU table (tables/gpu.py)",
    bad=Example(
        """
        workloads:
          ollama: {env: {ROC_ENABLE_PRE_VEGA: "1"}}
        """,
        at=SpecPath.of("workloads", "ollama", "env", "ROC_ENABLE_PRE_VEGA"),
    ),
    good="""
        workloads:
          ollama: {env: {OLLAMA_KEEP_ALIVE: 30m}}
    """,
)
def useless_variable(cluster: Cluster) -> Iterable[Finding]:
    for workload in cluster.apps:
        for variable, reason in USELESS_ENVIRONMENT.items():
            if variable in workload.env:
                path = workload.path / "env" / variable
                yield Finding(
                    f"{workload} sets {variable}, which has no effect: {reason}",
                    path,
                    "remove it",
                    on_key=True,
                    group=variable,
                    fix=Fix(f"remove {variable} from {workload}", (Remove(path),)),
                )


@rule(
    "GPU012",
    "wrong-variable",
    severity=Severity.WARNING,
    summary="A workload overrides a variable that its GPU needs with another value.",
    rationale="""hybridlab sets what the GPU table knows to work. gfx1103, for one, has no kernels of its own
        in the image and works as gfx1100 (11.0.0); 11.0.3, which is what it is anyway, changes nothing and
        leaves the work to the CPU.""",
    source="ollama/ollama#15482, #16690; the GPU table (tables/gpu.py)",
    bad=Example(
        """
        workloads:
          ollama: {env: {HSA_OVERRIDE_GFX_VERSION: 11.0.3}}
        """,
        at=SpecPath.of("workloads", "ollama", "env", "HSA_OVERRIDE_GFX_VERSION"),
    ),
    good="""
        workloads:
          ollama: {env: {HSA_OVERRIDE_GFX_VERSION: 11.0.0}}
    """,
)
def wrong_variable(cluster: Cluster) -> Iterable[Finding]:
    for workload in _wanting(cluster):
        right: dict[str, dict[str, tuple[GpuModel, SpecPath]]] = {}
        for model, path in _models(cluster, workload).values():
            for variable, value in _needs(model, workload).items():
                right.setdefault(variable, {}).setdefault(value, (model, path))
        for variable, models in right.items():
            actual = workload.env.get(variable)
            if actual is None or _read(actual) in map(_read, models):
                continue
            needed, (model, path) = next(iter(models.items()))
            yield Finding(
                f"{workload} sets {variable}={actual}, and a {model.name} needs {needed}",
                workload.path / "env" / variable,
                "remove it: the right value is set for you",
                related=(Related(f"a {model.name}", path),),
            )

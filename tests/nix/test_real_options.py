"""What is generated, held against the real declarations of its options as far as they are on this machine.

The environment names checkouts: HYBRIDLAB_NIXPKGS_LIB of nix-community/nixpkgs.lib (or HYBRIDLAB_NIXPKGS of
nixpkgs, or <nixpkgs>), HYBRIDLAB_MICROVM of microvm.nix, HYBRIDLAB_SOPS_NIX of sops-nix. With nothing of
nixpkgs but its library our stand-ins declare NixOS's own options. Each test's name says what is real, and
`--log-cli-level=info` how much that is.
"""

import json
import logging
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from emitted import emitted, fields
from hybridlab import load_spec, nixlang, resolve
from hybridlab.tables import options
from hybridlab.tables.options import Project
from hybridlab.tables.options.kinds import Attrs, mismatch
from nix.flakes import Nix, generate, put_secrets
from patched import GPU_FOR_A_GUEST, patched

pytestmark = pytest.mark.nix

MACHINES = Path(__file__).with_name("real") / "machines.nix"
HARDWARE = Path(__file__).parents[2] / "hardware" / "homelab.nix"
SECOND = Path(__file__).with_name("second-homelab")

# Between them they take other ways through microvm.nix than the example does.
VARIANTS = {
    "GPU for a guest": GPU_FOR_A_GUEST,
    "own store, balloon, time zone": """
      nixos: {timeZone: Europe/Berlin}
      guests: {k8s-worker-1: {store: disk, balloon: true}}
    """,
    "no cluster, Cloud Hypervisor": """
      hosts: {homelab: {kubernetes: null}}
      guests:
        k8s-master: {kubernetes: null, hypervisor: cloud-hypervisor}
        k8s-worker-1: {kubernetes: null}
      kubernetes: null
      workloads: null
      secrets: null
    """,
}

# Values of all sorts, to ask real types and ours about.
PROBES = (True, 0, 1, -1, 4095, 70000, 2**33, "", "x", "/x", "a b", "a\nb", "1002:1900", "10.0.0.1")
PROBES += ("qemu", "pci", "tap", "virtiofs", "9p", "tcp", "server", None, [], {})

# What NixOS asserts beyond the type, and what it takes that we never write.
STRICTER = {("nixpkgs", "hostPlatform"), ("system", "stateVersion")}


@frozen
class Real:
    """The checkouts that are here, by the input of the flake."""

    folders: Mapping[str, Path]

    @property
    def has_nixos(self) -> bool:
        return self.folders["nixpkgs"].joinpath("nixos").is_dir()

    def origin(self, file: str) -> str:
        """Say whose a file is that declares an option."""
        for name, folder in self.folders.items():
            if Path(file).is_relative_to(folder):
                return f"{name} (real)"
        return "stand-in" if {"stand-in", "real"} & set(Path(file).parts) else "hybridlab"

    def __str__(self) -> str:
        words = ["nixpkgs" if self.has_nixos else "nixpkgs.lib"] if "nixpkgs" in self.folders else []
        words += [name for name in self.folders if name != "nixpkgs"]
        return f"real: {', '.join(words) or 'nothing'}"


def _real() -> Real:
    variables = {
        "nixpkgs": ("HYBRIDLAB_NIXPKGS_LIB", "HYBRIDLAB_NIXPKGS"),
        "microvm": ("HYBRIDLAB_MICROVM",),
        "sops-nix": ("HYBRIDLAB_SOPS_NIX",),
    }
    folders = {
        name: Path(next(os.environ[variable] for variable in names if os.environ.get(variable)))
        for name, names in variables.items()
        if any(os.environ.get(variable) for variable in names)
    }
    if "nixpkgs" not in folders and shutil.which("nix-instantiate"):
        command = ["nix-instantiate", "--find-file", "nixpkgs"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            folders["nixpkgs"] = Path(found.stdout.strip())
    return Real({name: folders[name].resolve() for name in variables if name in folders})


Evaluate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module", params=[_real()], ids=str)
def real(request: pytest.FixtureRequest) -> Real:
    """The real inputs; a test that has this name needs nixpkgs' library at least."""
    here: Real = request.param
    if "nixpkgs" not in here.folders:
        pytest.skip(
            "no nixpkgs is here: name checkouts in HYBRIDLAB_NIXPKGS_LIB (of nix-community/nixpkgs.lib) or"
            " HYBRIDLAB_NIXPKGS, in HYBRIDLAB_MICROVM and in HYBRIDLAB_SOPS_NIX"
        )
    return here


@pytest.fixture(scope="module")
def evaluate(real: Real, nix: Nix, stand_ins: Path, repository: Path) -> Evaluate:
    """Evaluates the machines of the cluster in a folder, with modules given as Nix text."""

    def run(root: Path, modules: str = "{ }", **asked: object) -> subprocess.CompletedProcess[str]:
        arguments = {"repository": repository, "standIns": stand_ins, "root": root, **real.folders}
        names = {"sops-nix": "sopsNix"}
        text = "".join(f"{names.get(name, name)} = {path}; " for name, path in arguments.items())
        text += "".join(f"{name} = {nixlang.dumps(value)}; " for name, value in asked.items())
        return nix.expression(f"import {MACHINES} {{ {text} modules = {modules}; }}")

    return run


@pytest.fixture(scope="module")
def clusters(
    real: Real, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, tuple[Path, str]]:
    """The folder of each cluster, generated, with the modules of its hosts as Nix text."""
    found = {"example": (repository, f"{{ homelab = {HARDWARE}; }}")}
    second = tmp_path_factory.mktemp("second")
    shutil.copytree(SECOND, second, dirs_exist_ok=True)
    found["second homelab"] = (
        second,
        f"{{ attic = {second}/hardware.nix; cellar = {second}/hardware.nix; }}",
    )
    for name, patch in VARIANTS.items():
        folder = tmp_path_factory.mktemp("variant")
        folder.joinpath("cluster.yaml").write_text(patched(patch), encoding="utf-8")
        found[name] = (folder, f"{{ homelab = {HARDWARE}; }}")
    for folder, _ in list(found.values())[1:]:
        generate(folder)
        put_secrets(folder)
    return found


@pytest.fixture(scope="module")
def reports(evaluate: Evaluate, clusters: Mapping[str, tuple[Path, str]]) -> Callable[[str], Any]:
    """What each machine of a cluster says, by its name."""
    known: dict[str, Any] = {}

    def report(name: str) -> Any:
        if name not in known:
            run = evaluate(*clusters[name])
            assert run.returncode == 0, run.stderr
            known[name] = json.loads(run.stdout)
        return known[name]

    return report


@pytest.mark.parametrize("name", ["example", "second homelab", *VARIANTS])
def test_every_machine_has_its_values_and_nothing_to_say(
    real: Real,
    reports: Callable[[str], Any],
    clusters: Mapping[str, tuple[Path, str]],
    name: str,
) -> None:
    machines = reports(name)
    cluster = resolve(load_spec(clusters[name][0] / "cluster.yaml"))
    assert set(machines) == {machine.name for machine in cluster.machines}
    origins: Counter[str] = Counter()
    for machine, report in machines.items():
        assert (report["failed"], report["warnings"]) == ([], []), machine
        origins.update(real.origin(value["declarations"][0]) for value in report["values"].values())
    counts = ", ".join(f"{origin} {count}" for origin, count in sorted(origins.items()))
    logging.getLogger(__name__).info("%s: options that are set, by who declares them: %s", name, counts)
    if "microvm" in real.folders:
        assert all("runner" in machines[guest.name] for guest in cluster.guests)


@pytest.mark.parametrize("name", ["example", "second homelab", *VARIANTS])
def test_every_option_that_is_written_is_declared_where_the_table_says(
    real: Real, reports: Callable[[str], Any], clusters: Mapping[str, tuple[Path, str]], name: str
) -> None:
    machines = reports(name)
    cluster = resolve(load_spec(clusters[name][0] / "cluster.yaml"))
    of = {Project.NIXPKGS: "nixpkgs", Project.MICROVM: "microvm", Project.SOPS_NIX: "sops-nix"}
    held = 0
    for file, values, _ in emitted(cluster):
        machine = Path(file).parent.name
        if machine not in machines:
            continue
        for path, _ in options.settings(values):
            option = options.find(path)
            assert option is not None, path
            project = option.source.project
            if project is Project.NIXPKGS and not real.has_nixos:
                continue
            # Inside a submodule the option is the one around it: sops.secrets.
            around = (".".join(path[:length]) for length in range(len(path), 0, -1))
            declared = machines[machine]["values"]
            declarations = next(declared[name]["declarations"] for name in around if name in declared)
            if project is not Project.OURS and of[project] not in real.folders:
                continue
            ours = MACHINES.parents[3] if project is Project.OURS else real.folders[of[project]]
            assert ours.joinpath(option.source.file).is_file()
            ends = (option.source.file, option.source.file.removesuffix("/default.nix"))
            assert any(text.endswith(ends) for text in declarations), (path, declarations)
            held += 1
    assert held


def test_the_table_has_the_types_of_the_declarations(
    evaluate: Evaluate, clusters: Mapping[str, tuple[Path, str]]
) -> None:
    rows = {
        (*option.names, *way): kind
        for option in options.OPTIONS.values()
        for way, kind in fields(option.kind)
    }
    run = evaluate(*clusters["example"], rows=[list(row) for row in rows], probes=list(PROBES))
    assert run.returncode == 0, run.stderr
    machines = json.loads(run.stdout).values()

    missing = {option.names for option in options.OPTIONS.values()}
    for index, (row, kind) in enumerate(rows.items()):
        for answer in (report["types"][index] for report in machines):
            # No option is declared below a section of a systemd unit, nor where a module is not imported.
            if answer is None:
                continue
            missing.discard(row)
            for probe, taken in zip(PROBES, answer["takes"], strict=True):
                # Whether fields are missing, a submodule says only when it is merged.
                if probe == {} and isinstance(kind, Attrs):
                    continue
                ours = mismatch(kind, probe) is None
                assert ours == taken or (row in STRICTER and taken), (row, probe, answer["declarations"])
    assert sorted(".".join(row) for row in missing) == []


MISTAKES = [
    ("microvm", "microvm.mem = lib.mkForce 0;", "`microvm.mem' is not of type `positive integer"),
    ("microvm", "microvm.vpcu = 2;", "The option `microvm.vpcu' does not exist"),
    ("microvm", "microvm.balloonMem = 1;", "balloonMem option has been removed"),
    ("microvm", 'microvm.hypervisor = lib.mkForce "xen";', "`microvm.hypervisor' is not of type"),
    (
        "microvm",
        'microvm.hypervisor = lib.mkForce "crosvm"; microvm.credentialFiles.x = "/x";',
        "crosvm does not support credentialFiles",
    ),
    (
        "microvm",
        'microvm.interfaces = [ { type = "tap"; id = "a-name-too-long-"; mac = "02:00:00:00:00:01"; } ];',
        "the maximum length of 15 characters",
    ),
    ("sops-nix", 'sops.secrets.x.owners = "root";', "`sops.secrets.x.owners' does not exist"),
    ("sops-nix", "sops.secrets.x.sopsFile = ./nowhere.yaml;", "nowhere.yaml"),
    (
        "sops-nix",
        'sops.age.keyFile = lib.mkForce "${builtins.storeDir}/00000000000000000000000000000000-x";',
        "`sops.age.keyFile' is not of type",
    ),
    ("nixpkgs", "hybridlab.guest.enabled = true;", "`hybridlab.guest.enabled' does not exist"),
]


@pytest.mark.parametrize(("needs", "mistake", "reason"), MISTAKES, ids=[case[1] for case in MISTAKES])
def test_a_mistake_is_refused(
    real: Real,
    evaluate: Evaluate,
    clusters: Mapping[str, tuple[Path, str]],
    needs: str,
    mistake: str,
    reason: str,
) -> None:
    """Or all the tests above would pass whatever we wrote."""
    if needs not in real.folders:
        pytest.skip(f"{needs} is a stand-in")
    folder, modules = clusters["example"]
    with_mistake = f"{modules} // {{ k8s-master = {{ lib, ... }}: {{ {mistake} }}; }}"
    run = evaluate(folder, with_mistake)
    if run.returncode != 0:
        assert reason in run.stderr
    else:
        failed = json.loads(run.stdout)["k8s-master"]["failed"]
        assert failed and reason in " ".join(failed)

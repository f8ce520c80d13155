"""`check --deep` with the real Nix: what a module does to a machine is seen, once, and where it stands.

With HYBRIDLAB_NIXPKGS_LIB and the like, as in test_real_options.py, the rules once more with the real ones.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import resources
from pathlib import Path

import pytest
from attrs import frozen

from hybridlab import Cluster, Diagnostic, Report, Severity, apply, emit_all, load_spec, plan, resolve
from hybridlab.cli.deep_check import deep_report, with_deep
from hybridlab.errors import HybridlabError
from hybridlab.live.deep import parse
from hybridlab.model.evaluated import Evaluated
from hybridlab.model.node import host_of
from hybridlab.rules.deep.check import check_deep
from hybridlab.rules.deep.registry import DEEP_RULES, READ_OPTIONS
from hybridlab.rules.deep.rule import DeepRule, Example
from hybridlab.spec.document import Scalar, parse_document
from nix.flakes import REPOSITORY, Nix, generate, make_second_homelab, put_secrets, replace, stage
from patched import patched

pytestmark = pytest.mark.nix

HERE = Path(__file__).parent
HARDWARE = REPOSITORY / "hardware/homelab.nix"
REAL = {
    "nixpkgs": "HYBRIDLAB_NIXPKGS_LIB",
    "microvm": "HYBRIDLAB_MICROVM",
    "sopsNix": "HYBRIDLAB_SOPS_NIX",
}


@frozen
class Homelab:
    """A folder with a cluster, and what `check --deep` says when modules are added to its machines."""

    folder: Path
    cluster: Cluster
    nix: Nix
    configurations: str

    def reports(self, cases: Iterable[Example | None]) -> list[Report]:
        """Return a report for each case, a module on one machine; None is no module, and comes first."""
        run = self.nix.expression(self.question(cases))
        assert run.returncode == 0, run.stderr
        return self.read(json.loads(run.stdout))

    def question(self, cases: Iterable[Example | None]) -> str:
        """Return the expression whose value `read` takes."""
        asked = json.dumps([option.split(".") for option in READ_OPTIONS])
        look = resources.files("hybridlab.live.deep").joinpath("look.nix")
        arguments = f"configurationsOf = {self.configurations}; look = {look}; asked = ''{asked}'';"
        texts = " ".join(self._case(number, case) for number, case in enumerate(cases))
        return f"import {HERE}/deep.nix {{ {arguments} cases = [ {texts} ]; }}"

    def read(self, answers: Iterable[object]) -> list[Report]:
        first, *others = (parse(json.dumps(answer), self.folder) for answer in answers)
        looks = (first, *(Evaluated({**first.machines, **other.machines}) for other in others))
        return [check_deep(self.cluster, look) for look in looks]

    def _case(self, number: int, case: Example | None) -> str:
        file = self.folder / f"mine/{number}.nix"
        if case is None:
            names: list[str] = [machine.name for machine in self.cluster.machines]
            who: tuple[str, ...] = ()
        else:
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"{{ lib, ... }}:\n{{\n{case.module}}}\n", encoding="utf-8")
            who = case.machines
            # A guest is looked at as its host runs it.
            names = [*who, *(host_of(self.cluster.machine(name)) for name in who)]
        return f"{{ machines = {_list(names)}; module = {file}; who = {_list(who)}; }}"


def _list(names: Iterable[str]) -> str:
    return f"[ {' '.join(json.dumps(name) for name in dict.fromkeys(names))} ]"


Make = Callable[[str], Homelab]


@pytest.fixture(scope="module", params=["stand-ins", "real library"])
def homelab(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    nix: Nix,
    stand_ins: Path,
    repository: Path,
) -> Make:
    """Makes the rules' example with a patch: its folder, generated."""
    known: dict[str, Homelab] = {}
    real = {name: os.environ[variable] for name, variable in REAL.items() if os.environ.get(variable)}
    is_real = request.param == "real library"
    if is_real and "nixpkgs" not in real:
        pytest.skip(f"no library of nixpkgs is here: name a checkout in {REAL['nixpkgs']}")

    def configurations(folder: Path) -> str:
        if not is_real:
            return _stand_ins(folder, ["homelab"])
        paths = {"repository": repository, "standIns": stand_ins, "root": folder, **real}
        arguments = " ".join(f"{name} = {path};" for name, path in paths.items())
        own = f"modules // {{ homelab = [ {HARDWARE} ] ++ modules.homelab or [ ]; }}"
        return (
            f"modules: import {HERE}/real/machines.nix {{ {arguments} modules = {own}; answer = all: all; }}"
        )

    def make(patch: str) -> Homelab:
        if patch not in known:
            folder = tmp_path_factory.mktemp("homelab")
            folder.joinpath("cluster.yaml").write_text(patched(patch), encoding="utf-8")
            generate(folder)
            put_secrets(folder)
            cluster = resolve(load_spec(folder / "cluster.yaml"))
            known[patch] = Homelab(folder, cluster, nix, configurations(folder))
        return known[patch]

    return make


def _stand_ins(folder: Path, hosts: Iterable[str]) -> str:
    arguments = f"root = {folder}; hosts = {_list(hosts)}; inherit modules;"
    return f"modules: (import {HERE}/stand-in/cluster.nix {{ {arguments} }}).nixosConfigurations"


Reports = Mapping[str, Report]


@pytest.fixture(scope="module")
def bad(homelab: Make) -> Reports:
    """What is said of each rule's bad example."""
    return _reports(homelab, {rule.code: rule.bad for rule in DEEP_RULES})


@pytest.fixture(scope="module")
def good(homelab: Make) -> Reports:
    """What is said of each rule's good example."""
    return _reports(homelab, {rule.code: rule.good for rule in DEEP_RULES})


def _reports(homelab: Make, examples: Mapping[str, Example]) -> Reports:
    found: dict[str, Report] = {}
    for patch in dict.fromkeys(example.patch for example in examples.values()):
        codes = [code for code, example in examples.items() if example.patch == patch]
        clean, *others = homelab(patch).reports([None, *(examples[code] for code in codes)])
        assert list(clean) == []
        found |= dict(zip(codes, others, strict=True))
    return found


every_rule = pytest.mark.parametrize("rule", DEEP_RULES, ids=lambda rule: rule.code)


@every_rule
def test_a_rule_fires_on_its_bad_example_and_nothing_else_does(bad: Reports, rule: DeepRule) -> None:
    found = list(bad[rule.code])
    assert [(d.code, d.severity, d.path) for d in found] == [(rule.code, rule.severity, rule.bad.at)], found


@every_rule
def test_nothing_fires_on_its_good_example(good: Reports, rule: DeepRule) -> None:
    assert list(good[rule.code]) == []


@every_rule
def test_a_finding_stands_in_the_spec_and_names_the_module(bad: Reports, rule: DeepRule) -> None:
    (found,) = bad[rule.code]
    assert found.span is not None and found.span.file.endswith("cluster.yaml")
    files = [other.span.file for other in found.related if other.span and other.message == "defined here"]
    # What a module asserts has no file.
    assert [Path(file).parent.name for file in files] == ([] if rule.code == "NIX137" else ["mine"])


@every_rule
def test_the_caret_is_under_a_value_or_the_key_of_what_has_no_text(bad: Reports, rule: DeepRule) -> None:
    (found,) = bad[rule.code]
    assert found.span is not None
    node = parse_document(patched(rule.bad.patch), name="cluster.yaml").node(rule.bad.at)
    line, start = found.span.text, found.span.column - 1
    under = line[start : start + found.span.width].strip("'\"")
    assert found.on_key == (not isinstance(node, Scalar))
    assert under == (node.text if isinstance(node, Scalar) else str(rule.bad.at[-1]))


@every_rule
def test_a_finding_speaks_in_the_style_of_the_house(bad: Reports, rule: DeepRule) -> None:
    (found,) = bad[rule.code]
    for text in (found.message, found.hint or "", *(other.message for other in found.related)):
        assert text == text.strip() and not text.endswith(".") and text.isprintable()
    assert found.hint
    assert re.match(r"(host|guest) '[a-z0-9-]+'", found.message)


CORPUS = HERE.parent / "corpus"


@pytest.mark.parametrize("folder", ["bases", "good"])
def test_nothing_fires_on_any_good_cluster(nix: Nix, stand_ins: Path, tmp_path: Path, folder: str) -> None:
    homelabs = [_copy(spec.parent, tmp_path, nix) for spec in sorted(CORPUS.glob(f"{folder}/*/cluster.yaml"))]
    said: dict[str, list[Diagnostic]] = {}
    # One run of Nix for ten: a command line has an end.
    for start in range(0, len(homelabs), 10):
        some = homelabs[start : start + 10]
        run = nix.expression(f"[ {' '.join(f'({one.question([None])})' for one in some)} ]")
        assert run.returncode == 0, run.stderr
        answers = json.loads(run.stdout)
        said |= {
            one.folder.name: list(one.read(answer)[0]) for one, answer in zip(some, answers, strict=True)
        }
    assert len(said) >= 10
    assert {name: found for name, found in said.items() if found} == {}


def _copy(folder: Path, scratch: Path, nix: Nix) -> Homelab:
    """Copy a cluster and generate it, whatever the rules say of it."""
    homelab = scratch / folder.name
    shutil.copytree(folder, homelab)
    cluster = resolve(load_spec(homelab / "cluster.yaml"))
    apply(plan(emit_all(cluster), homelab))
    put_secrets(homelab)
    return Homelab(homelab, cluster, nix, _stand_ins(homelab, [host.name for host in cluster.hosts]))


@pytest.fixture
def farm(
    tmp_path: Path, nix: Nix, stand_ins: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Somebody else's homelab with the stand-ins for inputs of its flake, in which the program now runs."""
    folder = tmp_path / "farm"
    make_second_homelab(folder)
    inputs = "".join(
        f'inputs.hybridlab.inputs.{name}.url = "path:{stand_ins}/{name}"; ' for name in nix.inputs
    )
    own = f'inputs.hybridlab.url = "path:{repository}"; {inputs}'
    replace(folder / "flake.nix", 'inputs.hybridlab.url = "github:OWNER/hybridlab";', own)
    stage(folder)
    monkeypatch.chdir(folder)
    for name, value in nix.environment().items():
        monkeypatch.setenv(name, value)
    return folder


def deeply() -> Report:
    spec = Path("cluster.yaml")
    return deep_report(spec, resolve(load_spec(spec)))


def add(line: str) -> None:
    """Write a line into the module that both hosts have."""
    replace(Path("hardware.nix"), "{\n", f"{{\n  {line}\n")


def test_another_homelab_has_nothing_to_say_and_stays_as_it_is(farm: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in farm.rglob("*") if ".git" not in path.parts}
    assert list(deeply()) == []
    assert {path: path.stat().st_mtime_ns for path in farm.rglob("*") if ".git" not in path.parts} == before


def test_a_module_of_two_hosts_is_one_finding_at_its_line(farm: Path) -> None:
    add("networking.firewall.allowedTCPPorts = [ 80 443 ];")
    (found,) = deeply()
    assert found.code == "NIX102"
    assert (
        found.message.startswith("host 'attic' and host 'cellar': ")
        and "tcp ports 80 and 443" in found.message
    )
    (place,) = (other.span for other in found.related)
    assert place is not None
    assert (place.file, place.line, place.text.strip()) == (
        "hardware.nix",
        3,
        "networking.firewall.allowedTCPPorts = [ 80 443 ];",
    )


def test_a_waiver_of_the_spec_counts_there_too(farm: Path) -> None:
    add("networking.firewall.allowedTCPPorts = [ 80 443 ];")
    with farm.joinpath("cluster.yaml").open("a", encoding="utf-8") as file:
        file.write("\ncheck: {waivers: [{code: NIX102, reason: both serve the same page}]}\n")
    report = deeply()
    assert list(report) == []
    assert [one.diagnostic.code for one in report.waived] == ["NIX102"]


@pytest.mark.parametrize(
    ("line", "says", "place"),
    [
        (
            "networking.hostname = true;",
            "The option `networking.hostname' does not exist, but is defined in hardware.nix",
            1,
        ),
        ("swapDevices = undefined;", "undefined variable 'undefined'", 3),
        ("swapDevices = ;", "syntax error, unexpected ';'", 3),
    ],
)
def test_what_nix_refuses_is_said_in_its_words(farm: Path, line: str, says: str, place: int) -> None:
    add(line)
    (found,) = deeply()
    assert found.code == "NIX190" and found.message == f"nix can not evaluate the flake: {says}"
    assert [(other.span.file, other.span.line) for other in found.related if other.span] == [
        ("hardware.nix", place)
    ]


def test_a_machine_that_the_flake_leaves_out_is_seen(farm: Path) -> None:
    flake = farm / "flake.nix"
    replace(flake, "hybridlab.lib.mkCluster {", "let all = hybridlab.lib.mkCluster {")
    replace(
        flake,
        "modules.cellar = ./hardware.nix;\n    };",
        "modules.cellar = ./hardware.nix; }; in all // "
        '{ nixosConfigurations = removeAttrs all.nixosConfigurations [ "attic" ]; };',
    )
    (found,) = deeply()
    assert (found.code, str(found.path)) == ("NIX191", "hosts.attic")


def test_stale_files_are_said_before_nix_is_asked(farm: Path) -> None:
    replace(farm / "cluster.yaml", "memory: 32GiB", "memory: 48GiB")
    replace(farm / "cluster.yaml", "vcpus: 2", "vcpus: 3")
    with pytest.raises(HybridlabError, match=r"modules/generated/.+ is not as cluster\.yaml has it: run"):
        deeply()


def test_files_that_git_does_not_track_are_said_before_nix_is_asked(farm: Path) -> None:
    subprocess.run(["git", "rm", "-r", "--cached", "--quiet", "modules"], check=True)
    with pytest.raises(HybridlabError, match=r"the flake does not see modules/generated/.+: `git add --all`"):
        deeply()


def test_errors_of_the_spec_come_first(farm: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report((Diagnostic("NET001", Severity.ERROR, "two have one"),))
    assert with_deep(report, Path("cluster.yaml")) == report
    assert "nix is not asked" in capsys.readouterr().err


def program(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run `hybridlab check --deep` here."""
    command = [sys.executable, "-m", "hybridlab", "check", "--deep", "--format", "concise"]
    everything = os.environ | {"PYTHONPATH": str(REPOSITORY / "pylib")} | environment
    return subprocess.run(command, env=everything, capture_output=True, text=True, check=False)


def test_the_program_shows_what_is_found_beside_the_rest(farm: Path) -> None:
    add("networking.firewall.allowedTCPPorts = [ 80 443 ];")
    run = program()
    assert "cluster.yaml:20:3: warning[NIX102] host 'attic' and host 'cellar': " in run.stdout
    assert "nix evaluates 5 machines" in run.stderr
    assert run.returncode == 0


def test_what_nix_refuses_is_an_error_of_the_program(farm: Path) -> None:
    add("networking.hostname = true;")
    run = program()
    assert run.returncode == 1
    assert "error[NIX190] nix can not evaluate the flake: The option `networking.hostname'" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_without_nix_the_program_says_so(farm: Path, tmp_path: Path) -> None:
    git = shutil.which("git")
    assert git is not None
    programs = tmp_path / "programs"
    programs.mkdir()
    programs.joinpath("git").symlink_to(git)
    run = program(PATH=str(programs))
    assert (run.returncode, run.stdout) == (1, "")
    assert "nix is not installed: see https://nixos.org/download" in run.stderr

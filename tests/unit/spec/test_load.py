"""What a bad spec gets: every problem at once, each with its code, its place, what to write instead."""

import os
import random
from pathlib import Path

import pytest
import yaml

from hybridlab.diagnostic import Diagnostic, SpecPath
from hybridlab.errors import SpecError
from hybridlab.spec.cluster import ClusterSpec
from hybridlab.spec.load import load_spec, parse_spec
from hybridlab.spec.scalars import ScalarError
from patched import patched

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "cluster.yaml").read_text(encoding="utf-8")


def problems(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    return caught.value.report.diagnostics


def edited(*replacements: tuple[str, str]) -> str:
    text = EXAMPLE
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def underlined(problem: Diagnostic) -> str:
    span = problem.span
    assert span is not None
    return span.text[span.column - 1 : span.column - 1 + span.width]


@pytest.mark.parametrize(
    ("old", "new", "code", "place", "message", "hint"),
    [
        ("memory: 64GiB", "memroy: 64GiB", "SPEC101", "memroy", "has no key 'memroy'", "'memory'"),
        ("    memory: 64GiB\n", "", "SPEC102", "homelab", "lacks the key 'memory'", "installed memory"),
        ("memory: 64GiB", "memory: 64", "SPEC104", "64", "a size with its unit", "64GiB?"),
        ("memory: 64GiB", "memory: 64G", "SPEC104", "64G", "'64G' is not", "mean 64GiB?"),
        ("cpus: 16", "cpus: sixteen", "SPEC103", "sixteen", "a number of processors", None),
        ("cpus: 16", 'cpus: "16"', "SPEC103", '"16"', "a number of processors", "remove the quotes: 16"),
        ("cpus: 16", "cpus: true", "SPEC103", "true", "not true", None),
        ("cpus: 16", "cpus: 0", "SPEC104", "0", "0 is not a number of processors (1 to 4096)", None),
        ("uplink: enp1s0", "uplink:", "SPEC103", "uplink", "not empty", "remove the key"),
        ('release: "26.05"', "release: 26.05", "SPEC103", "26.05", "reads 26.05 as a number", '"26.05"'),
        ('release: "26.05"', "release: 26.10", "SPEC103", "26.10", "reads 26.10 as a number", '"26.10"'),
        ("bridge: br0", "bridge: [br0]", "SPEC103", "bridge", "not a list", None),
        ("dns: [1.1.1.1, 8.8.8.8]", "dns: 1.1.1.1", "SPEC103", "1.1.1.1", "must be a list", "[1.1.1.1]"),
        ("id: 10,", "id: 012,", "SPEC103", "012", "octal number to YAML 1.1", None),
        ("id: 10,", "id: 4095,", "SPEC104", "4095", "4095 is not a VLAN id (1 to 4094)", None),
        ("role: worker\n", "role: wroker\n", "SPEC104", "wroker", "not one of", "'worker'?"),
        ("mode: host #", "mode: hots #", "SPEC104", "hots", "not one of", "'host'?"),
        ("type: ollama", "type: olama", "SPEC104", "olama", "not one of", "'ollama'?"),
        ("    type: ollama\n", "", "SPEC102", "ollama", "lacks the key 'type'", "amd-gpu-device-plugin"),
        ("type: ollama", "type: [ollama]", "SPEC103", "type", "not a list", None),
        ("k8s-worker-1:\n    host", "K8s_W1:\n    host", "SPEC104", "K8s_W1", "not a DNS label", "'k8s-w1'?"),
        ("address: 10.0.20.10", "address: 10.0.20.300", "SPEC104", "10.0.20.300", "not an IP address", None),
        ("10.0.20.0/24", "10.0.20.5/24", "SPEC104", "10.0.20.5/24", "10.0.20.5/24", "10.0.20.0/24"),
        ("guests:\n", "guests: []\nmore:\n", "SPEC103", "guests", "must be a mapping", None),
        ("hybridlab/v1", "hybridlab/v0", "SPEC105", "hybridlab/v0", "not a version", "hybridlab/v1"),
        ("hybridlab/v1", "1", "SPEC105", "1", "the number 1 is not a version", "hybridlab/v1"),
        ("apiVersion: hybridlab/v1\n", "", "SPEC102", "n", "lacks the key 'apiVersion'", "hybridlab/v1"),
        ("vcpus: 2", "vcpus: 2\n    mac: 021122334455", "SPEC103", "021122334455", "octal", '"021122334455"'),
        ("vcpus: 2", "vcpus: 2\n    mac: 21122334455", "SPEC103", "21122334455", "as a number", "in quotes"),
        (
            "vcpus: 2",
            "vcpus: 2\n    mac: 01:00:00:00:00:01",
            "SPEC104",
            "01:00:00:00:00:01",
            "multicast",
            None,
        ),
        ("gpus: 1", "gpus: yes", "SPEC103", "yes", "'yes' is true to YAML 1.1", None),
        ("homelab: age1", "homelab: age2", "SPEC104", "age2", "is not an age recipient", None),
        ("name: homelab\n", "name: homelab\nname: other\n", "SPEC004", "name", "written twice", None),
        # What others call it, and where it belongs.
        ("podCidr: 10", "clusterCidr: 10", "SPEC101", "clusterCidr", "has no key", "'podCidr'?"),
        ("serviceCidr: 10", "serviceSubnet: 10", "SPEC101", "serviceSubnet", "has no key", "'serviceCidr'?"),
        ("vcpus: 2", "vcpus: 2\n    disk: 2GiB", "SPEC101", "disk", "has no key", "'storage'?"),
        (
            "vcpus: 2",
            "vcpus: 2\n    hostname: a",
            "SPEC101",
            "hostname",
            "has no key",
            "key above, 'k8s-master'",
        ),
        ("vcpus: 2", "vcpus: 2\n    role: worker", "SPEC101", "role", "has no key", "guests.NAME.kubernetes"),
        ("vcpus: 2", "vcpus: 2\n    cidr: a", "SPEC101", "cidr", "no key", "a key of networks.vlans.NAME"),
        ("user: limjihoon", "user: a\n  timeZone: UTC", "SPEC101", "timeZone", "no key", "a key of nixos"),
        ("user: limjihoon", "user: a\n  sssh: a", "SPEC101", "sssh", "no key", "there are: user, sshKeys"),
        ("    type: ollama\n", "    kind: ollama\n", "SPEC101", "kind", "no key 'kind'", "'type'?"),
        ("role: worker\n", "role: master\n", "SPEC104", "master", "not one of", "'control-plane'?"),
        ("mode: host #", "mode: on #", "SPEC104", "on", "'on' is not one of host", None),
        ("mode: host #", "mode: false #", "SPEC104", "false", "'false' is not one of", "'off'?"),
        ("mode: host #", "mode: 1 #", "SPEC104", "1", "'1' is not one of", None),
        ("mode: host #", "mode: #", "SPEC103", "mode", "not empty", "or remove the key"),
        # What YAML makes of it.
        ("vcpus: 2", "vcpus: 2\n    balloon: yes", "SPEC103", "yes", "is true to YAML 1.1", "write true"),
        (
            "vcpus: 2",
            'vcpus: 2\n    balloon: "true"',
            "SPEC103",
            '"true"',
            "true or false",
            "the quotes: true",
        ),
        ("vcpus: 2", 'vcpus: 2\n    balloon: "No"', "SPEC103", '"No"', "true or false", "write false"),
        ("vcpus: 2", "vcpus: 2\n    balloon: 1", "SPEC103", "1", "not the number 1", None),
        ("id: 10,", "id: 005,", "SPEC103", "005", "octal number", "write 5"),
        ("cpus: 16", "cpus: 16.0", "SPEC103", "16.0", "not the number 16.0", "write 16"),
        ("cpus: 16", "cpus: 16.5", "SPEC103", "16.5", "not the number 16.5", None),
        (
            "joinToken: {secret: k8s/join-token}",
            "joinToken: a",
            "SPEC103",
            "a",
            "not text",
            "write {secret: a}",
        ),
        (
            'release: "26.05"',
            "release: \u201c26.05\u201d",
            "SPEC104",
            "\u201c",
            "is not a NixOS release",
            '"26.05"',
        ),
        # VLANs by their network.
        (
            "[management] #",
            "[10.0.10.0/24] #",
            "SPEC104",
            "10.0.10.0/24",
            "not a DNS",
            "the VLAN: management",
        ),
        ("[management] #", "[10.0.20.7] #", "SPEC104", "10.0.20.7", "not a DNS", "the VLAN: services"),
        ("[management] #", "[10.0.0.0/8] #", "SPEC104", "10.0.0.0/8", "not a DNS", None),
        ("[management] #", "all #", "SPEC103", "all", "must be a list", "remove the key"),
        # A comma, a comment or an address of another program.
        ("vcpus: 2", "vcpus: 2,", "SPEC103", "2,", "not '2,'", "remove the comma"),
        ("vcpus: 2", "vcpus: 2;", "SPEC103", "2;", "not '2;'", "remove the semicolon"),
        ("vcpus: 2", "vcpus: 2 // two", "SPEC103", "2 // two", "a number", "a comment begins with #"),
        ("memory: 64GiB", "memory: 64GiB,", "SPEC104", "64GiB,", "not a size", 'write "64GiB"'),
        ("role: worker\n", "role: worker,\n", "SPEC104", "worker,", "not one of", "'worker'?"),
        ("role: worker\n", "role: node\n", "SPEC104", "node", "not one of", "'worker'?"),
        ("host: homelab", "host: 10.0.10.5", "SPEC104", "10.0.10.5", "not a DNS", "of the host: homelab"),
        ("host: homelab", "host: 10.0.10.6", "SPEC104", "10.0.10.6", "not a DNS", None),
        (
            "gateway: 10.0.10.1}",
            "gateway: 10.0.10.1, dhcp: 10.0.10.100-10.0.10.200}",
            "SPEC103",
            "10.0.10.100-10.0.10.200",
            "must be a mapping",
            "write {from: 10.0.10.100, to: 10.0.10.200}",
        ),
        (
            "gateway: 10.0.10.1}",
            "gateway: 10.0.10.1, dhcp: 10.0.10.100 - 200}",
            "SPEC103",
            "10.0.10.100 - 200",
            "must be a mapping",
            "write {from: 10.0.10.100, to: 10.0.10.200}",
        ),
        (
            "labels: {gpu: amd",
            "taints: [{key: gpu, value: amd, effect: NoSchedule}]\n      labels: {gpu: amd",
            "SPEC103",
            "{",
            "not a mapping",
            'write "gpu=amd:NoSchedule"',
        ),
        (
            "labels: {gpu: amd",
            "taints: [{key: gpu, effect: NoSchedule}]\n      labels: {gpu: amd",
            "SPEC103",
            "{",
            "not a mapping",
            'write "gpu:NoSchedule"',
        ),
        (
            "{gpu: amd, node-type: baremetal}\n    models",
            "{gpu:amd}\n    models",
            "SPEC103",
            "gpu:amd",
            "one word",
            "`gpu: amd`",
        ),
        ("{id: 10,", "{id:\u00a010,", "SPEC103", "id:", "is U+00A0", "write `id: 10`"),
        ("dns: [1.1.1.1, 8.8.8.8]", "dns:\n    -1.1.1.1", "SPEC103", "-1.1.1.1", "a list", "behind the dash"),
        ("dns: [1.1.1.1, 8.8.8.8]", "dns:\n    -a: 1", "SPEC103", "dns", "a list", "behind the dash"),
        ("dns: [1.1.1.1, 8.8.8.8]", "dns: {}", "SPEC103", "dns", "a list", None),
        (
            "gpus: 1\n",
            "gpus: 1\n    image: Ollama/ollama:1\n",
            "SPEC104",
            "Ollama/",
            "reference",
            "ollama/ollama:1",
        ),
        ("nodePort: 31434", 'nodePort: "8080:80"', "SPEC103", '"8080:80"', "not", "80; `expose` leads to it"),
        ("nodePort: 31434", "nodePort: 8080:50", "SPEC103", "8080:50", "not", "50; `expose` leads to it"),
        ("from: [management, services]", "from: any", "SPEC103", "any", "a list", "[management, services]"),
    ],
)
def test_problem_is_told_at_its_place(
    old: str, new: str, code: str, place: str, message: str, hint: str | None
) -> None:
    found = [problem for problem in problems(edited((old, new))) if problem.code == code]
    assert len(found) == 1
    (problem,) = found
    assert underlined(problem).startswith(place)
    assert message in problem.message
    assert (hint or "") in (problem.hint or "")


def test_a_secret_that_runs_into_its_name_is_not_told() -> None:
    (told,) = problems(edited(("    gpus: 1\n", "    gpus: 1\n    env: {ADMIN_PASSWORD:hunter2}\n")))
    assert told.code == "SPEC103" and "ADMIN_PASSWORD:" in told.message
    assert "hunter2" not in repr(told)


def test_keys_that_an_alias_repeats_are_told_once() -> None:
    text = edited(
        ("nodeSelector: {gpu: amd}\n", "nodeSelector: &amd {gpu:amd}\n"),
        ("nodeSelector: {gpu: amd, node-type: baremetal}", "nodeSelector: *amd"),
    )
    (told,) = problems(text)
    assert (told.code, told.hint) == ("SPEC103", "write `gpu: amd`")


def test_keys_that_run_into_their_values_are_all_that_is_told_of_a_mapping() -> None:
    text = edited(
        ("{gpu: amd, node-type: baremetal}", "{gpu:amd, node-type:baremetal}"),
        ("{id: 20, cidr: 10.0.20.0/24,", "{id:20, cidr: 10.0.20.0,"),
        ("cpus: 16", "cpus: none"),
    )
    assert [(p.code, str(p.path), p.hint) for p in problems(text)] == [
        ("SPEC103", "networks.vlans.services.id:20", "write `id: 20`"),
        ("SPEC103", "hosts.homelab.cpus", None),
        ("SPEC103", "hosts.homelab.kubernetes.labels.gpu:amd", "write `gpu: amd`"),
        ("SPEC103", "hosts.homelab.kubernetes.labels.node-type:baremetal", "write `node-type: baremetal`"),
    ]


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", "SPEC006", 1, 1),
        ("# nothing\n", "SPEC006", 1, 1),
        ("a: 1\n---\nb: 2\n", "SPEC006", 2, 1),
        ("a:\n\tb: 1\n", "SPEC003", 2, 1),
        ("a: [1, 2\n", "SPEC003", 2, 1),
        ("a: 1\n b: 2\n", "SPEC003", 2, 3),
        ("a: *nobody\n", "SPEC003", 1, 4),
        ("a: !!python/object:os.system x\n", "SPEC003", 1, 4),
        ("? [a]\n: 1\n", "SPEC003", 1, 3),
        ("a: &a [*a]\n", "SPEC005", 1, 8),
        ("x: \u202ehidden\n", "SPEC002", 1, 4),
        ("x: a\x1b[31m\n", "SPEC002", 1, 5),
        ("- not\n- a mapping\n", "SPEC103", 1, 1),
        ("just text\n", "SPEC103", 1, 1),
    ],
)
def test_text_that_is_no_spec(text: str, code: str, line: int, column: int) -> None:
    (problem,) = problems(text)
    assert (problem.code, problem.span.line, problem.span.column) == (code, line, column)


def test_a_choice_may_be_a_word_that_yaml_1_1_takes_for_another() -> None:
    plain = parse_spec(edited(("mode: host #", "mode: off #")))
    assert plain == parse_spec(edited(("mode: host #", 'mode: "off" #')))


def test_a_key_that_has_another_name_does_not_lack() -> None:
    text = edited(("    vcpus: 2\n    memory: 4GiB\n", "    vcpu: 2\n    ram: 4GiB\n"))
    assert [(p.code, underlined(p), p.hint) for p in problems(text)] == [
        ("SPEC101", "vcpu", "did you mean 'vcpus'?"),
        ("SPEC101", "ram", "did you mean 'memory'?"),
    ]
    # One of two can be meant, so one more key lacks.
    text = edited(("    vcpus: 2\n    memory: 4GiB\n", "    cores: 2\n    ncpu: 2\n"))
    assert [(p.code, underlined(p)) for p in problems(text)] == [
        ("SPEC102", "k8s-master"),
        ("SPEC101", "cores"),
        ("SPEC101", "ncpu"),
    ]


def test_all_keys_that_a_mapping_lacks_are_told_at_once() -> None:
    text = edited(("    vcpus: 2\n    memory: 4GiB\n", ""), ("    uplink: enp1s0\n", ""))
    host, guest = problems(text)
    assert host.message == "hosts.homelab lacks the key 'uplink'"
    assert guest.message == "guests.k8s-master lacks the keys 'vcpus' and 'memory'"
    assert guest.hint == "vcpus: virtual processors; memory: memory, like `4GiB`"


@pytest.mark.parametrize(
    ("old", "new", "path", "under"),
    [
        (
            "    kubernetes: {role: worker}\n\n",
            "  kubernetes: {role: worker}\n\n",
            "kubernetes",
            "kubernetes",
        ),
        ("    memory: 4GiB\n    kubernetes:", "  memory: 4GiB\n  vm:", "memory", "4GiB"),
    ],
)
def test_a_key_that_is_not_indented_far_enough(old: str, new: str, path: str, under: str) -> None:
    (problem,) = [p for p in problems(edited((old, new))) if p.path[:2] == ("guests", path)]
    assert underlined(problem) == under
    assert (
        problem.hint == f"{path!r} is a key of what stands above it: indent it further, if it belongs there"
    )


def test_a_key_that_is_indented_too_far() -> None:
    flow = "addresses: {management: 10.0.10.5, services: 10.0.20.5}\n"
    block = "addresses:\n      management: 10.0.10.5\n      kubernetes: {role: worker}\n"
    (problem,) = problems(edited((flow, block)))
    assert underlined(problem) == "kubernetes"
    assert problem.hint == "indent it less, if it belongs to hosts.homelab"
    (problem,) = problems(edited((flow, "addresses: {management: {id: 1}}\n")))
    assert problem.hint is None


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("guests:\n  k8s-master:\n    host", "guests:\n  - host", "give each a name"),
        ("    kubernetes: {role: control-plane}", "    kubernetes: [{role: x}]", "without a dash"),
    ],
)
def test_a_list_in_place_of_a_mapping(old: str, new: str, hint: str) -> None:
    start, rest = edited((old, new)).split("guests:", 1)
    if hint.startswith("give"):
        rest = rest[: rest.index("  k8s-worker-1")] + rest[rest.index("\nkubernetes:") :]
    (problem,) = problems(f"{start}guests:{rest}")
    assert problem.code == "SPEC103"
    assert hint in problem.hint


@pytest.mark.parametrize("key", ["AGE-SECRET-KEY-1QQPZRY9X8", "3f9c1b7e5d2a48860b1c9e7f4a6d2358"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("admin: age1", "admin: {}age1"),
        ("admin: age1", "{}: age1"),
        ("homelab: age1", "homelab: {{a: {}}}\n    x: age1"),
        ("joinToken: {secret: k8s/join-token}", "joinToken: {}"),
        ("joinToken: {secret: k8s/join-token}", "joinToken: {{secrets: {}}}"),
        ("- ssh-ed25519 A", "- {}"),
        ("role: control-plane", "role: {}"),
    ],
)
def test_no_problem_tells_a_secret(key: str, old: str, new: str) -> None:
    if key.startswith("3f9c") and "joinToken" not in old:
        return  # elsewhere, 32 hex digits are no secret
    for problem in problems(edited((old, new.format(key)))):
        assert not [said for said in (str(problem), repr(problem)) if key[16:] in said]


def test_deep_nesting_and_alias_bombs_are_refused_quickly() -> None:
    assert problems("a: " + "[" * 100 + "]" * 100)[0].code == "SPEC005"
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    assert problems(bomb)[0].code == "SPEC005"


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    text = edited(
        ("cpus: 16", "cpus: none"), ("vcpus: 2", "vcpu: 2"), ("id: 10,", "id: 0,"), ("gpus: 1", "gpus: -1")
    )
    found = problems(text)
    assert [p.code for p in found] == ["SPEC104", "SPEC103", "SPEC101", "SPEC104"]
    assert [p.span.line for p in found] == sorted(p.span.line for p in found)


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("# ä\nname: b\n".encode("latin-1"))
    os.mkfifo(tmp_path / "pipe")
    for name, code, message in (
        ("missing.yaml", "SPEC001", "no such file"),
        (".", "SPEC001", "is a directory"),
        ("pipe", "SPEC001", "it is a pipe or device"),
        ("latin.yaml", "SPEC002", "byte 0xe4 is not UTF-8"),
    ):
        with pytest.raises(SpecError) as caught:
            load_spec(tmp_path / name)
        (problem,) = caught.value.report
        assert problem.code == code
        assert message in problem.message
        assert problem.span.file == str(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything: run the tests as another user")
def test_file_without_permission(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(EXAMPLE)
    file.chmod(0)
    with pytest.raises(SpecError, match="permission denied"):
        load_spec(file)


def test_messages_hold_no_control_characters() -> None:
    text = edited(("uplink: enp1s0", 'uplink: "a\\e[31m\\u202e"'), ("models: /var", 'models: "\\r/var'))
    with pytest.raises(SpecError) as caught:
        parse_spec(text.replace("/lib/ollama\n", '/lib/ollama"\n', 1))
    said = [part for p in caught.value.report for part in (p.message, p.hint or "", p.span.text)]
    assert all(part.isprintable() for part in said), said


def test_place_of_every_value_is_known() -> None:
    spec = parse_spec(EXAMPLE)
    span = spec.source.locate(SpecPath.of("guests", "k8s-worker-1", "address"))
    assert span.text == "    address: 10.0.20.11"
    assert (span.column, span.width) == (14, 10)
    key = spec.source.locate(SpecPath.of("guests", "k8s-worker-1"), key=True)
    assert key.text == "  k8s-worker-1:"


def _shuffled(data: object, source: random.Random) -> object:
    if isinstance(data, dict):
        items = [(key, _shuffled(value, source)) for key, value in data.items()]
        source.shuffle(items)
        return dict(items)
    return [_shuffled(item, source) for item in data] if isinstance(data, list) else data


@pytest.mark.parametrize("seed", range(5))
def test_order_of_keys_never_matters(seed: int) -> None:
    shuffled = _shuffled(yaml.safe_load(EXAMPLE), random.Random(seed))
    assert parse_spec(yaml.safe_dump(shuffled, sort_keys=False)) == parse_spec(EXAMPLE)


def test_anchors_and_merge_keys_are_plain_yaml() -> None:
    where = "    host: homelab\n    vlan: services\n"
    merged = edited(
        (f"  k8s-master:\n{where}", f"  k8s-master: &master\n{where}"),
        (f"  k8s-worker-1:\n{where}", "  k8s-worker-1:\n    <<: *master\n"),
    )
    assert parse_spec(merged) == parse_spec(EXAMPLE)


def test_python_refuses_what_a_file_may_not_say() -> None:
    spec = parse_spec(EXAMPLE)
    arguments = {name: getattr(spec, name) for name in ("nixos", "admin", "networks", "hosts")}
    with pytest.raises(ScalarError, match="not a DNS label"):
        ClusterSpec(name="Home Lab", **arguments)
    with pytest.raises(ScalarError, match="not a version"):
        ClusterSpec(name="homelab", api_version="hybridlab/v9", **arguments)
    with pytest.raises(TypeError):
        spec.hosts["other"] = spec.hosts["homelab"]


@pytest.mark.parametrize(("key", "value"), [("network", "calico"), ("pki", "kubeadm")])
def test_of_one_choice_alone_it_is_said_why(key: str, value: str) -> None:
    text = patched(f"kubernetes: {{{key}: {value}}}")
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    (one,) = caught.value.report
    assert (one.code, str(one.path)) == ("SPEC104", f"kubernetes.{key}")
    assert one.message.startswith(f"{value!r} is not ")
    assert one.hint is not None and " is the only " in one.hint


@pytest.mark.parametrize(
    ("folder", "hint"),
    [
        ("forge", "did you mean apps/forge?"),
        ("aps/media", "did you mean apps/media?"),
        ("deep/inside", "did you mean one/two/inside?"),
        ("nothing", None),
        (".hidden/there", None),
    ],
)
def test_a_folder_that_is_not_there_may_be_elsewhere(tmp_path: Path, folder: str, hint: str | None) -> None:
    for there in ("apps/forge", "apps/media", "one/two/inside", ".git/nothing"):
        (tmp_path / there).mkdir(parents=True)
    spec = tmp_path / "cluster.yaml"
    spec.write_text(patched(f"workloads: {{own: {{type: manifests, folder: {folder}}}}}"))
    with pytest.raises(SpecError) as caught:
        load_spec(spec)
    (one,) = caught.value.report
    assert (one.code, str(one.path), one.hint) == ("SPEC007", "workloads.own.folder", hint)

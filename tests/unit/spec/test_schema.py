"""The JSON Schema: made from the classes, of one meaning in every dialect, and open about what it misses."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest
from ruamel.yaml import YAML

from hybridlab import parse_spec
from hybridlab.errors import SpecError
from hybridlab.spec.cluster import ClusterSpec
from hybridlab.spec.converter import keys_of
from hybridlab.spec.document import read_document, to_data
from hybridlab.spec.ecma import ecma_pattern
from hybridlab.spec.machine import GuestSpec
from hybridlab.spec.scalars import hidden_character
from hybridlab.spec.schema import cluster_schema

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "schema/cluster.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
CLUSTERS = [
    ROOT / "cluster.yaml",
    ROOT / "tests/nix/second-homelab/cluster.yaml",
    *sorted(ROOT.glob("tests/corpus/bases/*/cluster.yaml")),
    *sorted(ROOT.glob("tests/corpus/good/*/cluster.yaml")),
]
PATTERNS = {name: d["pattern"] for name, d in SCHEMA["$defs"].items() if "pattern" in d}


def named(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]}


def accepts(name: str, value: object) -> bool:
    return bool(jsonschema.Draft202012Validator(named(name)).is_valid(value))


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", CLUSTERS, ids=lambda path: path.parent.name)
def test_good_clusters_are_accepted(path: Path) -> None:
    data = to_data(read_document(path, name="cluster.yaml").root)
    assert [error.message for error in VALIDATOR.iter_errors(data)] == []


def test_every_key_of_every_class_is_described() -> None:
    found = {"ClusterSpec": SCHEMA, **SCHEMA["$defs"]}
    todo, seen = [ClusterSpec], set()
    while todo:
        cls = todo.pop()
        seen.add(cls)
        properties = found[cls.__name__]["properties"]
        assert {k: p["description"] for k, p in properties.items() if k != "type"} == keys_of(cls)
        todo += [c for c in attrs_classes_in(cls) if c not in seen]
    assert GuestSpec in seen


def attrs_classes_in(cls: type) -> list[type]:
    """Return the classes that fields of `cls` are of, in whatever a field's type is made of."""
    found, todo = [], [f.type for f in attrs.fields(cls) if "doc" in f.metadata]
    while todo:
        part = todo.pop()
        todo += getattr(part, "__args__", ())
        if attrs.has(part):
            found.append(part)
    return found


def test_defaults_are_those_of_the_classes() -> None:
    guest = SCHEMA["$defs"]["GuestSpec"]["properties"]
    assert (guest["storage"]["default"], guest["hypervisor"]["default"]) == ("20GiB", "qemu")
    assert guest["balloon"]["default"] is False
    assert "default" not in guest["mac"]
    kubernetes = SCHEMA["$defs"]["KubernetesSpec"]["properties"]
    assert kubernetes["joinToken"]["default"] == {"secret": "k8s/join-token"}


def test_offered_values_are_not_the_only_ones() -> None:
    model = cluster_schema({(GuestSpec, "host"): ("alpha", "beta")})["$defs"]["GuestSpec"]["properties"][
        "host"
    ]
    assert model["anyOf"] == [{"enum": ["alpha", "beta"]}, {"$ref": "#/$defs/Name"}]


def test_a_visible_text_is_what_the_loader_calls_so() -> None:
    visible = re.compile(PATTERNS["Text"])
    for code in range(0x110000):
        assert (visible.search(chr(code)) is None) == (hidden_character(chr(code)) is not None), hex(code)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("Name", ["a", "a" * 63, "k8s-1"], ["", "a" * 64, "A", "-a", "a-", "a\n", "\na", "a_b", "ä"]),
        ("MacAddress", ["02:AB:cd:00:00:01"], ["02:ab:cd:00:00", "02-ab-cd-00-00-01"]),
        (
            "Address",
            ["10.0.0.1", "::", "fe80::1", "::ffff:10.0.0.1"],
            ["10.0.0.256", "10.0.0", "fe80", "1.2.3.4/8"],
        ),
        (
            "Network",
            ["10.0.0.0/8", "fd00::/64"],
            ["10.0.0.0", "10.0.0.0/33", "fd00::/129", "10.0.0.0/255.0.0.0"],
        ),
        ("Size", ["1MiB", "999999999TiB"], ["1GB", "0GiB", "01GiB", "1GiB\n", 4, "4"]),
        ("Cpu", [1, 4096, "500m"], [0, 4097, 1.5, "0m", "2", True]),
        ("VlanId", [1, 4094], [0, 4095, "10", 10.5, True, None]),
        ("HostPath", ["/a", "/var/lib/x@1"], ["a", "/", "/a/", "/a/../b", "/a b", "/" + "a" * 1024]),
        ("Text", ["", "é\n\t🦊"], ["\r", "a\u202e", 1, None]),
    ],
)
def test_values_at_the_borders(name: str, good: list[object], bad: list[object]) -> None:
    assert [value for value in good if not accepts(name, value)] == []
    assert [value for value in bad if accepts(name, value)] == []


def test_what_it_can_not_say_is_written_down() -> None:
    page = (ROOT / "docs/editor.md").read_text(encoding="utf-8")
    rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    commented = {name for name, definition in SCHEMA["$defs"].items() if "$comment" in definition}
    assert documented == commented, "docs/editor.md lists each definition that has a $comment"


# What is right to the schema once it was read, and what the loader refuses as it stands in the file.
@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("user: limjihoon", "user: no", "SPEC103"),
        ("gpus: 1", "gpus: 0o1", "SPEC103"),
        ("cpus: 16", "cpus: 0b1", "SPEC103"),
        ("name: homelab", "name: !!str homelab", "SPEC003"),
        ("name: homelab", "name: homelab # \u202e", "SPEC002"),
    ],
)
def test_the_loader_refuses_how_a_value_is_written(old: str, new: str, code: str) -> None:
    text = (ROOT / "cluster.yaml").read_text(encoding="utf-8").replace(old, new, 1)
    if code != "SPEC002":
        assert VALIDATOR.is_valid(json.loads(json.dumps(YAML(typ="safe", pure=True).load(text))))
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    assert [problem.code for problem in caught.value.report] == [code]


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        (r"a|b", r"^(?:a|b)$(?!\n)"),
        (r"sk\-ssh\@x\.y", r"^sk-ssh@x\.y$(?!\n)"),
        (r"[a\-b]", r"^[a\-b]$(?!\n)"),
        (r"[^\n]*(?=a)(?!b)(?:c){1,2}?", r"^[^\n]*(?=a)(?!b)(?:c){1,2}?$(?!\n)"),
    ],
)
def test_a_pattern_in_both_dialects(pattern: str, written: str) -> None:
    assert ecma_pattern(re.compile(pattern)) == written


def test_a_dot_that_takes_line_feeds() -> None:
    assert ecma_pattern(re.compile(r"a.[.]\.", re.DOTALL)) == r"^a[\s\S][.]\.$(?!\n)"


def test_letters_of_either_case() -> None:
    assert ecma_pattern(re.compile("[0-9a-f]{4}"), either_case=True) == r"^[0-9A-Fa-f]{4}$(?!\n)"


@pytest.mark.parametrize(
    "pattern",
    [r"\d", r"[\w.]", r"\bx", r"x\Z", r"(a)\1", r"(?P<x>a)", r"(?<=a)b", r"(?i:a)", r"a{,3}", r"a++"],
)
def test_a_pattern_that_only_python_has_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="the same to Python and to JSON Schema"):
        ecma_pattern(re.compile(pattern))


def test_a_flag_that_only_python_has_is_refused() -> None:
    with pytest.raises(ValueError, match="flags"):
        ecma_pattern(re.compile("a", re.IGNORECASE))


def test_javascript_reads_the_patterns_as_python_does() -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("node is not here")
    texts = [
        "",
        "a",
        "a\n",
        "\n",
        "A-b",
        "a--b",
        "é",
        "🦊",
        "\ud800",
        "a\u2028",
        "\x85",
        "\ufeff",
        "10.0.0.1",
        "::1",
    ]
    texts += [
        "..",
        "a/b",
        "/a/..",
        "/a\n",
        "4GiB",
        "02:ab:CD:00:00:01",
        "x=y:NoSchedule",
        "nginx:1",
        "26.05",
        "A_1",
    ]
    # To other types no more than what Text lets through: white space that nobody sees is in one dialect only.
    cases = [(name, text) for name in PATTERNS for text in texts if name == "Text" or accepts("Text", text)]
    script = (
        "const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(cases.map(([p, t]) => new RegExp(p, 'u').test(t))))"
    )
    given = json.dumps([(PATTERNS[name], text) for name, text in cases])
    run = subprocess.run([node, "-e", script], input=given, capture_output=True, text=True, check=True)
    python = [re.search(PATTERNS[name], text) is not None for name, text in cases]
    assert [c for c, js, py in zip(cases, json.loads(run.stdout), python, strict=True) if js != py] == []

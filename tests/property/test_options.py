"""Laws of the option table: all that emitters write stands in it, and nothing else does."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from hypothesis import Phase, given, settings

from emitted import emitted, fields
from hybridlab import Cluster, check, emit_all, load_spec, parse_spec, resolve
from hybridlab.tables import options
from hybridlab.tables.options.kinds import Attrs, AttrsOf, Kind, ListOf, NullOr
from hybridlab.tables.options.replaced import REPLACED
from hybridlab.tables.releases import RELEASES
from patched import GPU_FOR_A_GUEST
from patched import cluster as patched
from strategies import Data, as_yaml, good_clusters

ROOT = Path(__file__).parents[2]

# Between them and the worked example every option is written.
PATCHES = {
    "GPU for a guest": GPU_FOR_A_GUEST,
    "GPU for nobody": """
      hosts: {homelab: {gpu: {mode: "off"}}}
      workloads: null
    """,
    "taints": """
      guests: {k8s-worker-1: {kubernetes: {taints: [
        "disk=slow:PreferNoSchedule", "disk=slow:NoSchedule", "size:NoExecute"]}}}
    """,
    "unschedulable worker": "guests: {k8s-worker-1: {kubernetes: {schedulable: false}}}",
    "privileged pod": "workloads: {ollama: {privileged: true}}",
    "a secret for a pod": """
      workloads: {page: {type: deployment, image: "nginx:1.29.1", env: {KEY: {secret: page/key}}}}
    """,
    "time zone, and memory given back": """
      nixos: {timeZone: Europe/Berlin}
      guests: {k8s-worker-1: {balloon: true}}
    """,
}


def example() -> Cluster:
    return resolve(load_spec(ROOT / "cluster.yaml"))


# Not shrunk, which takes minutes: the message names file and option.
@settings(max_examples=60, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(good_clusters(most_guests=12))
def test_every_option_is_in_the_table_and_has_its_type(data: Data) -> None:
    cluster = resolve(parse_spec(as_yaml(data)))
    for file, values, _ in emitted(cluster):
        assert list(options.problems(cluster.nixos.release, values)) == [], file


@settings(max_examples=10)
@given(good_clusters(most_guests=4))
def test_what_is_held_against_the_table_is_what_is_written(data: Data) -> None:
    cluster = resolve(parse_spec(as_yaml(data)))
    written = {
        str(file.path): file.text
        for file in emit_all(cluster)
        if file.path.suffix == ".nix" and file.path.name not in ("constants.nix", "default.nix")
    }
    assert {file: text for file, _, text in emitted(cluster)} == written


def test_the_example_and_its_variants_write_nothing_that_is_wrong() -> None:
    for name, cluster in variants():
        for file, values, _ in emitted(cluster):
            assert list(options.problems(cluster.nixos.release, values)) == [], (name, file)


def test_no_row_and_no_field_of_a_row_is_dead() -> None:
    seen = {
        place
        for _, cluster in variants()
        for _, values, _ in emitted(cluster)
        for path, value in options.settings(values)
        for place in places_of(path, value)
    }
    table = {(*option.names, *way) for option in options.OPTIONS.values() for way, _ in fields(option.kind)}
    assert sorted(".".join(place) for place in table - seen) == []


def test_nothing_that_is_gone_is_in_the_table() -> None:
    for release in RELEASES:
        for path in options.OPTIONS:
            reason = options.problem(release, path.split("."), None)
            assert reason is None or "is gone" not in reason
    assert not REPLACED.keys() & options.OPTIONS.keys()


def test_every_file_of_ours_that_the_table_names_declares_its_options() -> None:
    for option in options.OPTIONS.values():
        if option.source.project is options.Project.OURS:
            *group, name = option.names
            text = (ROOT / option.source.file).read_text(encoding="utf-8")
            assert f"options.{'.'.join(group)} = {{" in text
            assert f"{name} = lib.mk" in text


def variants() -> Iterator[tuple[str, Cluster]]:
    yield "example", example()
    for name, patch in PATCHES.items():
        cluster = patched(patch)
        assert check(cluster).ok, (name, [diagnostic.message for diagnostic in check(cluster).errors])
        yield name, cluster


def places_of(path: tuple[str, ...], value: object) -> Iterator[tuple[str, ...]]:
    """Yield the option's place in the table, and those of the fields that its value has."""
    option = options.find(path)
    assert option is not None, path
    yield option.names
    yield from ((*option.names, *way) for way in ways(value, option.kind))


def ways(value: object, kind: Kind) -> Iterator[tuple[str, ...]]:
    match kind, value:
        case NullOr(inner), _:
            yield from ways(value, inner)
        case AttrsOf(inner), Mapping():
            yield from (("<name>", *way) for one in value.values() for way in ways(one, inner))
        case Attrs(known), Mapping():
            for name, one in value.items():
                yield (name,)
                yield from ((name, *way) for way in ways(one, known[name]))
        case ListOf(item), list():
            yield from (("[]", *way) for one in value for way in ways(one, item))

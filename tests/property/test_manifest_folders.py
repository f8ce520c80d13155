"""Whatever stands in manifests of the user's own, they are refused with a place or taken as they are."""

import copy
import json

import yaml
from hypothesis import event, given
from hypothesis import strategies as st

from hybridlab import ResolveError, SpecError, check, emit_all, parse_spec, resolve
from kubernetes.test_verdicts import RIGHT, SPEC
from patched import patched
from strategies import HOSTILE, places

TEXT = patched(SPEC)
RIGHT_DOCUMENTS = list(yaml.safe_load_all(RIGHT))
VALUES = st.sampled_from(
    (
        None,
        True,
        -1,
        0,
        2**70,
        1.5,
        "",
        "1e999999",
        "5Kii",
        "10.0.20.5:31435",
        "999.1.1.1:99999",
        "10.244.0.1",
        [],
        [None],
        [[[]]],
        {},
        {"a": None},
        "List",
        "v1",
        *HOSTILE,
    )
) | st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FF, blacklist_categories=("Cc", "Cs")), max_size=9
)


@st.composite
def damaged_manifests(draw: st.DrawFn) -> str:
    """The right manifests with up to five values exchanged, removed, or swapped with one of another place."""
    documents = copy.deepcopy(RIGHT_DOCUMENTS)
    for _ in range(draw(st.integers(1, 5))):
        found = list(places(documents))
        if not found:
            break
        parent, key = found[draw(st.integers(0, len(found) - 1))]
        other, other_key = found[draw(st.integers(0, len(found) - 1))]
        match draw(st.sampled_from(["replace", "copy", "remove"])):
            case "replace":
                parent[key] = draw(VALUES)
            case "copy":
                parent[key] = copy.deepcopy(other[other_key])
            case "remove":
                del parent[key]
    # JSON: what PyYAML writes for `1e999999`, another reader may take for a number.
    return "---\n".join(json.dumps(document, ensure_ascii=False, indent=1) + "\n" for document in documents)


@given(damaged_manifests())
def test_a_damaged_manifest_is_refused_with_a_place_or_taken_as_it_is(text: str) -> None:
    try:
        cluster = resolve(parse_spec(TEXT, folders={"own": {"app.yaml": text.encode()}}))
    except (SpecError, ResolveError) as error:
        event("is no object")
        assert all(problem.span is not None for problem in error.report)
        return
    report = check(cluster)
    for problem in report:
        assert problem.span is not None, problem
        assert problem.message.isprintable(), problem.message
    event("has errors" if report.errors else "is taken")
    files = emit_all(cluster)
    assert files["k8s/own/app.yaml"].text == text


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_refused_with_a_place_or_taken_as_they_are(content: bytes) -> None:
    try:
        cluster = resolve(parse_spec(TEXT, folders={"own": {"app.yaml": content}}))
    except (SpecError, ResolveError) as error:
        assert all(problem.span is not None for problem in error.report)
        return
    assert emit_all(cluster)["k8s/own/app.yaml"].content == content

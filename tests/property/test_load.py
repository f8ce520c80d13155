"""The loader over anything: a file is a spec, or a list of problems that each have a place in it."""

import re
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from hybridlab import load_spec
from hybridlab.cli.findings import FORMATS
from hybridlab.errors import SpecError
from hybridlab.fix import look
from hybridlab.spec.cluster import ClusterSpec

EXAMPLE = (Path(__file__).parents[2] / "cluster.yaml").read_text(encoding="utf-8")
LINES = EXAMPLE.splitlines(keepends=True)

FRAGMENTS = (
    *("{", "}", "[", "]", ": ", "- ", "? ", "&a ", "*a ", "<<: *a", "!!str ", "!x ", "|\n", ">-\n", "'", '"'),
    *(
        "#",
        "%YAML 1.1\n",
        "---\n",
        "...\n",
        "\t",
        "\r\n",
        "\r",
        "\x00",
        "\x1b[2J",
        "\u202e",
        "\ufeff",
        "\u2028",
    ),
    *("~", "null", "yes", "017", "0x1F", "12:30", "1e3", ".nan", "-.inf", "9" * 5000, "${x}", "\\", "🦊"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("load")


@st.composite
def damaged_specs(draw: st.DrawFn) -> bytes:
    """The example with a few characters, lines or fragments taken out, doubled, swapped or put in."""
    text = EXAMPLE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from((0, 0, 1, 5, 80))))
        middle = draw(st.sampled_from(FRAGMENTS) | st.sampled_from(LINES) | st.text(max_size=5))
        text = text[:start] + middle + text[end:]
    return text.encode("utf-8", "surrogatepass")


def assert_spec_or_placed_problems(folder: Path, content: bytes) -> None:
    path = folder / "cluster.yaml"
    path.write_bytes(content)
    try:
        spec = load_spec(path)
    except SpecError as error:
        event("refused")
        assert error.report.errors
        for problem in error.report:
            span = problem.span
            assert span is not None, problem
            assert span.file == str(path)
            assert 1 <= span.line <= content.count(b"\n") + content.count(b"\r") + 1
            assert 1 <= span.column <= len(span.text) + 1
            assert problem.message.isprintable(), problem.message
            assert problem.message == problem.message.strip()
    else:
        event("accepted")
        assert isinstance(spec, ClusterSpec)


@settings(max_examples=150)
@given(content=damaged_specs())
def test_damaged_example_is_a_spec_or_placed_problems(content: bytes, folder: Path) -> None:
    assert_spec_or_placed_problems(folder, content)


@settings(max_examples=150)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")))
def test_any_bytes_are_a_spec_or_placed_problems(content: bytes, folder: Path) -> None:
    assert_spec_or_placed_problems(folder, content)


SECRETS = (
    ("AGE-SECRET-KEY-1{}", "QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    ("-----BEGIN OPENSSH PRIVATE KEY----- {} -----END OPENSSH PRIVATE KEY-----", "bm90IGEga2V5LCBidXQgbG9v"),
    (
        "|\n        -----BEGIN RSA PRIVATE KEY-----\n        {}\n        -----END RSA PRIVATE KEY-----",
        "a3MgbGlrZSBv",
    ),
)


@st.composite
def specs_with_a_private_key(draw: st.DrawFn) -> tuple[str, str]:
    """The example with a private key in the place of a word, or before it, and what nobody may be told."""
    form, secret = draw(st.sampled_from(SECRETS))
    words = [match.span() for match in re.finditer(r"[A-Za-z0-9./-]+", EXAMPLE)]
    start, end = draw(st.sampled_from(words))
    put = draw(st.sampled_from(("{}", '"{}"', "{}: ", "- {}", "[{}]", "x: {} "))).format(form.format(secret))
    return EXAMPLE[:start] + put + EXAMPLE[draw(st.sampled_from((start, end))) :], secret


@settings(max_examples=150)
@given(case=specs_with_a_private_key())
def test_no_format_tells_a_private_key(case: tuple[str, str], folder: Path) -> None:
    text, secret = case
    (folder / "cluster.yaml").write_text(text, encoding="utf-8")
    report = look(folder / "cluster.yaml")
    event("refused" if report.errors else "accepted")
    assert not [name for name, form in FORMATS.items() if secret in form(report)]

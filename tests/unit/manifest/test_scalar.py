"""Values that some YAML reader takes for something else, read back by a reader of YAML 1.1 and one of 1.2."""

import unicodedata

import pytest
import yaml
from ruamel.yaml import YAML

from hybridlab.manifest.data import MAX_DEPTH
from hybridlab.manifest.printer import print_yaml
from hybridlab.manifest.scalar import comment_lines, literal_block, print_scalar


def words(text: str) -> list[str]:
    return text.split()


RESOLVED = words(
    """
    y Y n N yes Yes YES no No NO on On ON off Off OFF true True TRUE false False FALSE
    ~ null Null NULL = << <
    0 00 7 08 017 00123 0o17 0O17 0x1F 0X1f 0b1 0B1 -0b1 0_b1 0_x1F 0x 0x_ +1 -1 1_000 _1 -_ +_ 1,000
    9223372036854775808 18446744073709551616
    1e3 1E3 1e+3 1.0e+3 1e 1e_ 1. .5 -.5 +.5 ._ .5e3 0.1_0 1_0.5 .inf -.inf +.INF .Inf .nan .NaN .NAN -.nan
    12:30 1:2:3 1:20:30 190:20:30.15 -1:30 8080:80 22:22 52:54:00:12:34:56 1:
    2026-11-24 2026-1-4 2026-11-24T10:00:00Z 2026-11-24t10:00:00.5+01:00
    """
)
TIMES = ["2026-11-24 10:00:00", "2026-11-24\t10:00:00 -5", "2026-11-24 10:00:00.25 +1:00"]
INDICATORS = words(
    r"""
    - -a -- --- ---a ... ..a .. . ? ?a : :a a: a:b # a#b , [ ] [a] { } {} [] {a:b} & &a * *a ! !tag !!str
    | |- > >- % %YAML @ @a ` `a` ' '' 'a' it's " "" "a" \ \n a\ $(A) ${A} ''${A}
    """
)
# fmt: off
BLANKS = [
    "", " ", "  ", " a", "a ", "  a  ", "a  b", "\t", "\ta", "a\t", "a\tb", "a\t#b", "a:\tb", "-\ta", "?\ta",
    "- ", "- a", "--- a", "... a", "? a", ": a", "a: ", "a: b", "a :b", "a #", "a #b", "# a", "a, b", "! a",
    "{a: b}", "[a, b]", "> a", "%YAML 1.1", 'say "a"', "'a' b", '"a" b', "@ a", "*a : b", "&a b",
]
INVISIBLES = [
    "\r", "a\rb", "a\r\nb", "\x85", "a\x85b", "\u2028", "a\u2028b", "\u2029", "\ufeff", "\ufeffa", "a\ufeff",
    "\x01", "\x07", "\x08", "\x0b", "\x0c", "\x1b[31m", "\x1f", "\x7f", "\x80", "\x9f", "\xa0", "a\xa0b",
    "a\u202eb", "\u202a", "\u2066a\u2069", "\u200e", "\u200f", "\u061c", "\u200b", "\u200d", "\u2060", "\xad",
    "\u3000", "\ufe0f", "\U000e0001", "\U000e0100", "\ufffe", "\uffff", "\ufffb", "\U0001fffe",
]
LETTERS = ["ü", "日本語", "שלום", "\U0001f600", "a\U0001f600b", "\U0010ffff", "e\u0301", "\ufffd", "\u0660"]
LINES = [
    "\n", "\n\n", "a\n", "a\n\n", "a\n\n\n", "\na", "\n\na", "\n a",
    "a\nb", "a\nb\n", "a\n\nb", "a\n  b\nc\n",
    " a\nb", "  a\nb\n", "\ta\nb", "a\n\tb\n", "\n\ta\n",
    "a \nb", "a\n \nb", "a\n\t\nb", "a\nb ", " \na", "a\n ",
    "---\na\n", "...\na\n", "# a\nb\n", "a: b\n- c\n", "%a\nb\n", "a\n---\nb", "a\n# b\n", '"a\nb"', "a\\\nb",
    "a\r\nb\n", "a\x85b\nc", "a\u2028b\nc", "a\n\u202eb\n", "\ufeffa\nb", "ü\n\U0001f600\n",
]
# fmt: on
LONG = ["k" * 127, "k" * 128, "k" * 129, "k" * 1024, "k" * 1025, "\u202e" * 200, "word " * 400 + "end"]
NASTY = [*RESOLVED, *TIMES, *INDICATORS, *BLANKS, *INVISIBLES, *LETTERS, *LINES, *LONG]

READERS = {
    "PyYAML, YAML 1.1": yaml.safe_load,
    "ruamel.yaml, YAML 1.2": YAML(typ="safe", pure=True).load,
}


@pytest.fixture(params=READERS, ids=["yaml-1.1", "yaml-1.2"])
def read(request: pytest.FixtureRequest):
    return READERS[request.param]


# repr tells types, the order of keys and the sign of zero apart, which == does not.


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_text_is_read_back_as_the_same_text_wherever_it_stands(text, read):
    data = {
        "value": text,
        "list": [text, {text: text, "deep": [[text]]}],
        text: [text],
        "after": {"key": text},
    }
    assert repr(read(print_yaml(data))) == repr(data)


@pytest.mark.parametrize("text", NASTY, ids=ascii)
def test_text_can_be_a_whole_document(text, read):
    assert repr(read(print_yaml(text))) == repr(text)


def test_data_as_deep_as_allowed_is_read_back(read):
    data: object = "bottom"
    for _ in range(MAX_DEPTH // 2):
        data = {"key": [data]}
    assert read(print_yaml(data)) == data


NUMBERS = [
    *(0, -1, 8, 2**63 - 1, -(2**63), True, False, None, 0.0, -0.0, 1.0, 0.1, 1 / 3, 123456789.125, 1e3, 1e15),
    *(1e16, -1e16, 1e22, 1.5e300, 1.7976931348623157e308, 1e-4, 1e-5, 5e-324),
]


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_numbers_are_read_back_with_their_type(number, read):
    data = {"value": number, "list": [number]}
    assert repr(read(print_yaml(data))) == repr(data)


ORDINARY = [
    *words(
        """
        ollama 10.96.0.10 10.244.0.0/16 fd00::1 100m 64Gi 1.28.3 v1 0.5.1-rocm 5m0s 2d 2026-11-24-backup
        -e -c --port=11434 --label=a:b /var/lib/ollama ./run . .. ~/.kube http://a:80/b?c=d#e amd.com/gpu
        registry.k8s.io/pause@sha256:0a $(POD_IP) yesterday none Nope nul x=y <none> ü 日本語 \U0001f600
        """
    ),
    *("a b c", "it's", 'say "hi"', "a, b [c] {d}", "C:\\a b"),
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays_plain(text):
    assert print_scalar(text) == text


@pytest.mark.parametrize("text", words("0_b1 0_x1F 0B1 0O17 0X1F -.NAN 1_0e3 y N 2026-1-4"))
def test_text_that_only_the_reader_of_kubernetes_resolves_is_quoted(text):
    # go.yaml.in/yaml drops every underscore and tries Go's own number syntax.
    assert print_scalar(text) == f'"{text}"'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("no", '"no"'),
        ("8080", '"8080"'),
        ("", '""'),
        ("- a", '"- a"'),
        ('a: "b"', r'"a: \"b\""'),
        ("a\tb\\c: \n", r'"a\tb\\c: \n"'),
        ("a\u202eb", r'"a\u202Eb"'),
        ("\x1b[0m", r'"\u001B[0m"'),
        ("\U000e0001", r'"\U000E0001"'),
        (1e16, "1.0e+16"),
        (1e-7, "1.0e-07"),
        (-0.0, "-0.0"),
        (None, "null"),
        (True, "true"),
    ],
)
def test_values_are_written_like_this(value, written):
    assert print_scalar(value) == written


def test_a_literal_block_is_for_text_of_several_lines_that_it_shows_as_it_is():
    assert literal_block("set -e\nrun\n") == ("|", ["set -e", "run"])
    assert literal_block("a\nb") == ("|-", ["a", "b"])
    assert literal_block("a\n\n") == ("|+", ["a", ""])
    assert literal_block("  a\nb") == ("|2-", ["  a", "b"])
    assert literal_block("\ta\n") == ("|2", ["\ta"])
    for text in ["a", "", "\n\n", "a \nb", "a\t\nb", "a\n \nb", "a\r\nb", "a\n\u202eb", "a\x85b\n"]:
        assert literal_block(text) is None


def is_hidden(character: str) -> bool:
    category, direction = unicodedata.category(character), unicodedata.bidirectional(character)
    marks = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return character != " " and (category in {"Cc", "Zl", "Zp", "Zs"} or direction in marks)


def test_every_control_blank_and_mark_of_direction_in_unicode_is_written_as_an_escape():
    hidden = [character for character in map(chr, range(0x110000)) if is_hidden(character)]
    assert "\u202e" in hidden
    assert [character for character in hidden if character in print_scalar(f"a{character}b")] == []
    assert [character for character in hidden if character in "".join(comment_lines(f"a{character}b"))] == []


def test_a_comment_keeps_to_its_lines():
    assert comment_lines("why\nand: how") == ["# why", "# and: how"]
    assert comment_lines("a\r\nb\rc\x85d\u2028e\x0bf") == ["# a", "# b", "# c", "# d", "# e", "# f"]
    assert comment_lines("a\n\n b  ") == ["# a", "#", "#  b"]
    assert comment_lines("a\u202eb\x1b\ud800\x00") == [r"# a\u202Eb\u001B\uD800\u0000"]
    assert comment_lines("") == []

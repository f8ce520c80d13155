"""Attribute names: bare where Nix reads one name, quoted elsewhere."""

import pytest

from hybridlab.nixlang.names import is_identifier, print_name, print_path


@pytest.mark.parametrize("name", ["enable", "_x", "a-b", "a'", "A9", "true", "null", "__curPos", "orElse"])
def test_bare_names(name: str) -> None:
    assert is_identifier(name)
    assert print_name(name) == name


KEYWORDS = ["assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"]


@pytest.mark.parametrize("name", KEYWORDS)
def test_keywords_are_quoted(name: str) -> None:
    assert not is_identifier(name)
    assert print_name(name) == f'"{name}"'


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("", '""'),
        ("a.b", '"a.b"'),
        ("k8s/join-token", '"k8s/join-token"'),
        ("9p", '"9p"'),
        ("-a", '"-a"'),
        ("é", '"é"'),
        ("${x}", r'"\${x}"'),
        ('"', r'"\""'),
        ("a\n", r'"a\n"'),
        ("two\nlines\n", r'"two\nlines\n"'),
    ],
)
def test_other_names_are_quoted(name: str, printed: str) -> None:
    assert not is_identifier(name)
    assert print_name(name) == printed


def test_a_path_quotes_each_name_for_itself() -> None:
    assert print_path(("sops", "secrets", "a.b", "or")) == 'sops.secrets."a.b"."or"'

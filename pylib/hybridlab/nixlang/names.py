"""How a name is written in Nix: bare where the lexer takes it for one name, else as a string.

It knows strings, but no values and no layout.
"""

import re
from collections.abc import Iterable
from typing import Final

from hybridlab.nixlang.strings import string_lines

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*")
# `or` is no keyword of the language, but a bare attribute `or` confuses its parser.
_KEYWORDS: Final = frozenset({"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"})


def is_identifier(name: str) -> bool:
    """Say whether Nix reads `name` as one bare name, for a variable, a parameter or an attribute."""
    return _IDENTIFIER.fullmatch(name) is not None and name not in _KEYWORDS


def print_name(name: str) -> str:
    """Return an attribute name as it stands in Nix: `enable`, `"k8s/join-token"`, `"or"`, `""`."""
    return name if is_identifier(name) else string_lines(name, multiline=False)[0]


def print_path(names: Iterable[str]) -> str:
    """Return attribute names joined by dots: `sops.secrets."k8s/join-token".owner`."""
    return ".".join(map(print_name, names))

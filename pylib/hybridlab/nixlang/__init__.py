"""Nix expressions as values, and their text: knows Nix, knows no clusters."""

from hybridlab.nixlang.ast import File, Function, NixPath
from hybridlab.nixlang.build import Commented, call, groups, nix, nix_options, path, ref
from hybridlab.nixlang.printer import dumps, print_expr, print_file
from hybridlab.nixlang.strings import NixValueError

__all__ = [
    "Commented",
    "groups",
    "path",
    "ref",
    "call",
    "nix",
    "nix_options",
    "NixPath",
    "Function",
    "File",
    "print_expr",
    "print_file",
    "dumps",
    "NixValueError",
]

"""Small faults in the code of the rules, and how one is put into a running process.

The operators are cosmic-ray's. Its own runner starts a test run for each fault, and mutmut leaves functions
with a decorator out, which all rules have: here runs are forks of one process (`plugin.py`; decision 0011).
"""

import ast
import importlib
import re
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator, operator_names

from hybridlab.rules.rule import Rule

# A decorator is what makes a rule; its arguments are examples and texts, which have tests of their own.
# `is` for `==` is the same to Python for most values, or a warning. `/` joins paths and `|` mappings: another
# operator there is an error in whatever test, which says nothing of the tests.
_LEFT_OUT = re.compile(
    r"Decorator|Variable|NoOp|Exception|ComparisonOperator_(?!Is).*_Is(Not)?$|BinaryOperator_(Div|BitOr)_"
)


@frozen
class Mutant:
    """One fault: the file and module, the line where it is, and what is done there, by an operator."""

    path: Path
    module: str
    line: int
    operator: str
    occurrence: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.operator.partition('/')[2]}"

    def source(self) -> str | None:
        """Return the whole text of the module with the fault; None if it is no Python."""
        text = self.path.read_text(encoding="utf-8")
        operator = get_operator(self.operator)()
        changed: str | None = MutationVisitor.mutate_code(text, operator, self.occurrence)
        return changed if changed is not None and _compiles(changed) else None


def mutants_of(path: Path, module: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's functions."""
    source = path.read_text(encoding="utf-8")
    lines = _lines_of_functions(source)
    nodes = list(ast_nodes(get_ast(source)))
    for name in operator_names():
        if _LEFT_OUT.search(name):
            continue
        operator = get_operator(name)()
        places = [at for node in nodes for at in operator.mutation_positions(node)]
        for occurrence, ((line, _), _) in enumerate(places):
            if line in lines:
                yield Mutant(path, module, line, name, occurrence)


def _lines_of_functions(source: str) -> frozenset[int]:
    """Return the lines of functions' bodies, without what is an annotation or text for a person."""
    tree = ast.parse(source)
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found.update(range(node.body[0].lineno, (node.end_lineno or 0) + 1))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.AnnAssign):
            found.difference_update(range(node.lineno, (node.end_lineno or 0) + 1))
    return frozenset(found)


def _compiles(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def put_in(mutant: Mutant, source: str) -> None:
    """Give the functions of this process the code that they have in `source`, the mutant's."""
    module = importlib.import_module(mutant.module)
    changed: dict[str, Any] = {"__name__": mutant.module}
    exec(compile(source, module.__file__ or "", "exec"), changed)
    for name, old in vars(module).items():
        _replace(old, changed.get(name), mutant.module)


def _replace(old: object, new: object, module: str) -> None:
    match old, new:
        case Rule(), Rule():
            _replace(old.look, new.look, module)
        case types.FunctionType(), types.FunctionType() if old.__module__ == module:
            old.__code__ = new.__code__
        case property(), property():
            _replace(old.fget, new.fget, module)
        case classmethod(), classmethod():
            _replace(old.__func__, new.__func__, module)
        case type(), type() if old.__module__ == module:
            for name, method in vars(old).items():
                _replace(method, vars(new).get(name), module)

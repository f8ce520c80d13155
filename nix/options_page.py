"""Print docs/modules.md from what options.nix says of the hand-written modules; knows no Nix but its values.

usage: options_page.py <OPTIONS.json

It stands here and not in the library: it is about the flake's modules, which the library does not know, and
what it reads takes an evaluation, which the library may not run. Only the Nix printer is the library's.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import indent
from typing import Any

from hybridlab.nixlang import dumps

ROOT = Path(__file__).parents[1]
Option = Mapping[str, Any]

_HEAD = """\
<!-- Made by `just docs` from the modules' own declarations: do not edit. -->

# The NixOS modules

What a machine does stands in these modules, written by hand; what `hybridlab generate` writes only sets
options, theirs among them. `lib.mkCluster` imports all of them.

Each can also be used alone, without a `cluster.yaml`, in any NixOS configuration whose flake has this
repository as its input `hybridlab` and hands on its inputs (`specialArgs = { inherit inputs; }`);
`nixosModules.default` is all of them together. None does anything before its `enable` is `true`.

In names `*` is any element of a list and `<name>` any attribute. An option without a default has to be set.
"""


def page(modules: list[Mapping[str, Any]]) -> str:
    """Return the page, in Markdown."""
    return "\n".join(_lines(sorted(modules, key=lambda module: str(module["name"]))))


def _lines(modules: list[Mapping[str, Any]]) -> Iterator[str]:
    yield _HEAD
    yield "| module | options |"
    yield "| --- | --- |"
    for module in modules:
        yield f"| [{module['name']}](#{module['name']}) | {', '.join(_roots(module['options']))} |"
    yield ""
    for module in modules:
        yield from _module(module)


def _roots(options: list[Option]) -> list[str]:
    return sorted({f"`{_name(option['path'][:2])}`" for option in options})


def _module(module: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {module['name']}\n"
    yield _purpose((ROOT / module["file"]).read_text(encoding="utf-8"))
    yield f"\nAlone ([{module['file']}](../{module['file']})), at the least:\n"
    yield "```nix\n{ inputs, ... }:\n{"
    yield f"  imports = [ inputs.hybridlab.nixosModules.{module['name']} ];\n"
    for option in _least(module["options"]):
        yield indent(f"{_name(option['path'])} = {_value(option['example'])};", "  ")
    yield "}\n```\n"
    for option in sorted(module["options"], key=_order):
        yield from _option(option)


def _purpose(text: str) -> str:
    """Return the comment at the head of a module, with links to the pages that it names."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    return re.sub(r"docs/([\w/.-]+\.md)", r"[docs/\1](\1)", "\n".join(lines))


def _least(options: list[Option]) -> list[Option]:
    """Return the options of a module that one has to set for it to do something, `enable` first."""
    needed = [option for option in options if len(option["path"]) == 3 and not _default(option)]
    return [option for option in options if option["path"][2:] == ["enable"]] + needed


def _order(option: Option) -> tuple[tuple[bool, str], ...]:
    """Order by name, but `enable` before its siblings."""
    return tuple((word != "enable", word) for word in option["path"])


def _option(option: Option) -> Iterator[str]:
    yield f"### `{_name(option['path'])}`\n"
    yield f"{option['description'].strip()}\n"
    yield f"- type: `{option['type']}`"
    if default := _default(option):
        yield _entry("default", default)
    if "example" in option:
        yield _entry("example", _value(option["example"]))
    yield ""


def _default(option: Option) -> str:
    """Return the text of a default, or nothing."""
    if "defaultText" in option:
        return str(option["defaultText"])
    return _value(option["default"]) if "default" in option else ""


def _entry(title: str, text: str) -> str:
    if "\n" in text:
        return f"- {title}:\n\n" + indent(f"```nix\n{text}\n```\n", "  ").rstrip("\n")
    # Prose, as lib.literalMD has it, brings its own backticks.
    return f"- {title}: {text}" if "`" in text else f"- {title}: `{text}`"


def _name(path: list[str]) -> str:
    return ".".join(path)


def _value(value: Any) -> str:
    return dumps(value).strip()


if __name__ == "__main__":
    sys.stdout.write(page(json.load(sys.stdin)))

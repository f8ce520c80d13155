"""Damage to a homelab's files: to their bytes, to their lines, to the structure that YAML gives them."""

import copy
import json
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import yaml

Files = dict[str, bytes]

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
        "\0",
        "\x1b[2J",
        "\u202e",
        "\ufeff",
        "\u2028",
    ),
    *("~", "null", "yes", "017", "0x1F", "12:30", "1e3", ".nan", "-.inf", "${x}", "\\", "🦊", "=", "@", "`"),
)

# What a value becomes: other types, bounds, far too much, names of nothing, text that is code elsewhere.
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 2**200, 1.5, 1e308, -0.0, "", " ", "no", "nobody", "~"),
    *(
        "10.0.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "10.0.0.0/8",
        "0.0.0.0/0",
        "::/0",
    ),
    *(
        "10.0.20.0/31",
        "10.0.20.0/32",
        "2001:db8::/127",
        "1.1.1.1/0",
        "300.1.1.1",
        "10.0.20.10",
        "1MiB",
        "9" * 400,
    ),
    *(
        "999999999TiB",
        "a" * 70_000,
        "a\0b",
        "\x1b[31m",
        "../../etc",
        "/",
        "/nix/store",
        "${builtins.abort 1}",
    ),
    *("$(reboot)", "{{ x }}", "a: b", "'", '"', "\n", "ünï", "🦊" * 64, "xn--a", "kubernetes", "default"),
    *(
        "26.05",
        "99.99",
        "24.05",
        "worker",
        "control-plane",
        "host",
        "passthrough",
        "off",
        "manifests",
        "ollama",
    ),
    *(
        [],
        {},
        [[]],
        [{}],
        {"": {}},
        {"a": None},
        [None] * 100,
        {str(n): n for n in range(300)},
        ["10.0.0.1"] * 50,
    ),
)
KEYS = (
    "",
    "type",
    "kubernetes",
    "host",
    "vlan",
    "gpu",
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    "a.b",
    "é",
    "0",
    "<<",
)

Mutation = Callable[[random.Random, bytes], bytes]


def damaged(files: Mapping[str, bytes], source: random.Random, others: Iterable[bytes] = ()) -> Files:
    """Return the files with one to five faults in them; `others` are texts to take pieces of."""
    found = dict(files)
    pieces = [*files.values(), *others]
    for _ in range(source.choice((1, 1, 1, 2, 3, 5))):
        name = "cluster.yaml" if source.random() < 0.7 else source.choice(sorted(found))
        found[name] = source.choice(_MUTATIONS)(source, found[name], pieces)
    return found


def _bytes(source: random.Random, content: bytes, _: list[bytes]) -> bytes:
    """Flip, drop, repeat or insert bytes."""
    at = source.randint(0, len(content))
    to = min(len(content), at + source.choice((0, 1, 1, 3, 40)))
    middle = source.choice((b"", bytes([source.randrange(256)]), content[at:to] * 2, source.randbytes(4)))
    return content[:at] + middle + content[to:]


def _fragment(source: random.Random, content: bytes, _: list[bytes]) -> bytes:
    """Put something that means much to YAML somewhere."""
    at = source.randint(0, len(content))
    return content[:at] + source.choice(FRAGMENTS).encode() + content[at:]


def _lines(source: random.Random, content: bytes, pieces: list[bytes]) -> bytes:
    """Move, double, drop or indent lines, or take some of another file."""
    lines = content.split(b"\n")
    start = source.randrange(len(lines))
    stop = min(len(lines), start + source.choice((1, 1, 2, 8)))
    taken = lines[start:stop]
    match source.randrange(5):
        case 0:
            lines[start:stop] = []
        case 1:
            lines[start:start] = taken
        case 2:
            lines[start:stop] = []
            at = source.randint(0, len(lines))
            lines[at:at] = taken
        case 3:
            lines[start:stop] = [b"  " + line for line in taken]
        case _:
            other = source.choice(pieces).split(b"\n")
            at = source.randrange(len(other))
            lines[start:stop] = other[at : at + len(taken)]
    return b"\n".join(lines)


def _structure(source: random.Random, content: bytes, pieces: list[bytes]) -> bytes:
    """Exchange, remove, move or copy values of the document, and write it anew."""
    documents = _documents(content)
    if not documents:
        return _fragment(source, content, pieces)
    for _ in range(source.choice((1, 1, 2, 4))):
        found = list(_places(documents))
        holder, key = source.choice(found)
        other, other_key = source.choice(found)
        match source.randrange(6):
            case 0 | 1:
                holder[key] = copy.deepcopy(source.choice(VALUES))
            case 2:
                holder[key] = json.loads(json.dumps(other[other_key], default=str))
            case 3 if isinstance(holder, dict):
                holder[source.choice(KEYS)] = holder.pop(key)
            case 4 if len(holder) > 1 or isinstance(holder, dict):
                del holder[key]
            case _ if isinstance(holder[key], dict):
                holder[key][source.choice(KEYS)] = copy.deepcopy(source.choice(VALUES))
            case _ if isinstance(holder[key], list):
                holder[key].append(copy.deepcopy(source.choice(VALUES)))
        if not documents:
            return b""
    text = "---\n".join(
        json.dumps(one, default=str, ensure_ascii=source.random() < 0.5) + "\n" for one in documents
    )
    return text.encode("utf-8", "surrogatepass")


def _much(source: random.Random, content: bytes, _: list[bytes]) -> bytes:
    """Nest deeply, refer to oneself, or say one thing very often."""
    match source.randrange(6):
        case 0:
            return content + b"\nx: " + b"[" * source.choice((30, 300, 30_000))
        case 1:
            return content + b"\n" + b"".join(b" " * n + b"a:\n" for n in range(source.choice((39, 41, 400))))
        case 2:
            bomb = [f"a0: &a0 [{','.join('1' * 9)}]"]
            bomb += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
            return content + b"\n" + "\n".join(bomb).encode()
        case 3:
            return content + b"\nself: &self {again: *self}\n"
        case 4:
            return content * source.choice((2, 20))
        case _:
            return (
                content
                + b"\nlong: "
                + source.choice((b"x", b"\xc3\xa9", b"- ")) * source.choice((1000, 300_000))
            )


_MUTATIONS = (_bytes, _fragment, _lines, _lines, _structure, _structure, _structure, _much)


def _documents(content: bytes) -> list[Any]:
    if any(bad in content for bad in (b"*a", b"*self", b"[" * 30)):
        return []  # an alias bomb, what holds itself, what is deeper than libyaml bears
    try:
        return [
            one for one in yaml.load_all(content, yaml.CSafeLoader) if isinstance(one, dict | list) and one
        ]
    except (yaml.YAMLError, ValueError, RecursionError):
        return []


def _places(data: Any) -> Iterable[tuple[Any, Any]]:
    """Yield every mapping or list in `data` with each of its keys or indexes."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items):
        yield data, key
        yield from _places(value)

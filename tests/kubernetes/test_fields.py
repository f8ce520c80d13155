"""The table of fields is what a real API server says of itself."""

import json
import os
from pathlib import Path

import hybridlab.tables
from hybridlab.tables.apis import SERVED, serves
from hybridlab.tables.fields import MINOR, Table, table
from kubernetes import server_fields
from kubernetes.control_plane import Api

FILE = Path(hybridlab.tables.__file__).with_name("fields.json")


def written(found: Table) -> str:
    """Return a table as text: a kind or a type in each line, so that a diff shows what a release brings."""
    kinds = ",\n".join(f"    {json.dumps(kind)}: {json.dumps(name)}" for kind, name in found.kinds.items())
    types = ",\n".join(
        f"    {json.dumps(name)}: {json.dumps(fields)}" for name, fields in found.types.items()
    )
    return f'{{\n  "kinds": {{\n{kinds}\n  }},\n  "types": {{\n{types}\n  }}\n}}\n'


def test_the_table_is_what_the_server_says(api: Api) -> None:
    found = written(server_fields.read(api))
    if os.environ.get("HYBRIDLAB_UPDATE"):
        FILE.write_text(found, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == found


def test_every_kind_that_can_be_applied_is_in_it() -> None:
    served = {
        f"{version} {kind}"
        for version, kinds in SERVED.items()
        for kind in kinds
        if serves(version, kind, MINOR)
    }
    assert served - table().kinds.keys() == set()


def test_every_type_is_one_of_the_words_or_in_the_table() -> None:
    words = {"text", "int32", "int64", "number", "truth", "amount", "whole or text", "any"}
    types = {name.strip("[]{}") for fields in table().types.values() for name in fields.values()}
    assert types <= words | table().types.keys()
    assert set(table().kinds.values()) <= table().types.keys()

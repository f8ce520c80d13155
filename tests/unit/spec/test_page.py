"""docs/spec.md is what the classes say."""

from pathlib import Path

import attrs

from hybridlab.spec.define import yaml_name
from hybridlab.spec.gpu import GpuSpec
from hybridlab.spec.machine import GuestSpec
from hybridlab.spec.page import spec_page
from hybridlab.tables.gpu import GPU_MODELS

ROOT = Path(__file__).parents[3]


def test_page_is_current() -> None:
    page = (ROOT / "docs/spec.md").read_text(encoding="utf-8")
    assert page == spec_page(), "run `just docs`"


def test_page_has_every_key_of_a_guest() -> None:
    section = spec_page().split("## `guests.NAME`\n")[1].split("\n## ")[0]
    for field in attrs.fields(GuestSpec):
        assert f"| `{yaml_name(field.name)}` |" in section


def test_every_gpu_model_is_documented() -> None:
    text = attrs.fields(GpuSpec).model.metadata["doc"]
    assert all(f"`{name}`" in text for name in GPU_MODELS)

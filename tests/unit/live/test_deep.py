"""What `check --deep` asks of Nix and how it reads the answer: files, refusals, answers of any shape."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridlab.errors import LiveError
from hybridlab.live import deep
from hybridlab.live.deep.files import Files, line_with
from hybridlab.live.deep.refusal import refusal
from hybridlab.model.evaluated import Definition, Evaluated, Origin

STORE = "/nix/store"
SOURCE = f"{STORE}/{'0' * 32}-source"
OURS = f"{STORE}/{'1' * 32}-source/modules/firewall.nix"


def place(folder: Path, file: str, option: str = "a.b") -> tuple[str, Origin, int | None]:
    shown, origin, span = Files(folder, STORE, frozenset({OURS})).place(file, option)
    return shown, origin, span and span.line


class TestFiles:
    """Whose a file of the store is, and what to call it."""

    def test_of_the_user_is_called_as_in_the_folder(self, tmp_path: Path) -> None:
        file = tmp_path / "hardware/attic.nix"
        file.parent.mkdir()
        file.write_text("{\n  a.b = 1;\n}\n")
        assert place(tmp_path, f"{SOURCE}/hardware/attic.nix") == (str(file), Origin.USER, 2)

    def test_of_a_repository_whose_flake_is_in_a_folder_below(self, tmp_path: Path) -> None:
        tmp_path.joinpath(".git").mkdir()
        tmp_path.joinpath("shared.nix").write_text("{ a.b = 1; }")
        tmp_path.joinpath("lab").mkdir()
        shown, origin, line = place(tmp_path / "lab", f"{SOURCE}/shared.nix")
        assert (Path(shown).resolve(), origin, line) == (tmp_path / "shared.nix", Origin.USER, 1)

    def test_above_a_folder_that_is_no_repository_is_not_looked_at(self, tmp_path: Path) -> None:
        tmp_path.joinpath("shared.nix").write_text("{ a.b = 1; }")
        tmp_path.joinpath("lab").mkdir()
        assert place(tmp_path / "lab", f"{SOURCE}/shared.nix") == ("shared.nix", Origin.OTHER, None)

    def test_of_the_same_name_and_other_text_is_another(self, tmp_path: Path) -> None:
        store = tmp_path / "store"
        copy = store / f"{'0' * 32}-source/x.nix"
        copy.parent.mkdir(parents=True)
        copy.write_text("{ a.b = 2; }")
        tmp_path.joinpath("x.nix").write_text("{ a.b = 1; }")
        assert Files(tmp_path, str(store)).place(str(copy), "a.b") == ("x.nix", Origin.OTHER, None)
        tmp_path.joinpath("x.nix").write_text("{ a.b = 2; }")
        assert Files(tmp_path, str(store)).place(str(copy), "a.b")[1] is Origin.USER

    def test_generated_and_hand_written_ones_of_ours_are_ours(self, tmp_path: Path) -> None:
        file = tmp_path / "modules/generated/attic/network.nix"
        file.parent.mkdir(parents=True)
        file.write_text("{ a.b = 1; }")
        assert place(tmp_path, f"{SOURCE}/modules/generated/attic/network.nix")[1] is Origin.OURS
        assert place(tmp_path, OURS) == ("modules/firewall.nix", Origin.OURS, None)

    def test_of_nixos_is_called_as_there(self, tmp_path: Path) -> None:
        name = "nixos/modules/services/networking/ssh/sshd.nix"
        assert place(tmp_path, f"{SOURCE}/{name}") == (name, Origin.OTHER, None)

    @pytest.mark.parametrize("file", ["<unknown-file>", "module:3", ""])
    def test_a_module_without_a_file_is_the_user_s(self, tmp_path: Path, file: str) -> None:
        assert place(tmp_path, file) == ("", Origin.USER, None)


@pytest.mark.parametrize(
    ("text", "option", "place"),
    [
        ("{\n  swapDevices = [ ];\n}", "swapDevices.*.device", (2, 3, "swapDevices")),
        ("{\n  a.x.enable = true;\n  a.y.enable = true;\n}", "a.y.enable", (3, 3, "a.y.enable")),
        ("{\n  a = {\n    y.enable = true;\n    x.enable = true;\n  };\n}", "a.y.enable", (3, 5, "y.enable")),
        ("{\n  # enable\n  y = { enable = true; };\n}", "services.y.enable", (3, 9, "enable")),
        ('{ users.users.ada.uid = 0; }', "users.users.*.uid", (1, 19, "uid")),
        ("{ x.enable = true; y = { enable = true; }; }", "services.y.enable", (1, 1, "")),
        ("{ enableAll = true; re-enable = 1; }", "services.y.enable", (1, 1, "")),
        ("", "services.y.enable", (1, 1, "")),
    ],
)  # fmt: skip
def test_the_line_is_that_on_which_the_name_stands_once(
    tmp_path: Path, text: str, option: str, place: tuple[int, int, str]
) -> None:
    file = tmp_path / "x.nix"
    file.write_text(text)
    span = line_with(file, option)
    under = span.text[span.column - 1 : span.column - 1 + span.width]
    assert (span.line, span.column, under) == place


# As Nix 2.8, and as 2.24 and later.
_OLD = f"""warning: Git tree '/home/ada/lab' is dirty
error: The option `boot.kernelParameters' does not exist. Definition values:
       - In `{SOURCE}/hardware.nix': [ ]
(use '--show-trace' to show detailed location information)
"""
_NEW = f"""error:
       … while evaluating the attribute 'config'
         at {STORE}/{"2" * 32}-source/lib/modules.nix:402:9:
          401|
          402|         config =
             |         ^

       … while evaluating definitions from `{SOURCE}/hardware.nix':

       error: undefined variable 'foo'
       at {SOURCE}/hardware.nix:2:9:
            1| {{
            2|   a.b = foo;
             |         ^
            3| }}
"""


@pytest.mark.parametrize(
    ("said", "text", "line"),
    [
        (
            _OLD,
            "The option `boot.kernelParameters' does not exist. Definition values: - In `hardware.nix': [ ]",
            1,
        ),
        (_NEW, "undefined variable 'foo'", 2),
    ],
)
def test_a_refusal_is_nix_s_own_and_names_the_user_s_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, text: str, line: int
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("hardware.nix").write_text("{\n  a.b = foo;\n}\n")
    found = refusal(said, Path())
    assert found.said == text
    assert [(span.file, span.line) for span in found.places] == [("hardware.nix", line)]


@given(st.text())
def test_whatever_nix_says_is_a_refusal(said: str) -> None:
    found = refusal(said, Path("/nowhere"))
    assert 0 < len(found.said) <= 801


def test_a_line_that_is_not_there_is_no_place_in_the_text(tmp_path: Path) -> None:
    tmp_path.joinpath("x.nix").write_text("{ }")
    (span,) = refusal(f"error: no\nat {SOURCE}/x.nix:9:3:", tmp_path).places
    assert (span.line, span.text) == (9, "")


def _answer(**options: Any) -> str:
    machine = {
        "failed": ["no"],
        "options": options,
        "guests": {"g": {"failed": [], "options": {}, "guests": {}}},
    }
    return json.dumps({"store": STORE, "ours": [], "machines": {"attic": machine}})


def test_the_answer_is_read(tmp_path: Path) -> None:
    definition = {"file": f"{SOURCE}/nixos/x.nix", "value": [1]}
    text = _answer(a={"value": [1], "definitions": [definition]}, b=None)
    machine = deep.parse(text, tmp_path).machines["attic"]
    assert machine.failed == ("no",)
    assert set(machine.guests) == {"g"}
    assert machine.value("a") == [1] and machine.value("b") is None
    assert machine.setting("a").definitions == (Definition([1], "nixos/x.nix", Origin.OTHER),)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.text() | _JSON.map(json.dumps) | st.builds(lambda one: _answer(a=one), _JSON))
def test_an_answer_of_another_shape_is_an_error_of_ours(text: str) -> None:
    try:
        assert isinstance(deep.parse(text, Path("/nowhere")), Evaluated)
    except LiveError as error:
        assert "can not be read" in str(error)


def test_nothing_of_a_question_becomes_code() -> None:
    text = deep.expression(['a"; throw "x', "${builtins.abort}", "back\\slash"], ["a.*.b"])
    question = text.rpartition("(builtins.fromJSON ")[2]
    assert question.startswith('"') and question.endswith('")')
    # A quote, a dollar and a backslash mean themselves in Nix text only after a backslash.
    inside = question[1:-2]
    rest = inside.replace("\\\\", "").replace('\\"', "").replace("\\$", "")
    assert not {'"', "$", "\\"} & set(rest)


def test_without_nix_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("flake.nix").write_text("{ }")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LiveError, match="nix is not installed"):
        deep.ask(tmp_path, ["attic"], [])


def test_without_a_flake_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(LiveError, match=r"there is no flake\.nix"):
        deep.ask(tmp_path, ["attic"], [])


def test_it_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("flake.nix").write_text("{ }")
    slow = tmp_path / "nix"
    slow.write_text(f"#!/bin/sh\nexec {shutil.which('sleep')} 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LiveError, match="nix has not evaluated the machines in 0 seconds"):
        deep.ask(tmp_path, ["attic"], [], seconds=0.2)

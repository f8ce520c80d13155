"""Which rules are asked, by what is selected and ignored."""

import pytest

from hybridlab.rules.deep.registry import DEEP_RULES
from hybridlab.rules.registry import ALL_RULES
from hybridlab.rules.selection import SelectionError, select_rules


def chosen(*select: str, ignore: tuple[str, ...] = ()) -> list[str]:
    return [rule.code for rule in select_rules(select, ignore)]


EVERY_CODE = [rule.code for rule in ALL_RULES]


def test_nothing_selected_is_everything() -> None:
    assert chosen() == EVERY_CODE


@pytest.mark.parametrize("text", ["NET001", "NET00", "NET", "N", "net0"])
def test_a_code_or_how_codes_begin(text: str) -> None:
    assert chosen(text) == [code for code in EVERY_CODE if code.startswith(text.upper())]
    assert chosen(ignore=(text,)) == [code for code in EVERY_CODE if not code.startswith(text.upper())]


def test_rules_come_in_their_order_each_once_whatever_is_said_how_often() -> None:
    assert chosen("NET002", "CAP001", "NET002", "NET00", ignore=("NET003",)) == [
        code for code in EVERY_CODE if code.startswith(("CAP001", "NET00")) and code != "NET003"
    ]


def test_ignoring_wins() -> None:
    assert chosen("NET001", "CAP001", ignore=("NET",)) == ["CAP001"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NTE", "did you mean 'NET'?"),
        ("NET0001", "did you mean 'NET001'?"),
        ("", "hybridlab explain --list"),
        ("*", "hybridlab explain --list"),
        ("SPEC101", "'SPEC101' is of no rule: whatever is selected or ignored, every command"),
        ("res", "'res' is of no rule"),
        ("SEC1", "`hybridlab secrets check` tells it"),
    ],
)
def test_what_means_no_rule_is_refused(text: str, said: str) -> None:
    for select, ignore in (([text], []), ([], ["NET001", text])):
        with pytest.raises(SelectionError) as refused:
            select_rules(select, ignore)
        assert said in str(refused.value)


def test_asking_no_rule_is_refused() -> None:
    with pytest.raises(SelectionError, match="no rule is left"):
        chosen("NET001", ignore=("NET",))


def test_rules_that_need_nix_are_selected_only_where_nix_is_asked() -> None:
    every = (*ALL_RULES, *DEEP_RULES)
    assert [rule.code for rule in select_rules(["NIX101"], [], every)] == ["NIX101"]
    assert select_rules(["NIX"], ["NIX1"], every) == select_rules(["NIX"], [])
    with pytest.raises(SelectionError, match="'NIX101' is asked with --deep only"):
        select_rules(["NIX101"], [])

"""Which generation a rollback goes to."""

import pytest

from hybridlab import LiveError
from hybridlab.live.generations import Generation, earlier

KNOWN = (
    Generation(7, "2026-11-20 10:00:00", is_current=False),
    Generation(9, "2026-11-21 10:00:00", is_current=False),
    Generation(10, "2026-11-22 10:00:00", is_current=True),
    Generation(11, "2026-11-23 10:00:00", is_current=False),
)


@pytest.mark.parametrize(("wanted", "number"), [(None, 9), (7, 7), (11, 11), (10, 10)])
def test_it_is_the_one_before_the_current_one_or_the_one_that_is_named(
    wanted: int | None, number: int
) -> None:
    assert earlier(KNOWN, wanted).number == number


@pytest.mark.parametrize("known", [(), KNOWN[2:], KNOWN[:2]])
def test_without_one_before_there_is_none(known: tuple[Generation, ...]) -> None:
    with pytest.raises(LiveError, match="it has not an earlier generation; there are: "):
        earlier(known, None)


def test_one_that_is_not_there_is_told() -> None:
    with pytest.raises(LiveError, match="it has not a generation 8; there are: 7, 9, 10, 11"):
        earlier(KNOWN, 8)

"""What `check --fix` makes of accidents: it mends what it says it can, adds no error, and is done at once."""

from pathlib import Path

import pytest

from corpus.corpus import SPEC, case_slugs, load_case
from hybridlab import Report
from hybridlab.fix import fix_spec, look

# Of what else happens, nothing has one right answer.
_MENDED = {"SPEC101", "SPEC103", "SPEC104", "GPU011", "GPU016", "WKL018", "WKL019"}
_SLUGS = [slug for slug in case_slugs() if {one.code for one in load_case(slug).expect} & _MENDED]


@pytest.mark.parametrize("slug", _SLUGS)
def test_fixing_ends_with_fewer_errors_and_nothing_to_mend(slug: str, tmp_path: Path) -> None:
    for name, text in load_case(slug).files().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    spec = tmp_path / SPEC
    before = look(spec)
    fixed = fix_spec(spec)
    if all(one.fix is None for one in before):
        assert (fixed.after, fixed.done, fixed.report) == (fixed.before, (), before)
        return
    assert fixed.done
    assert fixed.after != fixed.before
    assert [one.fix for one in fixed.report if one.fix is not None] == []
    if _is_of_shape(before) == _is_of_shape(fixed.report):
        # Faults of shape hide what the rules find.
        assert len(fixed.report) < len(before)
    spec.write_bytes(fixed.after)
    again = fix_spec(spec)
    assert (again.after, again.done, again.report) == (fixed.after, (), fixed.report)


def _is_of_shape(found: Report) -> bool:
    return any(one.code.startswith("SPEC") for one in found)

"""What can be waived can be generated: an accident that somebody means to have crashes no emitter."""

import pytest

from corpus.corpus import SPEC, case_slugs, folders_of, load_case
from hybridlab import check, emit_all, parse_spec, resolve
from hybridlab.errors import ReportedError
from hybridlab.rules.registry import ALL_RULES

_FATAL = {rule.code for rule in ALL_RULES if not rule.waivable}


@pytest.mark.parametrize("slug", case_slugs())
def test_every_accident_can_be_generated_or_is_no_cluster(slug: str) -> None:
    files = load_case(slug).files()
    try:
        cluster = resolve(parse_spec(files[SPEC], folders=folders_of(files)))
    except ReportedError:
        return
    if not {diagnostic.code for diagnostic in check(cluster).errors} & _FATAL:
        assert emit_all(cluster).files

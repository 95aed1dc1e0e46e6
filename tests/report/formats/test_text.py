"""The two forms as lines: the short one is a part of the whole one."""

import pytest

from sim.report.formats.text import short, whole
from sim.report.story import HIDDEN
from tests.helpers.told_runs import SHIPPED, played


@pytest.mark.parametrize("name", SHIPPED)
def test_the_short_form_leaves_out_what_is_hidden_and_nothing_else(name: str) -> None:
    record = played(name)
    lines = whole(record).splitlines()
    assert len(lines) == len(record.events)
    assert short(record).splitlines() == [
        line for line, event in zip(lines, record.events, strict=True) if event.kind not in HIDDEN
    ]
    assert short(record).endswith("\n")

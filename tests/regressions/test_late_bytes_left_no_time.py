"""A run went on for a while after what a client *did*, and not after that had come.

Where bytes may be under way for as long as that, a server was blamed for a message that it had only
just got: ariadne's subscriptions counted as a hang, with bytes under way for up to a minute. And a
handler whose client's FIN came late was said to outlive it, though it had just begun to clean up.
"""

import pytest

from sim.model.app import Bounds
from tests.helpers.applications import endings, kinds, subject

MINUTE = Bounds(latency_ms=60_000)


@pytest.mark.parametrize("script", ["send:a, wait, close", "send:a, wait, drop", "wait, drop"])
def test_a_message_that_comes_late_is_answered_in_time(script: str) -> None:
    found, _ = endings(subject("clocked:app", f"/tidies {script}", bounds=MINUTE))
    assert "outlives" not in kinds(list(found))
    assert ("hang" in kinds(list(found))) is (script == "wait, drop")  # nobody asked for anything


def test_who_begins_to_clean_up_late_has_time_for_it() -> None:
    found, _ = endings(subject("clocked:app", "/tidies drop", bounds=MINUTE))
    assert kinds(list(found)) == {"returned", "waiting"}  # waiting, if the end has not come at all


def test_who_goes_on_for_too_long_is_found_however_late_the_end_comes() -> None:
    found, _ = endings(subject("clocked:app", "/lingers drop", bounds=MINUTE))
    assert kinds(list(found)) == {"outlives"}

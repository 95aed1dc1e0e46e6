"""Frames that come in two halves: a bound of its own, the same endings by states as without."""

import pytest

from sim.kernel.series import run_once
from sim.model.app import SERVERS, Bounds, ServerName
from sim.model.schedule import Question
from sim.runs.subject import record
from sim.schedulers.fifo import Fifo
from tests.helpers.applications import endings, subject

APPS = [
    ("guarded:app", "/ws send:a, drop"),
    ("plain:careful", "send:hi, close"),
    ("notify:app", "put:/echo abc"),
]


class Cutting(Fifo):
    """Goes the usual way, and cuts whatever can be cut."""

    def choose(self, question: Question) -> int:
        """Return the second option where something can be cut."""
        return 1 if question.asker.endswith(":split") else question.default


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("asked", APPS, ids=lambda one: one[0])
def test_states_and_every_schedule_come_to_the_same_endings(
    asked: tuple[str, str], server: ServerName
) -> None:
    one = subject(*asked, server=server, bounds=Bounds(splits=1))
    by_states, _ = endings(one)
    every, _ = endings(one, states=False)
    assert set(by_states) == set(every)
    whole, _ = endings(subject(*asked, server=server), states=False)
    assert sum(every.values()) > sum(whole.values())


def test_halves_arrive_one_after_the_other_and_make_the_whole_message() -> None:
    one = subject("notify:app", 'put:/echo "abc def"', bounds=Bounds(splits=5))
    made = record(one, run_once(one.job(Cutting())))
    came = [str(event.values["what"]) for event in made.end.events if event.kind == "arrived"]
    assert came == ["half a frame"] * 5 + ["data"]
    said = [event.values["text"] for event in made.end.events if event.kind == "log"]
    assert said == ["abc def as text/plain for 127.0.0.1:8000"]
    assert made.outcome.classes == ("200",)


def test_no_more_is_cut_than_the_bound_allows() -> None:
    one = subject("plain:careful", "send:hi, close", bounds=Bounds(splits=2))
    made = record(one, run_once(one.job(Cutting())))
    told = [str(event.values["what"]) for event in made.end.events if event.kind == "arrived"]
    assert sum("half" in one for one in told) == 2

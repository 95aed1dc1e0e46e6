"""A reason must be the right one, and none may cost a verdict.

A key was looked for in the first container of its line, a walk that its own body changed ended the
check in a traceback, foreign objects were compared, of two states that were tested the one written
last was blamed, and whoever waited to put into a full queue was told that it could end the wait.
"""

import pytest

from sim.exploration.case import CaseSearch
from sim.exploration.reason import reasons_of, stands_in
from sim.runs.subject import Record
from tests.helpers.applications import subject


def failing(path: str, script: str = "silent") -> Record:
    found = CaseSearch(subject("misleading:app", f"{path} {script}"), lambda _: None).run()
    return next(iter(found.failing.values()))


def why(path: str) -> str:
    reasons = [one.reason for one in reasons_of(failing(path)) if one.reason is not None]
    return "\n".join(line for reason in reasons for line in reason.lines())


def test_of_nested_look_ups_the_one_that_raised_is_told() -> None:
    told = why("/nested")
    assert told.startswith("because Club.users was without 'u'")
    assert "`club.leave()`" in told or 'self.users.pop("u")' in told


@pytest.mark.parametrize("path", ["/parses", "/own"])
def test_what_cannot_be_told_is_not_and_costs_nothing(path: str) -> None:
    assert why(path) == ""


def test_objects_of_somebodys_own_are_not_compared() -> None:
    told = why("/equal")
    assert told.startswith("because Club.odd was without 'nobody'")
    assert "it had never been in it" in told


def test_of_two_states_the_one_that_decided_is_told() -> None:
    told = why("/either")
    assert told.startswith("because Club.broken was True")
    assert "self.broken = True" in told


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/full", "in Queue.put: nobody has taken from it in this run"),
        ("/joins", "nobody has called task_done of it in this run"),
    ],
)
def test_of_a_full_queue_only_who_takes_from_it_could_end_the_wait(path: str, said: str) -> None:
    lines = [one.line() for one in stands_in(failing(path, "drop"))]
    assert any(said in line for line in lines), lines

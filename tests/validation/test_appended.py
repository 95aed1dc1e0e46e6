"""What was appended to logs while a plan was played, between the borders of its phases."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.logs.patterns import BY_NAME, ERROR
from sim.logs.triage import Triage, add, begin_triage
from sim.model.plan import Phase, Plan
from sim.validation.appended import Appended, borders_of
from tests.helpers.plans import small

RACE = f"ERROR: {BY_NAME[ERROR].texts[0]}\n".encode()
GOOD = b"INFO: connection open\n"
ANY: dict[str, Any] = {"race_errors": {"at_most": 0}}


def plan(*phases: tuple[float, float], criteria: dict[str, Any] = ANY) -> Plan:
    rows = [
        {"name": str(number), "from_min": begins, "to_min": ends, "criteria": criteria}
        for number, (begins, ends) in enumerate(phases)
    ]
    return small(phases=rows)


def counted(
    one: Plan, chunks: Sequence[bytes], marks: Sequence[int], *more: tuple[bytes, Sequence[int]]
) -> tuple[Appended, Triage]:
    found = Appended(borders_of(one))
    triage = begin_triage(also=found.add)
    add(triage, "log", found.passing(chunks, marks))
    for number, (content, own) in enumerate(more):
        add(triage, str(number), found.passing([content], own))
    found.close(triage)
    return found, triage


def races(found: Appended, one: Plan) -> list[int]:
    return [found.within(phase)["race"] for phase in one.phases]


def test_borders_are_where_phases_meet_and_neither_end_of_the_plan() -> None:
    assert borders_of(plan((0, 1), (1, 3), (0, 3), (2, 3))) == (1, 2)
    assert borders_of(plan((0, 5))) == ()


def test_a_record_counts_between_the_borders_between_which_it_was_written() -> None:
    one = plan((0, 1), (1, 2), (0, 2))
    found, _ = counted(one, [GOOD + RACE, RACE, GOOD, RACE], [len(GOOD + RACE)])
    assert races(found, one) == [1, 2, 3]


def test_several_logs_have_borders_of_their_own() -> None:
    one = plan((0, 1), (1, 2))
    found, _ = counted(one, [RACE + GOOD], [len(RACE)], (GOOD + RACE, [len(GOOD)]))
    assert races(found, one) == [1, 1]


def test_what_comes_behind_the_end_belongs_to_the_last_minutes() -> None:
    one = plan((0, 1), (1, 2))
    found, _ = counted(one, [GOOD, RACE * 3], [len(GOOD)])
    assert races(found, one) == [0, 3]


def test_a_border_that_was_not_reached_leaves_all_before_it() -> None:
    one = plan((0, 1), (1, 2))
    found, _ = counted(one, [RACE * 3], [])
    assert races(found, one) == [3, 0]


def test_a_traceback_across_a_border_counts_once_where_it_begins() -> None:
    one = plan((0, 1), (1, 2))
    head = b'Traceback (most recent call last):\n  File "a.py", line 1, in f\n'
    text = BY_NAME[ERROR].texts[0].encode()
    found, _ = counted(one, [head, b"RuntimeError: " + text + b"\n", GOOD], [len(head)])
    assert races(found, one) == [1, 0]


@given(st.lists(st.booleans(), max_size=30), st.data())
def test_how_the_bytes_arrive_changes_nothing(lines: list[bool], data: st.DataObject) -> None:
    content = b"".join(RACE if bad else GOOD for bad in lines)
    whole = data.draw(st.integers(0, len(lines)))
    mark = sum(len(RACE if bad else GOOD) for bad in lines[:whole])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))

    def chunks() -> Iterator[bytes]:
        for begins, ends in zip([0, *cuts], [*cuts, len(content)], strict=True):
            yield content[begins:ends]

    one = plan((0, 1), (1, 2))
    found, _ = counted(one, list(chunks()), [mark])
    assert races(found, one) == [sum(lines[:whole]), sum(lines[whole:])]


def test_races_in_minutes_that_nobody_asks_about_are_told_apart() -> None:
    one = small(
        phases=[
            {"name": "a", "to_min": 1, "criteria": ANY},
            {"name": "b", "from_min": 1, "to_min": 2, "criteria": {"other_errors": {"at_most": 0}}},
        ]
    )
    found, _ = counted(one, [RACE, RACE * 2], [len(RACE)])
    assert found.unasked_races(one) == 2
    assert found.unasked_races(plan((0, 1), (0, 2))) == 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (GOOD, []),
        (b"Traceback (most recent call last):\nKeyError: 1\n", ["the log holds an error that"]),
        (b"Traceback (most recent call last):\nKeyError: 1\n" * 2, ["the log holds 2 errors that"]),
    ],
)
def test_errors_that_nobody_knows_are_a_problem(content: bytes, problem: list[str]) -> None:
    found, _ = counted(plan((0, 1)), [content], [])
    assert [line.partition(" nobody")[0] for line in found.problems] == problem


def test_a_log_that_was_not_read_to_its_end_is_a_problem() -> None:
    found = Appended(())
    triage = begin_triage(also=found.add)
    triage.complete = False
    found.close(triage)
    assert found.problems == ["not all of the log was read"]


def test_a_phase_knows_only_its_own_minutes() -> None:
    one = plan((0, 1), (1, 2), (2, 3))
    found, _ = counted(one, [RACE, GOOD, RACE], [len(RACE), len(RACE + GOOD)])
    assert races(found, one) == [1, 0, 1]
    whole = Phase.model_validate({"name": "all", "to_min": 3, "criteria": ANY})
    assert found.within(whole)["race"] == 2

"""Figures of clients and logs against a plan: what is known, what is not, and what is no go."""

from collections.abc import Sequence
from typing import Any

import pytest

from sim.live.visiting.seen import NO_CLOSE, PUT_OFF, RESET, UNCLEAR, Seen, Visited
from sim.logs.opened import Record
from sim.logs.patterns import ERROR
from sim.logs.said import Said
from sim.model.plan import Plan
from sim.model.scriptreader import parse
from sim.validation.appended import Appended
from sim.validation.criteria import Judgement, Validation
from sim.validation.visited import in_words, judged_from_outside, stays_open
from sim.validation.visits import cast_of_scripts
from tests.helpers.plans import small

CAST = cast_of_scripts([parse("send:a"), parse("send:b")])
GOOD = Seen(0, 1, opened=True, left="close 1000", awaited=2, answered=2)
REFUSED = Seen(0, 1, refused="connection refused")
LIMITS: dict[str, Any] = {
    "connection_success": {"at_least": 0.9},
    "race_errors": {"at_most": 0},
    "other_errors": {"at_most": 0},
    "chat_completion": {"at_least": 0.9},
    "sessions_with_loss": {"at_most": 0},
    "events_in_order": {"at_least": 1},
    "overhead_us": {"at_most": 50},
}


def plan(*names: str, minutes: float = 2) -> Plan:
    criteria = {name: LIMITS[name] for name in names or LIMITS}
    return small(phases=[{"name": "all", "to_min": minutes, "criteria": criteria}])


def log(*names: str, problems: Sequence[str] = ()) -> Appended:
    found = Appended((), list(problems))
    for number, name in enumerate(names, 1):
        found.add("log", Record((name,), Said(""), number, False, ()))
    return found


def judged(
    seen: Sequence[Seen],
    *names: str,
    played_s: float = 120,
    logged: Appended | None = None,
    minutes: float = 2,
) -> Validation:
    visited = Visited(tuple(seen), played_s, 0)
    return judged_from_outside(plan(*names, minutes=minutes), CAST, visited, logged)


def one(seen: Sequence[Seen], name: str, **more: Any) -> Judgement:
    (found,) = judged(seen, name, **more).judgements
    return found


# -- what clients tell -----------------------------------------------------------------------------


def test_who_was_let_in_is_a_share_of_those_who_tried() -> None:
    put_off, hung_up = Seen(0, 1, refused=PUT_OFF), Seen(0, 1, left="drop")
    found = one([GOOD, GOOD, REFUSED, put_off, hung_up], "connection_success")
    assert (found.figure, found.of, found.passes) == (0.5, 4, False)


def test_answers_are_a_share_of_those_that_were_waited_for() -> None:
    lost = Seen(1, 1, opened=True, awaited=6, answered=2)
    found = one([GOOD, lost], "chat_completion")
    assert (found.figure, found.of) == (0.5, 8)
    losing = one([GOOD, lost], "sessions_with_loss")
    assert (losing.figure, losing.of, losing.passes) == (1, 2, False)


@pytest.mark.parametrize(
    ("seen", "errors"),
    [
        (GOOD, 0),
        (Seen(0, 1, opened=True, ended="close 1011"), 1),
        (Seen(0, 1, opened=True, ended=NO_CLOSE), 1),
        (Seen(0, 1, opened=True, ended=RESET), 1),
        (Seen(0, 1, opened=True, ended=UNCLEAR), 1),
        (Seen(0, 1, opened=True, ended="close 1002"), 1),
        (Seen(0, 1, opened=True, ended="close 1000"), 0),
        (Seen(0, 1, opened=True, ended="close 1012"), 0),
        (Seen(0, 1, opened=True, left="rst", ended=NO_CLOSE), 0),
        (Seen(0, 1, opened=True, left="close 1000", ended="close 1011"), 1),
        (Seen(0, 1, refused="answered 500 Internal Server Error", status=500), 1),
        (Seen(0, 1, refused="answered 403 Forbidden", status=403), 0),
        (REFUSED, 0),
    ],
)
def test_an_error_is_an_end_by_the_server_that_none_asked_for(seen: Seen, errors: int) -> None:
    assert one([seen], "other_errors").figure == errors


def test_only_sessions_that_began_in_its_minutes_count_in_a_phase() -> None:
    seen = [GOOD, Seen(0, 61, refused="connection refused")]
    assert one(seen, "connection_success", minutes=1).figure == 1
    assert one(seen, "connection_success").figure == 0.5


# -- with a log ------------------------------------------------------------------------------------


def test_a_race_is_told_by_the_log_alone() -> None:
    found = one([GOOD], "race_errors")
    assert found.passes is None
    assert "--log FILE" in found.why
    assert one([GOOD], "race_errors", logged=log()).passes is True
    race = one([GOOD], "race_errors", logged=log(ERROR, ERROR))
    assert (race.figure, race.passes) == (2, False)


def test_where_both_tell_the_worse_figure_counts() -> None:
    ended = Seen(0, 1, opened=True, ended=NO_CLOSE)
    assert one([GOOD], "other_errors", logged=log("set-up-error")).figure == 1
    assert one([ended, ended], "other_errors", logged=log("set-up-error")).figure == 2
    failing = log("established", "set-up-error", "set-up-error", "set-up-error")
    assert one([GOOD], "connection_success", logged=failing).figure == 0.25
    assert one([GOOD, REFUSED], "connection_success", logged=log("established")).figure == 0.5


def test_what_is_wrong_with_a_log_leaves_errors_open_but_not_too_many_of_them() -> None:
    bad = ["app.log was replaced or cut meanwhile"]
    for name in ("race_errors", "other_errors"):
        found = one([GOOD], name, logged=log(problems=bad))
        assert (found.passes, found.why) == (None, bad[0])
    assert one([GOOD], "race_errors", logged=log(ERROR, problems=bad)).passes is False
    assert one([GOOD], "connection_success", logged=log(problems=bad)).passes is True


# -- what is not known -----------------------------------------------------------------------------


def test_a_phase_that_was_not_played_to_its_end_is_not_known() -> None:
    found = judged([GOOD], played_s=60, logged=log())
    assert {one.passes for one in found.judgements} == {None}
    why = [one.why for one in found.judgements if one.criterion == "connection_success"]
    assert why == ["played for 60 s of 2 minutes"]


def test_too_many_of_something_are_known_at_any_time() -> None:
    lost = Seen(0, 1, opened=True, ended="close 1011", awaited=1)
    found = judged([lost], played_s=60, logged=log(ERROR))
    failing = {one.criterion for one in found.judgements if one.passes is False}
    assert failing == {"race_errors", "other_errors", "sessions_with_loss"}


def test_minutes_in_which_nobody_came_are_not_known() -> None:
    assert one([], "other_errors").why == "no session began in these minutes"


def test_what_nobody_waited_for_or_tried_is_not_known() -> None:
    quiet = Seen(0, 1, left="drop")
    assert one([quiet], "chat_completion").why == "no client waited for an answer"
    assert one([quiet], "connection_success").why == "no client tried to connect"


def test_neither_order_nor_overhead_is_seen_from_outside_and_that_is_no_fault() -> None:
    found = judged([GOOD], logged=log())
    unknown = {one.criterion: one.why for one in found.unknown}
    assert unknown == dict.fromkeys(("events_in_order", "overhead_us"), "not seen from outside")
    assert stays_open(found, Visited((), 120, 0), log()) == ""


@pytest.mark.parametrize(
    ("visited", "why"),
    [
        (Visited((), 60, 0, stopped=True), "stopped before the end"),
        (Visited((), 60, 0, gave_up="nobody"), "nobody"),
        (Visited((), 120, 0), ""),
    ],
)
def test_a_run_that_was_stopped_or_given_up_is_no_go(visited: Visited, why: str) -> None:
    assert stays_open(judged([GOOD], "connection_success"), visited, None) == why


def test_errors_that_stay_open_are_no_go() -> None:
    visited = Visited((), 120, 0)
    assert "--log FILE" in stays_open(judged([GOOD], "race_errors"), visited, None)
    found = judged([GOOD], "events_in_order")
    assert stays_open(found, visited, None).startswith("the plan asks for nothing")


def test_races_where_the_plan_asks_for_none_are_no_go() -> None:
    logged = log(ERROR)
    found = judged([GOOD], "connection_success", logged=logged)
    assert "race errors where the plan does not ask" in stays_open(
        found, Visited((), 120, 0), logged
    )


# -- what went wrong -------------------------------------------------------------------------------


def test_it_is_told_for_each_kind_of_visit_what_went_wrong() -> None:
    seen = [
        GOOD,
        REFUSED,
        REFUSED,
        Seen(0, 1, refused=PUT_OFF),
        Seen(1, 1, opened=True, ended="close 1011", awaited=1),
        Seen(1, 1, opened=True, ended=NO_CLOSE),
    ]
    assert [reason.text for reason in judged(seen).reasons] == [
        f"send:a: 3 of 4 sessions were not let in: connection refused 2, {PUT_OFF} 1",
        f"send:b: 2 of 2 sessions were ended by an error: close 1011 1, {NO_CLOSE} 1",
        "send:b: 1 of 2 sessions lost an answer",
    ]
    assert judged([GOOD]).reasons == ()


def test_times_are_told_in_a_unit_that_fits() -> None:
    assert [in_words(seconds) for seconds in (0.5, 90, 119, 120, 7200)] == [
        "0.5 s", "90 s", "119 s", "2 minutes", "120 minutes",
    ]  # fmt: skip

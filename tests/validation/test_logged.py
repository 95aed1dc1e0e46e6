"""Plans on logs: what is known, what is not and why, and that nothing is made up."""

from collections.abc import Iterator
from typing import get_args

import pytest

from sim.logs.patterns import BY_NAME, ERROR
from sim.logs.times import write_time
from sim.logs.triage import add, begin_triage
from sim.model.plan import CriterionName, Plan
from sim.validation.criteria import Judgement, Overhead, validated
from sim.validation.deployment import deploy
from sim.validation.logged import LOGGED, has_answer, judged_by_log
from sim.validation.timeline import Timeline
from tests.helpers.deployment_logs import MINUTE_NS, at, log_of, timeline
from tests.helpers.plans import small
from tests.helpers.simulated_logs import START_NS

NEED = BY_NAME[ERROR].texts[0]
NONE = {"at_most": 0}
PLAN = small(
    phases=[
        {
            "name": "first",
            "to_min": 5,
            "criteria": {"race_errors": NONE, "connection_success": {"at_least": 0.75}},
        },
        {"name": "rest", "from_min": 5, "to_min": 30, "criteria": {"race_errors": NONE}},
    ]
)
WHOLE = (at(0, "established"), at(10, "message-processed"), at(30, "message-processed"))


def judgements(*lines: str, plan: Plan = PLAN, since: int | None = START_NS) -> Iterator[Judgement]:
    found = timeline(*lines, minutes=plan.minutes, since=since)
    yield from judged_by_log(plan, "catch", found, None).judgements


def passes(*lines: str, since: int | None = START_NS) -> list[bool | None]:
    return [one.passes for one in judgements(*lines, since=since)]


def whys(*lines: str) -> list[str]:
    return [one.why for one in judgements(*lines)]


def test_the_figures_of_a_log_are_those_of_the_deployment_that_wrote_it() -> None:
    criteria = {"connection_success": {"at_least": 0.99}, "race_errors": NONE, "other_errors": NONE}
    phases = [
        {"name": "first", "to_min": 2, "criteria": criteria},
        {"name": "then", "from_min": 2, "to_min": 3.5, "criteria": criteria},
    ]
    visits = [
        {"scenario": "blind-spot"},
        {"scenario": "eaten-disconnect", "set": {"window_ms": 12}},
        {"scenario": "setup-race"},
    ]
    longer = small(visits=visits, phases=[*phases, {"name": "", "to_min": 5, "criteria": criteria}])
    plan = small(visits=visits, phases=phases)
    for guard in ("pre-fix", "both-states"):
        sessions = deploy(longer, guard)
        simulated = validated(plan, guard, sessions, None).judgements
        lines = log_of(longer, guard, sessions).splitlines()
        logged = tuple(judgements(*lines, plan=plan))
        assert [(one.figure, one.passes) for one in logged] == [
            (one.figure, one.passes) for one in simulated
        ]
        assert all(one.figure for one in logged if one.criterion != "race_errors")


def test_a_log_that_covers_all_without_an_error_passes_all() -> None:
    assert passes(*WHOLE) == [True, True, True]
    assert passes(*WHOLE, since=None) == [True, True, True]


def test_a_phase_whose_end_the_log_does_not_reach_is_not_known() -> None:
    assert passes(*WHOLE[:2]) == [True, True, None]
    assert whys(*WHOLE[:2])[2] == "the log ends at minute 10 of 30"
    assert passes(WHOLE[0], at(29.99, "established"))[2] is None
    assert whys(WHOLE[0], at(29.99, "established"))[2] == "the log ends at minute 29.9 of 30"


def test_too_many_errors_fail_although_the_log_ends_early() -> None:
    assert passes(WHOLE[0], at(12, ERROR)) == [True, True, False]
    assert passes(at(1, ERROR)) == [False, None, None]


def test_a_phase_before_the_beginning_of_the_log_is_not_known() -> None:
    late = (at(3, "established"), *WHOLE[1:])
    assert passes(*late) == [None, None, True]
    assert whys(*late)[0] == "the log begins at minute 3, the phase at 0"
    assert passes(at(0.9, "established"), *WHOLE[1:]) == [True, True, True]
    assert passes(at(-9, "established"), *late)[0] is True


def test_a_phase_in_which_no_line_lies_is_not_known() -> None:
    assert passes(WHOLE[0], WHOLE[2])[2] is None
    assert whys(WHOLE[0], WHOLE[2])[2] == "no known line lies in these minutes"


def test_what_comes_before_the_deployment_does_not_count() -> None:
    assert passes(at(-1, ERROR), *WHOLE) == [True, True, True]
    assert passes(at(-1, ERROR), *WHOLE, since=None)[0] is False
    assert whys(at(-2, ERROR), at(-1, "established"))[0] == "the log ends before minute 0"


@pytest.mark.parametrize(("failed", "share"), [(1, True), (2, False)])
@pytest.mark.parametrize("name", ["never-ready", "set-up-error", "out-of-order"])
def test_the_share_of_connections_counts_set_ups_that_failed(
    name: str, failed: int, share: bool
) -> None:
    lines = (*[at(0, "established")] * 3, *[at(1, name)] * failed, *WHOLE[1:])
    one = list(judgements(*lines))[1]
    assert (one.figure, one.of, one.passes) == (3 / (3 + failed), 3 + failed, share)


def test_a_share_of_no_set_up_is_not_known() -> None:
    lines = (at(0, "message-processed"), *WHOLE[1:])
    assert passes(*lines) == [True, None, True]
    assert whys(*lines)[1] == "the log tells of no set-up in these minutes"


def test_lines_without_a_time_make_unknown_what_they_could_change() -> None:
    assert passes(NEED, *WHOLE) == [None, True, None]
    assert whys(NEED, *WHOLE)[0] == "lines without a time may belong to it"
    opened, failed = "established successfully", "set-up failed"
    assert passes(f"WebSocket connection {opened}", *WHOLE) == [True, True, True]
    assert passes(f"WebSocket {failed}", *WHOLE) == [True, None, True]
    half = (at(0, "established"), at(0, "set-up-error"), *WHOLE[1:])
    assert passes(*half)[1] is False
    assert passes(*[f"WebSocket connection {opened}"] * 2, *half)[1] is None


def test_without_any_time_nothing_is_known() -> None:
    found = Timeline(30)
    judged = judged_by_log(PLAN, "catch", found, None)
    assert not has_answer(judged)
    assert {one.why for one in judged.unknown} == {"no line has a time"}
    assert passes(NEED, NEED) == [None, None, None]


def test_what_no_log_says_is_not_known_and_the_overhead_is_what_was_measured() -> None:
    criteria = {name: {"at_most": 1} for name in get_args(CriterionName)}
    plan = small(phases=[{"name": "all", "to_min": 5, "criteria": criteria}])
    judged = judged_by_log(plan, "catch", timeline(*WHOLE), Overhead(0.5, 0.4, 0.6))
    known = {one.criterion for one in judged.judgements if one.passes is not None}
    assert known == {*LOGGED, "overhead_us"}
    assert {one.why for one in judged.unknown} == {"no line of a log says it"}
    only = small(phases=[{"name": "all", "to_min": 5, "criteria": {"overhead_us": NONE}}])
    assert not has_answer(judged_by_log(only, "catch", timeline(*WHOLE), Overhead(0.5, 0.4, 0.6)))


def test_an_error_that_nobody_knows_leaves_open_whether_there_are_any() -> None:
    failed = f"{write_time(START_NS + MINUTE_NS)} ERROR it failed"
    assert passes(*WHOLE) == [True, True, True]
    assert passes(*WHOLE, failed) == [None, True, True]
    assert whys(*WHOLE, failed)[0] == "1 error not known here, see wsrace logs (--ignore-unknown)"
    found = Timeline(PLAN.minutes, START_NS, ignore_unknown=True)
    lines = "".join(f"{line}\n" for line in (*WHOLE, failed))
    add(begin_triage(also=found.add), "log", [lines.encode()])
    assert [one.passes for one in judged_by_log(PLAN, "catch", found, None).judgements] == (
        [True, True, True]
    )


def test_a_phase_has_an_end() -> None:
    """A deployment of endless minutes would be simulated for ever, and has no buckets."""
    with pytest.raises(ValueError, match="finite"):
        small(phases=[{"name": "all", "to_min": float("inf"), "criteria": {"race_errors": NONE}}])

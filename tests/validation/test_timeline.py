"""The minutes of a log: any order, one count per entry, bounded memory, lines without a time."""

import json
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.files.catalog import open_scenario
from sim.logs.patterns import BY_NAME, ERROR, PATTERNS
from sim.logs.times import NANOS
from sim.logs.triage import add, begin_triage
from sim.model.scenario import Scenario
from sim.runs.play import play
from sim.validation.criteria import is_race
from sim.validation.timeline import BUCKETS, RACE, SET_UP, Timeline, sorts_of
from tests.helpers.deployment_logs import MINUTE_NS, at, timeline
from tests.helpers.reading_logs import entry
from tests.helpers.simulated_logs import START_NS, lines_of
from tests.logs.test_simulated import RUNS

NEED = BY_NAME[ERROR].texts[0]


def test_every_pattern_counts_as_what_it_says() -> None:
    assert {"never-ready", "out-of-order", "set-up-error"} == SET_UP
    assert {
        "need-accept-first", "receive-after-disconnect", "send-after-close", "concurrent-receive",
        "too-many-refusals", "after-the-close", "client-disconnected", "protocol-closed",
        "connection-closed",
    } == RACE  # fmt: skip
    for one in PATTERNS:
        errors = set(sorts_of((one.name,))) & {"race", "other"}
        assert len(errors) == (one.kind == "bad")
    assert sorts_of(("never-ready",)) == ("other", "failed set-up")
    assert sorts_of(("established",)) == ("opened",)
    assert sorts_of(("message-processed", "state-changed")) == ()


def test_an_entry_with_several_patterns_is_one_error_and_a_race_if_any_is() -> None:
    assert sorts_of((ERROR, "after-the-close", "loop-error")) == ("race",)
    assert sorts_of(("never-ready", ERROR)) == ("race", "failed set-up")


@pytest.mark.parametrize("run", RUNS)
def test_the_log_of_a_run_counts_as_the_run_itself_does(run: str) -> None:
    """A criterion means the same on a log as on a simulated deployment."""
    name, settings, *_ = RUNS[run]
    scenario = open_scenario(name, settings)
    assert isinstance(scenario, Scenario)
    done = play(scenario)
    counts = timeline(*lines_of(done.events)).between(0, 5)
    race = is_race(done.outcome.label)
    assert counts["race"] == (done.outcome.failed and race)
    assert counts["other"] == (done.outcome.failed and not race)
    opened = any(event.kind == "client.got" for event in done.events)
    assert counts["opened"] == opened
    assert counts["failed set-up"] == (not opened)


LINES = st.lists(
    st.tuples(st.integers(-90, 400), st.sampled_from([ERROR, "established", "loop-error"])),
    max_size=30,
)


@given(LINES, st.booleans(), st.randoms())
def test_the_counts_are_those_of_the_times_whatever_their_order(
    lines: list[tuple[int, str]], given_since: bool, chance: Random
) -> None:
    since = START_NS if given_since else None
    chance.shuffle(lines)
    found = timeline(*(at(second / 60, name) for second, name in lines), minutes=3, since=since)
    start = 0 if given_since else min((second for second, _ in lines), default=0)
    for begin, end in ((0, 1), (1, 3), (0, 3)):
        expected = Counter(
            name for second, name in lines if begin * 60 <= second - start < end * 60
        )
        counts = found.between(begin, end)
        assert {name: counts[name] for name in expected} == dict(expected)
        assert counts["race"] == expected[ERROR]
    within = [s for s, name in lines if name == ERROR and 0 <= s - start < 180]
    met = [one for one in found.met() if one.pattern.name == ERROR]
    assert [one.hits for one in met] == ([len(within)] if within else [])
    for one in met:
        assert one.first_ns == START_NS + min(within) * NANOS
        assert one.last_ns == START_NS + max(within) * NANOS
        assert one.example.text == at(min(within) / 60, ERROR)
    assert found.early == (sum(second < 0 for second, _ in lines) if given_since else 0)


def test_a_log_with_the_newest_first_takes_no_more_than_its_plan() -> None:
    found = Timeline(1)
    lines = "".join(at(second / 60, ERROR) + "\n" for second in range(3000, 0, -1))
    add(begin_triage(also=found.add), "log", [lines.encode()])
    assert len(found._buckets) <= 120
    assert found.between(0, 1)["race"] == 60
    assert found.origin == START_NS + NANOS


def test_a_long_plan_is_cut_into_longer_stretches_and_loses_nothing() -> None:
    week = 7 * 24 * 60.0
    found = timeline(*(at(minute, ERROR) for minute in range(0, 10_080, 10)), minutes=week)
    assert found._length <= BUCKETS
    assert found.between(0, week)["race"] == 1008
    assert found.between(0, week / 2)["race"] in (504, 505)  # borders are as exact as a stretch
    assert len(list(found.met())) == 1


def test_a_traceback_as_text_is_the_same_error_as_the_line_before_it() -> None:
    found = timeline(at(1, ERROR), "Traceback (most recent call last):", f"RuntimeError: {NEED}")
    assert found.between(0, 5)["race"] == 1
    assert (found.placed, found.timeless) == (
        0,
        Counter(),
    )


def test_a_traceback_alone_counts_at_the_time_of_the_line_before_it() -> None:
    lines = [at(1, "established"), f"RuntimeError: {NEED}", f"RuntimeError: {NEED}"]
    found = timeline(*lines, at(3, "established"))
    assert found.between(1, 2)["race"] == 2
    assert found.between(2, 5)["race"] == 0
    (met,) = found.met()
    assert (met.example.line, met.first_ns) == (2, START_NS + MINUTE_NS)


def test_a_line_without_a_time_before_all_times_is_in_no_minute() -> None:
    found = timeline(NEED, at(1, "established"))
    assert found.between(0, 5)["race"] == 0
    assert found.timeless["race"] == 1


def test_the_line_before_is_one_of_the_same_file() -> None:
    found = Timeline(5, START_NS)
    triage = begin_triage(also=found.add)
    for name, text in (("a", at(1, ERROR)), ("b", NEED)):
        add(triage, name, [text.encode()])
    assert (found.placed, found.timeless["race"]) == (0, 1)


def test_an_entry_that_says_it_in_many_fields_counts_once() -> None:
    row = entry(NEED, jsonPayload={"message": f"Error in message loop: {NEED}", "exc": NEED})
    assert timeline(json.dumps(row)).between(0, 5)["race"] == 1


def test_minutes_are_shown_cut_and_not_rounded() -> None:
    found = timeline(at(4.999, ERROR))
    assert found.last is not None
    assert found.shown(found.last) == "4.9"
    assert found.shown(START_NS - 1) == "-0.1"

"""Worlds that idle come back to where they were: found out, and nothing is missed by it."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import pytest

from sim.exploration.inquiry import Inquiry
from sim.exploration.search import SubjectSearch, search
from sim.exploration.verdict import Exploration, Verdict
from sim.files.catalog import open_scenario
from sim.kernel.series import run_once, run_plan
from sim.kernel.session import Session
from sim.model.engine import Plan
from sim.model.record import CLOCK, End, Event
from sim.model.scenario import Scenario
from sim.model.schedule import Question
from sim.model.ticks import PER_SECOND, from_ms
from sim.runs.scenario import ScenarioSubject
from sim.schedulers.fifo import Fifo


def idle(guard: str, end_ms: int, nth: int = 1) -> Scenario:
    """A client that stays, a heartbeat every 30 s, and a close by another task at some time."""
    return Scenario.model_validate(
        {
            "guard": guard,
            "end_ms": end_ms,
            "handler": {"sends": 0, "receive_timeout_ms": 30_000, "retry_ms": []},
            "clients": {"script": ["connect", "silent"]},
            "injections": [{"do": "server-close", "at": "validated", "nth": nth}],
        }
    )


def explored(one: Scenario, **asked: Any) -> tuple[Exploration, int]:
    """The verdict, and how many runs were cut as they stood later as another one had."""
    inquiry = Inquiry(times="all", count=False, **asked)
    found = SubjectSearch(ScenarioSubject(one), inquiry, None, lambda: False)
    try:
        run_plan(found.plan())
        later = sum(getattr(series.schedulers, "later", 0) for series in found._series)
        return found.exploration(), later
    finally:
        found.close()


@pytest.mark.parametrize("guard", ["both-no-hop", "catch", "raw"])
def test_a_world_that_comes_back_is_gone_on_with_once_and_nothing_else_is_found(guard: str) -> None:
    one = idle(guard, 100_000)
    found, later = explored(one)
    assert found.complete
    assert later > 0
    told, none = explored(one, prop="no-loss")  # here times are told apart
    assert none == 0
    assert told.complete
    assert found.schedules < told.schedules
    assert found.failing == 0
    assert set(found.outcomes) <= set(told.outcomes)


@pytest.mark.slow
def test_a_shipped_guard_is_race_free_to_the_end_after_however_many_heartbeats() -> None:
    one = open_scenario("server-close", ("guard=both-no-hop",))
    assert isinstance(one, Scenario)
    found, later = explored(one)
    assert found.verdict is Verdict.RACE_FREE
    assert found.complete
    assert later > 1000


@pytest.mark.parametrize("nth", [2, 4, 6])
def test_what_an_injection_does_after_some_idle_rounds_is_still_met(nth: int) -> None:
    """A round that comes back to an earlier one must not hide how often a probe was passed."""
    found, _ = explored(idle("both-states", 300_000, nth))
    assert found.fails
    assert found.failure is not None
    passed = [
        event
        for event in found.failure.events
        if event.kind == "probe" and event.values["at"] == "validated"
    ]
    assert len(passed) >= nth


def test_an_injection_that_never_comes_changes_nothing() -> None:
    missed, later = explored(idle("both-states", 100_000, 100))
    assert missed.verdict is Verdict.RACE_FREE
    assert later == 0  # how often its probe was passed tells every round from the others


def test_whether_more_was_due_after_its_end_is_known_of_every_run() -> None:
    scenario = idle("catch", 10_000, 100)
    assert run_once(ScenarioSubject(scenario).job(Fifo())).met_end
    done = open_scenario("healthy")
    assert isinstance(done, Scenario)
    assert not run_once(ScenarioSubject(done).job(Fifo())).met_end


def test_with_every_class_counted_no_state_is_looked_at() -> None:
    found = search(ScenarioSubject(idle("catch", 1900)), Inquiry(times="all"))
    assert found.complete
    assert "stood" not in found.scope


# -- pairs of states, gone on with alike -----------------------------------------------------------

LAST_MS = 300_000
LAST = from_ms(LAST_MS)


class Drawn:
    """Answers by hashes of what the options are called and how far it is; keeps states.

    prefix: what it answers first; then it counts anew, as `anew` says.
    """

    compares_states = True

    def __init__(self, seed: int, prefix: Sequence[int] = ()) -> None:
        self._seed = seed
        self._prefix = prefix
        self.picks: list[int] = []
        self.stands: list[tuple[bytes, int, int]] = []

    def choose(self, question: Question) -> int:
        far = len(self.picks) - len(self._prefix)
        if far < 0:
            pick = self._prefix[far]
        else:
            names = [str(option).split("#")[0] for option in question.options]
            pick = min(range(len(names)), key=lambda i: _drawn(self._seed, far, names[i]))
        self.picks.append(pick)
        return pick

    def stand(self, state: bytes, tick: int) -> None:
        self.stands.append((state, tick, len(self.picks)))


def _drawn(seed: int, far: int, name: str) -> float:
    """A number for an option: clients are prompt, and a close comes late."""
    unit = blake2b(f"{seed} {far} {name}".encode(), digest_size=4).digest()
    slow = 0.85 if name == CLOCK else 0.95 if "timer" in name else 0.0
    return slow + int.from_bytes(unit, "big") / (1 << 32)


def shown(events: Sequence[Event]) -> list[tuple[object, ...]]:
    """Events without times, and without the numbers that only count how many there were."""
    return [
        (event.task.split("#")[0], event.kind, *_values(event.kind, event.values))
        for event in events
    ]


def _values(kind: str, values: Mapping[str, object]) -> list[object]:
    return [value for key, value in values.items() if (kind, key) != ("wire", "at")]


@pytest.mark.parametrize("guard", ["pre-fix", "catch", "both-states"])
def test_from_equal_states_the_same_answers_lead_to_the_same(guard: str) -> None:
    """Two worlds that stood alike, one of them later, are gone on with by the same answers."""
    (subject,) = ScenarioSubject(idle(guard, LAST_MS)).variants("all")
    world = subject.prepare().job(subject.scenario, Drawn(0)).recording()
    first: dict[bytes, tuple[int, list[int]]] = {}
    pairs: list[tuple[tuple[int, list[int]], tuple[int, list[int]]]] = []
    runs: list[End] = []

    def plan() -> Plan:
        for seed in range(40):
            drawn = Drawn(seed)
            yield world.under(drawn)
            for state, tick, choices in drawn.stands:
                here = tick, drawn.picks[:choices]
                earlier = first.setdefault(state, here)
                if earlier[0] < tick:
                    pairs.append((earlier, here))
        for number, pair in enumerate(pairs[:40]):
            for _, prefix in pair:
                runs.append((yield world.under(Drawn(1000 + number, prefix))))

    Session().run(plan())
    assert len(pairs) >= 20
    for pair, ends in zip(pairs[:40], zip(runs[::2], runs[1::2], strict=True), strict=True):
        left = LAST - pair[1][0] - 31 * PER_SECOND  # near its end fewer things can happen
        one, other = (
            shown([event for event in end.events if tick < event.tick <= tick + left])
            for (tick, _), end in zip(pair, ends, strict=True)
        )
        assert one == other

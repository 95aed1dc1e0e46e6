"""Verdicts: two searches agree, and nothing that was left out is ever called complete."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.websockets import WebSocket

from sim.errors import UserError
from sim.exploration import judged
from sim.exploration.inquiry import TIMES, Inquiry
from sim.exploration.search import explore
from sim.exploration.tally import SoFar
from sim.exploration.verdict import Exploration, Verdict
from sim.kernel.world import Job
from sim.model.record import End, Limits
from sim.model.scenario import Injection, Scenario
from sim.runs.scenario import ScenarioSubject
from sim.runs.stage import Fidelity
from sim.runs.subject import Subject, record
from sim.runs.times import drawn_times, list_times
from sim.schedulers.replay import Replay
from sim.schedulers.strategies import STRATEGIES
from sim.sut.guards import own_guard
from tests.helpers.running import job_for
from tests.helpers.scenes import BLIND, CLOSE, SILENT, scene

RESET: dict[str, Any] = {
    "clients": {"script": ["connect", "rst"]},
    "injections": [{"do": "server-close", "at": "top"}],
}
LATE: dict[str, Any] = {**CLOSE, "runtime": "asyncio-3.11"}
SCENES = {
    "any-order close": (scene(CLOSE), "fixed", "racy"),
    "trio close": (scene(CLOSE, runtime="trio"), "fixed", "racy"),
    "asyncio close": (scene(LATE), "fixed", "fails in every schedule"),
    "any-order hop": (scene(CLOSE, guard="both-states", hop=True), "fixed", "racy"),
    "any-order both": (scene(CLOSE, guard="both-states"), "fixed", "race-free"),
    "any-order reset": (scene(RESET), "all", "race-free"),
    "any-order blind": (scene(BLIND), "fixed", "fails in every schedule"),
    "any-order blind, untimed": (scene(BLIND), "all", "racy"),
    "any-order blind, both": (scene(BLIND, guard="both-states"), "all", "race-free"),
    "asyncio blind": (scene(BLIND, runtime="asyncio-3.11"), "fixed", "fails in every schedule"),
    "trio blind": (scene(BLIND, runtime="trio", guard="raw"), "fixed", "race-free"),
    "trio reset": (scene(RESET, runtime="trio"), "all", "race-free"),
}


@pytest.mark.parametrize("name", SCENES)
def test_the_reduced_and_the_full_search_agree_in_verdict_and_outcomes(name: str) -> None:
    scenario, times, verdict = SCENES[name]
    reduced = explore(scenario, Inquiry("dpor", times))  # type: ignore[arg-type]
    full = explore(scenario, Inquiry("exhaustive", times))  # type: ignore[arg-type]
    assert reduced.complete
    assert full.complete
    assert reduced.verdict == full.verdict == verdict
    assert set(reduced.outcomes) == set(full.outcomes)
    assert reduced.looked <= full.looked
    assert reduced.classes == reduced.looked
    assert full.classes is None


@pytest.mark.parametrize(
    ("base", "runtime"),
    [
        (CLOSE, "any-order"),
        (CLOSE, "trio"),
        (CLOSE, "asyncio-3.11"),
        (BLIND, "any-order"),
        (BLIND, "trio"),
        (BLIND, "asyncio-3.11"),
    ],
)
def test_whatever_happens_at_the_scenarios_times_may_happen_at_any(
    base: dict[str, Any], runtime: str
) -> None:
    scenario = scene(base, runtime=runtime)
    fixed, free = (explore(scenario, Inquiry(times=times)) for times in TIMES)
    assert set(fixed.outcomes) <= set(free.outcomes)


def consistent(found: Exploration) -> None:
    """Assert what holds for every exploration."""
    assert found.looked == sum(found.outcomes.values())
    assert found.failing <= found.looked <= found.schedules
    assert found.fails == (found.failing > 0) == (found.failure is not None)
    assert found.verdict is not Verdict.RACE_FREE or (found.complete and not found.failing)
    if found.looked:
        assert found.scope in found.words()
        assert found.bound in found.words()
    assert found.words().startswith(str(found.verdict))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("most", [1, 2, 7])
def test_a_search_that_was_cut_is_never_race_free(strategy: Any, most: int) -> None:
    found = explore(scene(CLOSE, guard="both-states"), Inquiry(strategy, max_schedules=most))
    consistent(found)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert not found.complete
    assert found.looked <= most
    if strategy not in ("pct", "uniform"):
        assert f"cut after {most} schedules" in found.bound


@pytest.mark.parametrize("strategy", ["bounded", "delays"])
def test_a_bounded_search_that_left_options_out_is_not_complete(strategy: Any) -> None:
    scenario = scene(CLOSE, guard="both-states")
    found = explore(scenario, Inquiry(strategy, bound=0))
    consistent(found)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "options lay beyond the bound" in found.bound
    wide = explore(scenario, Inquiry(strategy, bound=1000))
    assert wide.complete
    assert wide.verdict is Verdict.RACE_FREE
    assert wide.looked == explore(scenario, Inquiry("exhaustive")).looked > found.looked


@pytest.mark.parametrize("strategy", ["pct", "uniform"])
@pytest.mark.parametrize("guard", ["pre-fix", "both-states"])
def test_drawn_schedules_are_never_complete(strategy: Any, guard: str) -> None:
    found = explore(scene(CLOSE, guard=guard), Inquiry(strategy, max_schedules=60))
    consistent(found)
    assert found.looked == found.schedules == 60
    assert not found.complete
    assert found.verdict == ("racy" if guard == "pre-fix" else "inconclusive")
    assert "cut" not in found.bound  # as many as were asked for


def test_the_wire_fidelity_is_never_complete() -> None:
    scenario = scene({"clients": SILENT}, runtime="trio", server="hypercorn-trio@0.18")
    found = explore(scenario, Inquiry("dpor", max_schedules=300), fidelity=Fidelity.WIRE)
    consistent(found)
    assert not found.complete
    assert "at fidelity wire locks of the libraries are not recorded" in found.bound
    assert found.verdict is Verdict.INCONCLUSIVE


def opens_a_socket(websocket: WebSocket) -> bool:
    import socket

    socket.socket().connect(("127.0.0.1", 9))
    return True


def test_a_run_that_ends_by_a_refusal_leaves_the_question_open() -> None:
    guard = own_guard("mine:one", opens_a_socket)
    found = explore(scene(CLOSE, guard="mine:one"), Inquiry(), guard)
    consistent(found)
    assert not found.complete
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.looked == 0 < found.schedules
    assert "runs ended by refused" in found.bound


def test_a_run_that_is_cut_by_its_steps_leaves_the_question_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ScenarioSubject, "bounds", lambda self: Limits(steps=9))
    found = explore(scene(CLOSE, guard="both-states"))
    consistent(found)
    assert not found.complete
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "runs ended by step_limit" in found.bound


def test_first_stops_at_the_first_failure() -> None:
    whole = explore(scene(CLOSE))
    first = explore(scene(CLOSE), Inquiry(first=True))
    consistent(first)
    assert first.failing == 1 < whole.failing
    assert first.schedules < whole.schedules
    assert not first.complete
    assert "so far" in first.words()
    assert "cut" not in first.bound
    assert explore(scene(CLOSE, guard="both-states"), Inquiry(first=True)).complete


def test_each_property_is_asked_of_the_same_runs() -> None:
    lossy = scene(BLIND, guard="both-states")
    answers = {prop: explore(lossy, Inquiry(prop=prop)) for prop in ("no-error", "no-loss")}
    assert answers["no-error"].outcomes == answers["no-loss"].outcomes
    assert {name: str(one.verdict) for name, one in answers.items()} == {
        "no-error": "race-free",
        "no-loss": "race-free",  # the one message is received before the client resets
    }
    leaving = scene(
        {
            "clients": {"script": ["connect", {"send": "{}"}, {"send": "{}"}, {"wait": 1}]},
            "injections": [{"do": "client-abort", "at": "received"}],
            "handler": {"sends": 1, "work_ms": 1},
        },
        guard="both-states",
    )
    found = explore(leaving, Inquiry(prop="no-loss"))
    consistent(found)
    assert found.fails
    assert found.failure is not None
    assert found.failure.outcome.lost == 1
    assert not found.failure.outcome.failed


def test_a_turn_that_is_not_complete_breaks_completes() -> None:
    cut = scene(BLIND, handler={"work_ms": 1}, guard="both-states")
    found = explore(cut, Inquiry(prop="completes"))
    assert found.fails
    assert found.failure is not None
    assert found.failure.outcome.complete < found.failure.outcome.turns
    whole = scene({"clients": ANSWERS}, handler={})
    assert explore(whole, Inquiry(prop="completes")).verdict is Verdict.RACE_FREE


ANSWERS = {"script": ["connect", {"send": '{"type": "chat"}'}, {"wait": 6}, {"close": 1000}]}


def own(websocket: WebSocket) -> bool:
    return websocket.application_state.name == "CONNECTED"


@pytest.mark.parametrize("strategy", ["dpor", "exhaustive"])
def test_a_guard_of_ones_own_is_trusted_only_as_far_as_it_is_noted(strategy: Any) -> None:
    scenario = scene(CLOSE, guard="mine:own")
    found = explore(scenario, Inquiry(strategy), own_guard("mine:own", own))
    consistent(found)
    assert found.verdict is Verdict.RACE_FREE
    said = ["modulo instrumentation: mine:own may keep state of its own"] * (strategy == "dpor")
    assert found.bound == "; ".join([*said, "no other process can import mine:own to compare"])


UNIFORM = {"uniform": [0, 20]}
DRAWS: dict[str, Any] = {
    "clients": SILENT,
    "window_ms": UNIFORM,
    "setup": {"services_ms": UNIFORM},
    "injections": [
        {"do": "server-close", "at": "validated", "delay_ms": UNIFORM, "hops": UNIFORM},
        {"do": "client-abort", "time_ms": UNIFORM},
    ],
}
KEYS = ("window_ms", "injections.0.delay_ms", "injections.0.hops", "injections.1.time_ms")


def faults(scenario: Scenario, times: Any) -> dict[str, str]:
    """Return what is said of each key."""
    with pytest.raises(UserError) as caught:
        explore(scenario, Inquiry(times=times))
    pairs = [fault.split(": it is drawn; a search needs ") for fault in caught.value.faults]
    found = {pair[0]: pair[1] for pair in pairs}
    assert len(found) == len(pairs)
    return found


def test_drawn_times_are_refused_one_by_one() -> None:
    scenario = scene(DRAWS)
    assert tuple(drawn_times(scenario)) == (*KEYS, "setup.services_ms")
    fixed = faults(scenario, "fixed")
    assert tuple(fixed) == (*KEYS, "setup.services_ms")
    for key, hint in fixed.items():
        assert hint.startswith("a number or a list")
        assert ("--times all" in hint) == key.startswith("injections.")
    free = faults(scenario, "all")
    assert free == dict.fromkeys(
        ("window_ms", "injections.0.hops", "setup.services_ms"), "a number or a list"
    )


def closing(**keys: Any) -> Scenario:
    return scene(CLOSE, injections=[{**CLOSE["injections"][0], **keys}])


def test_with_all_times_a_drawn_delay_is_as_good_as_none() -> None:
    drawn, plain = closing(delay_ms=UNIFORM), closing()
    with pytest.raises(UserError):
        list_times(drawn, Inquiry().untimed)
    (settled,) = list_times(drawn, Inquiry(times="all").untimed)
    assert not drawn_times(settled)
    assert list_times(plain, Inquiry().untimed) == (plain,)
    free = Inquiry(times="all")
    assert explore(drawn, free).outcomes == explore(plain, free).outcomes


@pytest.mark.parametrize("strategy", ["dpor", "exhaustive"])
def test_a_listed_time_is_searched_at_each_of_its_values(strategy: Any) -> None:
    asked = Inquiry(strategy)
    waits: dict[str, Any] = {"window_hops": 0, "window_ms": {"list": [0, 2, 1, 2]}}
    whole = explore(scene(CLOSE, **waits), asked)
    parts = [explore(scene(CLOSE, window_hops=0, window_ms=ms), asked) for ms in (0, 2, 1)]
    consistent(whole)
    assert whole.complete
    assert whole.looked == sum(one.looked for one in parts)
    assert whole.failing == sum(one.failing for one in parts)
    assert {one.verdict for one in parts} == {Verdict.ALWAYS, Verdict.RACE_FREE}
    assert "all 3 combinations" in whole.scope
    assert whole.failure is not None
    assert not drawn_times(whole.failure.scenario)


@pytest.mark.parametrize("most", [12, 13, 20])
def test_a_search_that_was_cut_before_the_last_combination_says_so(most: int) -> None:
    scenario = scene(CLOSE, guard="both-states", window_ms={"list": [0, 1, 2]})
    found = explore(scenario, Inquiry(max_schedules=most))
    consistent(found)
    assert not found.complete
    assert found.verdict is Verdict.INCONCLUSIVE
    assert f"cut after {most} schedules" in found.bound


@pytest.mark.parametrize("strategy", ["pct", "uniform"])
def test_drawn_schedules_reach_every_combination(strategy: Any) -> None:
    """The failure lies in the last one: only with a window can the close come before the use."""
    scenario = scene(CLOSE, window_hops=0, window_ms={"list": [0, 2]})
    assert explore(scenario, Inquiry()).fails
    found = explore(scenario, Inquiry(strategy, max_schedules=200))
    assert found.looked == 200
    assert found.fails


def test_every_run_that_counts_is_reported_and_the_failure_replays() -> None:
    told: list[SoFar] = []
    found = explore(scene(CLOSE), on_run=told.append)
    assert sorted({one.looked for one in told}) == list(range(1, found.looked + 1))
    assert (told[-1].failing, told[-1].failure) == (found.failing, "need_accept_first")
    assert found.failure is not None
    job = job_for(found.scenario, Replay(found.failure.schedule))
    assert ends(job).events == found.failure.end.events


def ends(job: Job) -> End:
    from tests.helpers.running import run_once

    return run_once(job.program, job.scheduler, job)


def test_the_failure_that_is_kept_is_the_one_with_the_fewest_deviations() -> None:
    found = explore(scene(CLOSE), Inquiry("exhaustive"))
    costs: list[int] = []
    real: Callable[..., Any] = record

    def seen(subject: Subject, end: End) -> Any:
        made = real(subject, end)
        if made.outcome.failed:
            costs.append(sum(choice.deviates for choice in end.schedule))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judged, "record", seen)
        again = explore(scene(CLOSE), Inquiry("exhaustive"))
    assert len(costs) == again.failing == found.failing
    assert found.failure is not None
    assert sum(choice.deviates for choice in found.failure.schedule) == min(costs)


def test_a_search_cut_between_two_listed_times_is_not_complete() -> None:
    """It was called complete if the last combination that was searched came to its end."""
    listed = {**CLOSE, "injections": [{**CLOSE["injections"][0], "hops": {"list": [0, 1]}}]}
    scenario = Scenario.model_validate({**listed, "guard": "catch", "runtime": "asyncio-3.12"})
    whole = explore(scenario)
    first = explore(scenario.model_copy(update={"injections": settled_first(scenario)}))
    assert whole.complete
    assert first.schedules < whole.schedules
    cut = explore(scenario, Inquiry(max_schedules=first.schedules))
    assert not cut.complete
    assert cut.verdict is Verdict.INCONCLUSIVE
    assert "1 of 2 combinations" in cut.words()


def settled_first(scenario: Scenario) -> tuple[Injection, ...]:
    return list_times(scenario, Inquiry().untimed)[0].injections

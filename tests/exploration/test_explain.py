"""Why a run fails: the lines, tasks and states of check, use and writer, and the words."""

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.websockets import WebSocket

from sim.errors import Divergence
from sim.exploration.explain import Explanation, Touch, explain, with_lines
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.model.ticks import PER_SECOND
from sim.runs.play import play
from sim.runs.scenario import STATES, ScenarioSubject
from sim.sut.guards import own_guard
from tests.helpers.scenes import BLIND, CLOSE, SILENT, failure_of, scene

HANDLER = "transport:c1/handler:c1"
CLOSER = f"{HANDLER}/server-close"


def line(where: str) -> str:
    """Return the source line that "module:number" names."""
    module, _, number = where.partition(":")
    path = importlib.import_module(module).__file__
    assert path is not None
    return Path(path).read_text().splitlines()[int(number) - 1].strip()


def why(scenario: Scenario, times: Any = "fixed") -> Explanation:
    asked = Inquiry(times=times)
    found = explain(failure_of(scenario, asked)[1])
    whole(found)
    return found


def whole(found: Explanation) -> None:
    """Assert what holds for every explanation."""
    assert len(found.rows) <= 5
    numbers = [row.step for row in found.rows]
    assert numbers == sorted(set(numbers))
    assert [row.ms for row in found.rows] == sorted(row.ms for row in found.rows)
    steps, events = found.record.end.trace_steps, found.record.events
    for row in found.rows:
        assert steps[row.step].task == row.task
        assert row.ms == steps[row.step].tick * 1000 / PER_SECOND
        ends = [step.events for step in steps[row.step + 1 : row.step + 2]] or [len(events)]
        for seen, until in ((row.before, steps[row.step].events), (row.after, ends[0])):
            assert seen == states_after(found, until)
    roles = " and ".join(row.role for row in found.rows).split(" and ")
    assert len(roles) == len(set(roles))
    for role, touch in (("check", found.check), ("use", found.use), ("write", found.writer)):
        assert (role in roles) == (touch is not None)
        if touch is not None:
            (row,) = (row for row in found.rows if role in row.role.split(" and "))
            assert (row.step, row.task) == (touch.step, touch.task)


def states_after(found: Explanation, count: int) -> tuple[str, ...]:
    states = dict.fromkeys(STATES, "-")
    for event in found.record.events[:count]:
        if event.kind in states:
            states[event.kind] = str(event.values["state"])
    return tuple(states.values())


def touch(found: Touch | None) -> tuple[str, str, bool]:
    assert found is not None
    return found.task, found.state, found.write


@pytest.mark.parametrize("times", ["fixed", "all"])
@pytest.mark.parametrize("guard", ["pre-fix", "post-fix"])
def test_pre_fix_and_post_fix_look_at_other_state_than_receive_depends_on(
    guard: str, times: str
) -> None:
    found = why(scene(CLOSE, guard=guard), times)
    assert found.check is not None
    assert found.use is not None
    assert found.writer is not None
    assert touch(found.use) == (HANDLER, "application_state", False)
    assert "application_state" in line(found.use.where)
    assert touch(found.writer) == (CLOSER, "application_state", True)
    assert "application_state" in line(found.writer.where)
    assert found.check.task == HANDLER
    assert found.checked == ("client_state", "machine")
    reads = {"pre-fix": "_top_reads(chat)", "post-fix": "guard.final"}
    assert "chat.passes" in line(found.check.where)
    assert reads[guard] in line(found.check.where)
    assert found.sentence() == (
        f"guard read client_state and machine ({found.check.where}); what failed depends on "
        f"application_state ({found.use.where}), which {CLOSER} had written "
        f"({found.writer.where}): the guard looks at other state than the one it is to protect"
    )
    assert found.hops == (1 if guard == "pre-fix" else 0)
    assert found.window_ms == 0


@pytest.mark.parametrize("times", ["fixed", "all"])
def test_both_states_look_too_early_where_the_receive_is_a_task_of_its_own(times: str) -> None:
    found = why(scene(CLOSE, guard="both-states", hop=True), times)
    assert found.check is not None
    assert found.use is not None
    assert found.writer is not None
    assert found.checked == ("client_state", "application_state")
    assert found.use.task == f"{HANDLER}/wait_for"
    assert "application_state" in line(found.use.where)
    assert "chat.passes(guard.final)" in line(found.check.where)
    assert found.check.step < found.writer.step < found.use.step
    assert found.sentence().endswith(f"({found.writer.where}) after the guard had looked")
    assert found.hops == 1


@pytest.mark.parametrize("runtime", ["any-order", "asyncio-3.11"])
def test_in_the_blind_spot_the_handlers_own_send_is_the_writer(runtime: str) -> None:
    found = why(scene(BLIND, runtime=runtime), "all")
    assert found.writer is not None
    assert found.use is not None
    assert touch(found.writer) == (HANDLER, "application_state", True)
    assert "DISCONNECTED" in line(found.writer.where)
    assert "application_state" in line(found.use.where)
    assert found.checked == ("client_state", "machine")
    (cause,) = (row for row in found.rows if row.role == "cause")
    assert cause.task == "transport:c1"
    assert "frame rst" in cause.what
    assert cause.step < found.writer.step


@pytest.mark.parametrize("base", [CLOSE, BLIND])
def test_without_a_guard_the_sentence_says_that_nobody_looked(base: dict[str, Any]) -> None:
    found = why(scene(base, guard="none"))
    assert found.check is None
    assert found.checked == ()
    assert found.use is not None
    assert found.writer is not None
    assert found.sentence() == (
        f"no guard read anything; what failed depends on application_state ({found.use.where}), "
        f"which {found.writer.task} had written ({found.writer.where})"
    )


@pytest.mark.parametrize("runtime", ["any-order", "asyncio-3.11", "trio"])
def test_what_an_injected_task_of_the_handlers_touches_is_not_its_use(runtime: str) -> None:
    """All failures, not only the smallest: their use is the receive's, in every order."""
    scenario = scene(
        CLOSE, clients={"script": ["connect", {"send": "{}"}, "silent"]}, window_hops=0
    )
    for seed in range(12):
        asked = Inquiry("uniform", "all", max_schedules=4, seed=seed)
        failure = explore(scenario, asked).failure
        if failure is None:
            continue
        found = explain(failure)
        whole(found)
        assert found.use is not None
        assert found.use.state == "application_state"
        assert found.use.task in (HANDLER, f"{HANDLER}/wait_for")


def late_look(websocket: WebSocket) -> bool:
    return websocket.client_state.name == "CONNECTED"


def test_a_guard_of_ones_own_is_the_check_with_its_own_line() -> None:
    guard = own_guard("mine:late", late_look)
    scenario = scene(CLOSE, guard="mine:late")
    failure = explore(scenario, guard=guard).failure
    assert failure is not None
    found = explain(failure)
    whole(found)
    assert found.check is not None
    assert found.check.where.startswith(__name__)
    assert "websocket.client_state" in line(found.check.where)
    assert found.checked == ("client_state",)


def blind_look(websocket: WebSocket) -> bool:
    """Look at the state that a receive depends on, and go on whatever it is."""
    return bool(websocket.application_state) or True


def test_it_is_not_said_to_be_too_late_where_the_guard_looked_after_the_writer() -> None:
    guard = own_guard("mine:blind", blind_look)
    failure = explore(scene(CLOSE, guard="mine:blind"), guard=guard).failure
    assert failure is not None
    found = explain(failure)
    whole(found)
    assert found.check is not None
    assert found.writer is not None
    assert found.writer.step < found.check.step
    assert found.checked == ("application_state",)
    assert found.sentence().endswith(f", which {CLOSER} had written ({found.writer.where})")


def test_a_window_in_time_is_said_in_milliseconds() -> None:
    found = why(scene({**CLOSE, "window_hops": 0}, window_ms=2))
    assert found.window_ms == pytest.approx(2, abs=0.001)


def test_two_receivers_at_once_are_explained_by_the_queue_that_they_share() -> None:
    """A failure of the raw guard: not of a state, but of another task that receives."""
    eaten = scene(
        {"clients": {"script": ["connect", {"send": "{}"}, {"send": "{}"}, "rst"]}},
        injections=[{"do": "eaten-disconnect", "at": "validated"}],
        handler={"sends": 1},
        window_hops=3,
        guard="raw",
        hop=True,
    )
    found = why(eaten)
    assert found.record.outcome.label == "concurrent_recv"
    assert found.use is not None
    assert found.writer is not None
    assert found.use.state == found.writer.state == "queue"
    assert found.use.task == f"{HANDLER}/wait_for"
    assert found.writer.task.endswith("/server-eaten-disconnect")
    for one in (found.use, found.writer):
        assert "receive()" in line(one.where)
    assert found.sentence().startswith("no guard read anything; what failed depends on queue (")


def test_a_handler_that_never_ends_has_the_reason_for_its_end_as_its_sentence() -> None:
    never = play(scene({"clients": SILENT}, setup={"services": "never"}))
    told = explain(never)
    whole(told)
    assert told.use is None
    assert told.rows == ()
    assert told.sentence() == str(never.end.error)
    assert "virtual time" in told.sentence()


def test_a_repeated_run_that_goes_otherwise_is_an_error() -> None:
    record = failure_of(scene(CLOSE), Inquiry())[1]
    other = replace(record, subject=ScenarioSubject(scene(BLIND)))
    with pytest.raises(Divergence):
        explain(other)


def test_a_loop_that_the_guard_itself_ended_is_not_blamed_on_another_state() -> None:
    """The message is lost because the guard read the machine, which it is right to read."""
    settings = ("guard=post-fix", "window_ms=1", "injections.0.delay_ms=0.5")
    opened = open_scenario("state-change", settings)
    assert isinstance(opened, Scenario)
    run = play(opened)
    assert run.outcome.lost == 1
    said = explain(run).sentence()
    assert said.startswith("the loop ended by what a guard read: machine (sim.sut.loop:")
    assert "looks at other state" not in said
    assert "()" not in said


def test_what_one_line_reads_twice_in_a_step_stands_there_twice() -> None:
    """The five sends of an answer go through the same lines within one step."""
    opened = open_scenario("server-close", ("window_ms=5", "injections.0.delay_ms=2"))
    assert isinstance(opened, Scenario)
    told = with_lines(play(opened))
    noted = [
        access.events
        for step in told.end.trace_steps
        for access in step.accesses
        if access.name.startswith("event:")
    ]
    assert noted == list(range(1, len(told.events) + 1))

"""A scenario and a schedule make one run, the same every time; your own guards are asked for."""

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.websockets import WebSocket

from sim.errors import UserError
from sim.files.catalog import open_scenario
from sim.model.names import MODES, Mode
from sim.model.record import Ending
from sim.model.scenario import Clients, Scenario
from sim.model.script import Action, Do
from sim.model.ticks import from_ms
from sim.runs.own import guard_named, import_guard
from sim.runs.play import play
from sim.runs.scenario import ScenarioSubject
from sim.runs.specs import client_specs, pauses_of
from sim.runs.stage import Fidelity
from sim.runtimes.port import Pause
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Replay
from sim.schedulers.uniform import Uniform
from sim.sut.guards import GUARDS, Guard, own_guard
from tests.helpers.running import record_of, run_once

CLOSED_IN_THE_WINDOW = Scenario.model_validate(
    {
        "runtime": "any-order",
        "hop": True,
        "window_ms": 5,
        "clients": {"messages": 1, "pause_ms": 100},
        "injections": [{"do": "server-close", "at": "validated", "nth": 2, "delay_ms": 3}],
    }
)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1 << 32), mode=st.sampled_from(MODES), fidelity=st.sampled_from(Fidelity)
)
def test_the_same_scenario_and_schedule_give_the_same_digest(
    seed: int, mode: Mode, fidelity: Fidelity
) -> None:
    scenario = CLOSED_IN_THE_WINDOW.model_copy(update={"mode": mode})
    one, two = (play(scenario, Uniform(seed), fidelity) for _ in range(2))
    assert (one.digest, one.outcome, one.schedule) == (two.digest, two.outcome, two.schedule)
    assert play(scenario, Replay(one.schedule), fidelity).digest == one.digest


def test_a_record_holds_what_was_run_and_what_came_of_it() -> None:
    made = play(CLOSED_IN_THE_WINDOW)
    assert made.scenario is CLOSED_IN_THE_WINDOW
    assert made.events == made.end.events
    assert made.schedule == made.end.schedule != ()
    assert made.outcome.classes == ("need_accept_first",)
    assert len(made.digest) == 64


def test_prepared_gives_the_same_runs_as_play() -> None:
    drawn = open_scenario("blind-spot")
    assert isinstance(drawn, Scenario)
    prepared = ScenarioSubject(drawn).prepare()
    for trial in range(3):
        scenario = drawn.resolve("seed", trial)
        job = prepared.job(scenario, Fifo())
        again = record_of(scenario, run_once(job.program, job.scheduler, job))
        assert again == play(scenario)


@pytest.mark.parametrize("fidelity", Fidelity)
@pytest.mark.parametrize("mode", MODES)
def test_both_fidelities_run_a_scenario(fidelity: Fidelity, mode: Mode) -> None:
    made = play(Scenario(mode=mode, clients=Clients(count=2)), fidelity=fidelity)
    assert made.end.ending is Ending.COMPLETED
    assert made.outcome.classes == ("clean_disconnect(1000)",) * 2
    assert (made.outcome.failed, made.outcome.lost, made.outcome.turns) == (False, 0, 4)


def test_the_end_of_the_scenario_is_an_end_in_silence() -> None:
    made = play(Scenario(end_ms=20, clients=Clients(end="silent")))
    assert made.end.ending is Ending.TIME_LIMIT
    assert made.outcome.time_up
    assert not made.outcome.failed


# -- what a scenario describes ---------------------------------------------------------------------


def script(**keys: Any) -> list[Action]:
    (spec,) = client_specs(Clients(**keys))
    return list(spec.script)


def test_a_client_connects_is_welcomed_sends_pauses_and_ends() -> None:
    pause = Action(Do.SLEEP, from_ms(30))
    assert script(messages=2, pause_ms=30, code=4001) == [
        Action(Do.CONNECT),
        Action(Do.WAIT, 1),
        Action(Do.SEND, '{"type": "chat", "n": 1}'),
        pause,
        Action(Do.SEND, '{"type": "chat", "n": 2}'),
        pause,
        Action(Do.CLOSE, 4001),
    ]


@pytest.mark.parametrize(
    ("end", "action"),
    [
        ("close", Action(Do.CLOSE, 1000)),
        ("abort", Action(Do.RST)),
        ("eof", Action(Do.FIN)),
        ("silent", Action(Do.SILENT)),
    ],
)
def test_a_client_ends_as_it_is_told(end: str, action: Action) -> None:
    assert script(messages=0, end=end)[-1] == action


def test_a_script_replaces_what_the_other_keys_say() -> None:
    assert script(messages=5, script=("connect", "fin")) == [Action(Do.CONNECT), Action(Do.FIN)]


def test_clients_start_one_after_the_other_over_links_that_are_alike() -> None:
    specs = client_specs(Clients(count=3, every_ms=10, delay_ms=2, jitter_ms=1))
    assert [spec.start for spec in specs] == [0, from_ms(10), from_ms(20)]
    assert all(spec.up == spec.down for spec in specs)
    assert {(s.up.delay, s.up.jitter) for s in specs} == {(from_ms(2), from_ms(1))}


@pytest.mark.parametrize(
    ("keys", "pauses"),
    [
        ({}, {}),
        ({"window_ms": 5}, {"validated": Pause(ticks=from_ms(5))}),
        ({"window_hops": 2}, {"validated": Pause(hops=2)}),
        ({"window_ms": 1, "window_hops": 2}, {"validated": Pause(2, from_ms(1))}),
        ({"pauses": {"top": 3, "sending": 0}}, {"top": Pause(ticks=from_ms(3))}),
    ],
)
def test_the_window_is_what_is_awaited_after_the_validation(
    keys: dict[str, Any], pauses: dict[str, Pause]
) -> None:
    assert pauses_of(Scenario(**keys)) == pauses


def test_a_time_that_is_still_to_be_drawn_cannot_be_played() -> None:
    with pytest.raises(TypeError, match="has not been drawn yet"):
        play(Scenario.model_validate({"window_ms": {"uniform": [0, 5]}}))


# -- guards ----------------------------------------------------------------------------------------


def never(_: WebSocket) -> bool:
    return False


@pytest.mark.parametrize("name", GUARDS)
def test_our_guards_are_known_by_name(name: str) -> None:
    assert guard_named(name) is GUARDS[name]


def test_a_guard_of_your_own_is_refused_unless_it_is_given() -> None:
    scenario = Scenario(guard="tests.runs.test_play:never", clients=Clients(messages=1))
    with pytest.raises(UserError) as caught:
        play(scenario)
    (fault,) = caught.value.faults
    assert "--guard tests.runs.test_play:never" in fault
    given_one = play(scenario, guard=own_guard("tests.runs.test_play:never", never))
    assert given_one.outcome.classes == ("guard_break_final",)


def test_nothing_is_imported_for_a_guard_that_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trap_of_wsrace.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError):
        play(Scenario(guard="trap_of_wsrace:guard"))
    assert "trap_of_wsrace" not in sys.modules


def test_a_function_or_a_guard_is_imported_by_its_name() -> None:
    function = import_guard("tests.runs.test_play:never")
    assert isinstance(function, Guard)
    assert (function.name, function.check) == ("tests.runs.test_play:never", never)
    ours = import_guard("sim.sut.guards:PRE_FIX")
    assert (ours.name, ours.top) == ("sim.sut.guards:PRE_FIX", GUARDS["pre-fix"].top)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (
            "no_such_module:guard",
            "guard 'no_such_module:guard': cannot import 'no_such_module': "
            "ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            "tests.runs.test_play:nothing",
            "guard 'tests.runs.test_play:nothing': 'tests.runs.test_play' has no ",
        ),
        (
            "tests.runs.test_play:MODES",
            "guard tests.runs.test_play:MODES: expected a Guard or a function, ",
        ),
    ],
)
def test_a_guard_that_cannot_be_had_is_one_clear_line(name: str, fault: str) -> None:
    with pytest.raises(UserError) as caught:
        import_guard(name)
    (line,) = caught.value.faults
    assert line.startswith(fault)
    assert "\n" not in line

"""What a system did in a run is kept turn by turn, and keeping it changes nothing."""

from dataclasses import replace

import pytest

from sim.aio.tape import Answer, Tape
from sim.kernel.series import run_once
from sim.model.app import Bounds
from sim.model.record import End, Ending
from sim.runs.app import AppSubject
from sim.schedulers.fifo import Fifo
from sim.schedulers.replay import Replay
from sim.schedulers.uniform import Uniform
from tests.helpers.applications import subject


def taped(one: AppSubject, end: End) -> tuple[Tape, End]:
    tape = Tape()
    return tape, run_once(replace(one.job(Replay(end.schedule)), system=tape.make))


@pytest.mark.parametrize("seed", range(4))
def test_a_run_that_is_kept_is_the_same_run(seed: int) -> None:
    one = subject("guarded:app", "/closes send:a, drop", bounds=Bounds(late=1, partial=1))
    end = run_once(one.job(Uniform(seed)))
    tape, again = taped(one, end)
    assert again.events == end.events
    assert again.schedule == end.schedule
    assert tape.ending in (Ending.DEADLOCK, Ending.TIME_LIMIT)


def test_each_turn_says_what_came_what_was_due_and_who_was_ready() -> None:
    one = subject("guarded:app", "/closes sleep:45, send:a, drop")
    tape, end = taped(one, run_once(one.job(Fifo())))
    came = [turn.arrived for turn in tape.turns if turn.arrived]
    assert came[0] == (("c1", 1, False),)
    assert sum(count for turn in came for _, count, _ in turn) == 3  # the request, a message, FIN
    assert [turn.acted_ns for turn in tape.turns if turn.acted_ns is not None] == [45_000_000]
    assert sum(turn.due for turn in tape.turns) > 0
    assert any(turn.ready == (("c1", 1),) for turn in tape.turns)
    times = [turn.now_ns for turn in tape.turns]
    assert times == sorted(times)
    assert tape.turns[-1].events <= len(end.events)


def test_what_is_asked_within_a_turn_is_kept_too() -> None:
    one = subject("guarded:app", "/ws send:a, rst", bounds=Bounds(partial=1))
    for seed in range(20):
        tape, _ = taped(one, run_once(one.job(Uniform(seed))))
        if Answer("c1:send", 1) in tape.answers:
            return
    raise AssertionError("no send met a reset in twenty runs")


def test_a_thread_that_lands_while_nothing_is_ready_is_counted() -> None:
    one = subject("clocked:app", "/threads silent")
    tape, _ = taped(one, run_once(one.job(Fifo())))
    assert sum(turn.landed for turn in tape.turns) == 1


def test_what_only_cleans_up_is_not_kept() -> None:
    one = subject("plain:careful", "silent")
    tape, end = taped(one, run_once(one.job(Fifo())))
    assert len(tape.turns) < end.steps
    assert tape.ends_ns >= tape.turns[-1].now_ns

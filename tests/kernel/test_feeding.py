"""Steps are fed to Trio within one batch: when Trio's own loop comes round changes nothing."""

from dataclasses import replace

import pytest
import trio

from sim.kernel import trio_hook
from sim.kernel.series import run_all
from sim.kernel.trace import digest
from sim.kernel.world import Job, World
from sim.model.record import End
from sim.model.ticks import PER_SECOND
from sim.runs.stage import Fidelity
from sim.schedulers.uniform import Uniform
from tests.helpers.running import run_once
from tests.helpers.worlds import jobs


def digests(fidelity: Fidelity, count: int) -> list[str]:
    found: list[str] = []

    def on_end(end: End) -> None:
        found.append(digest(end.events))

    run_all((replace(job) for job in jobs(fidelity, range(count))), on_end)
    return found


@pytest.mark.parametrize("every", [1, 2, 3, 7])
@pytest.mark.parametrize(("fidelity", "count"), [(Fidelity.ASGI, 60), (Fidelity.WIRE, 6)])
def test_how_often_trio_has_its_turn_changes_no_trace(
    fidelity: Fidelity, count: int, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: if that came when the harness alone was ready, everything stood still."""
    usual = digests(fidelity, count)
    monkeypatch.setattr(trio_hook, "_TOP_EVERY", every)
    assert digests(fidelity, count) == usual


def test_a_deadline_that_has_passed_is_seen_before_the_next_step() -> None:
    async def run(world: World) -> list[str]:
        seen: list[str] = []

        async def other() -> None:
            seen.append("other")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            with trio.CancelScope(deadline=trio.current_time()) as scope:
                await trio.lowlevel.checkpoint()
                seen.append("not cancelled")
            seen.append(f"cancelled {scope.cancelled_caught}")
        return seen

    assert "not cancelled" not in run_once(run).result  # type: ignore[operator]


def test_idle_waiters_see_silence_between_steps_and_not_before() -> None:
    async def run(world: World) -> list[str]:
        seen: list[str] = []

        async def busy() -> None:
            for _ in range(5):
                await trio.lowlevel.checkpoint()
            seen.append("busy")
            await trio.sleep(1)
            seen.append("later")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy)
            await trio.testing.wait_all_tasks_blocked()
            seen.append("silence")
        return seen

    end = run_once(run)
    assert end.result == ["busy", "silence", "later"]
    assert end.tick == PER_SECOND


def test_ten_thousand_ready_tasks_name_no_more_options_than_are_read() -> None:
    read = 0

    class First:
        def choose(self, question: object) -> int:
            nonlocal read
            options = question.options  # type: ignore[attr-defined]
            read += options[len(options) - 1] != ""
            return 0

    async def run(world: World) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(10_000):
                nursery.start_soon(trio.lowlevel.checkpoint)

    job = Job(run, First(), schedule=False)
    assert run_once(run, First(), job).steps > 20_000
    assert read > 19_000


@pytest.mark.parametrize("schedule", [True, False])
def test_options_are_the_same_whether_they_are_kept_or_not(schedule: bool) -> None:
    (job,) = jobs(Fidelity.ASGI, [3])
    end = run_once(job.program, Uniform(4), replace(job, schedule=schedule))
    kept = run_once(job.program, Uniform(4), job)
    assert digest(end.events) == digest(kept.events)
    assert bool(end.schedule) is schedule

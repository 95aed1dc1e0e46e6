"""Each scheduler on a tree of choices without Trio: this is the contract for any engine."""

import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.entropy import below
from sim.errors import BadSchedule, Divergence
from sim.model.schedule import Chooser, Kind, Question, Schedule, Scheduler, Search, picks
from sim.schedulers.bounded import DelayBounded, PreemptionBounded
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from sim.schedulers.pct import Pct
from sim.schedulers.replay import Follow, Replay
from sim.schedulers.uniform import Uniform

Engine = Callable[[Chooser], str]


def threads(tasks: int, steps: int) -> Engine:
    """Return an engine without Trio: `tasks` tasks of `steps` steps each, freely interleaved."""

    def run(chooser: Chooser) -> str:
        left = {f"t{number}": steps for number in range(tasks)}
        ran: list[str] = []
        while left:
            ready = list(left)
            running = ready.index(ran[-1]) if ran and ran[-1] in ready else -1
            task = ready[chooser.ask(Kind.STEP, ready, 0, "", running)]
            ran.append(task)
            left[task] -= 1
            if not left[task]:
                del left[task]
        return "".join(task[1:] for task in ran)

    return run


def run(engine: Engine, scheduler: Scheduler) -> tuple[str, Schedule]:
    chooser = Chooser(scheduler)
    return engine(chooser), chooser.schedule()


def search(engine: Engine, finder: Search, most: int = 100_000) -> list[str]:
    results = []
    while (scheduler := finder.next_scheduler()) is not None:
        result, schedule = run(engine, scheduler)
        finder.finished(schedule)
        results.append(result)
        assert len(results) <= most
    return results


def preemptions(result: str, steps: int) -> int:
    """Count the switches away from a task that had steps left."""
    done: Counter[str] = Counter()
    count = 0
    for here, after in pairwise(result):
        done[here] += 1
        count += here != after and done[here] < steps
    return count


def test_fifo_takes_every_default() -> None:
    result, schedule = run(threads(3, 2), Fifo())
    assert result == "001122"
    assert not any(choice.deviates for choice in schedule)


@pytest.mark.parametrize(("tasks", "steps"), [(2, 3), (3, 2), (4, 1), (2, 5)])
def test_exhaustive_finds_every_interleaving_once(tasks: int, steps: int) -> None:
    results = search(threads(tasks, steps), Exhaustive())
    expected = math.factorial(tasks * steps) // math.factorial(steps) ** tasks
    assert len(results) == len(set(results)) == expected


def test_exhaustive_begins_with_the_default_run() -> None:
    assert search(threads(3, 2), Exhaustive())[0] == run(threads(3, 2), Fifo())[0]


@pytest.mark.parametrize("bound", [0, 1, 2, 3])
def test_preemption_bounded_finds_exactly_the_schedules_within_the_bound(bound: int) -> None:
    engine = threads(3, 2)
    everything = search(engine, Exhaustive())
    finder = PreemptionBounded(bound)
    results = search(engine, finder)
    within = [result for result in everything if preemptions(result, 2) <= bound]
    assert sorted(results) == sorted(within)
    assert (finder.pruned > 0) == (len(within) < len(everything))


@pytest.mark.parametrize("bound", [0, 1, 2])
def test_delay_bounded_finds_exactly_the_schedules_within_the_bound(bound: int) -> None:
    engine = threads(3, 2)
    costs: dict[str, int] = {}
    finder = Exhaustive()
    while (scheduler := finder.next_scheduler()) is not None:
        result, schedule = run(engine, scheduler)
        finder.finished(schedule)
        costs[result] = sum(choice.picked for choice in schedule)
    within = [result for result, cost in costs.items() if cost <= bound]
    assert sorted(search(engine, DelayBounded(bound))) == sorted(within)


def test_a_negative_budget_is_an_error() -> None:
    with pytest.raises(ValueError, match="budget must not be negative"):
        DelayBounded(-1)


def test_uniform_picks_each_option_equally_often() -> None:
    counts = Counter(run(threads(3, 1), Uniform(seed))[0] for seed in range(3000))
    assert len(counts) == 6
    assert all(400 < count < 600 for count in counts.values())  # 500 expected, 4.9 deviations


def test_uniform_draws_values_from_the_whole_range() -> None:
    chooser = Chooser(Uniform(1))
    drawn = {chooser.ask(Kind.VALUE, range(4), asker="link") for _ in range(100)}
    assert drawn == {0, 1, 2, 3}


def test_uniform_gives_a_task_the_same_luck_beside_another_guard() -> None:
    """A task's draws depend on its name and how often it competed, not on how others are called."""

    def first(names: list[str]) -> list[bool]:
        chooser = Chooser(Uniform(5))
        return [chooser.ask(Kind.STEP, names) == 0 for _ in range(200)]

    alike = sum(a == b for a, b in zip(first(["h", "x"]), first(["h", "y"]), strict=True))
    assert alike > 115  # 2/3 expected for a shared draw, 1/2 for independent ones


@pytest.mark.parametrize("make", [Uniform, Pct], ids=["uniform", "pct"])
@given(seed=st.integers(0, 1 << 64))
def test_a_seed_decides_every_answer(make: Callable[[int], Scheduler], seed: int) -> None:
    assert run(threads(4, 4), make(seed)) == run(threads(4, 4), make(seed))


def test_pct_of_depth_one_never_preempts() -> None:
    for seed in range(50):
        assert preemptions(run(threads(3, 3), Pct(seed, depth=1))[0], 3) == 0


def test_pct_of_depth_d_preempts_at_most_d_minus_1_times() -> None:
    found = {
        preemptions(run(threads(3, 3), Pct(seed, depth=3, horizon=9))[0], 3) for seed in range(200)
    }
    assert max(found) == 2


def test_pct_drops_a_leader_the_further_the_later_its_change_point_was_drawn() -> None:
    """The first change point drops it least, the last one most, whichever comes first in a run."""
    seen = set()
    for seed in range(40):
        points = [below(4, seed, "pct change", number) for number in (1, 2)]
        if points[0] == points[1]:
            continue  # one choice has one change
        pct = Pct(seed, depth=3, horizon=4)
        names = ["a", "b", "c", "d"]
        order = sorted(names, key=lambda name: -pct._priority(name))
        left = list(order)
        for choice in range(4):
            left = left[1:] if choice in points else left
            assert names[pct.choose(Question(Kind.STEP, names, 0))] == left[0]
        first, second = order[0], order[1]
        least, most = (first, second) if points[0] < points[1] else (second, first)
        dropped = [first, second]
        assert dropped[pct.choose(Question(Kind.STEP, dropped, 0))] == least != most
        seen.add(points[0] < points[1])
    assert seen == {True, False}


def test_pct_finds_a_bug_of_its_depth_as_often_as_the_paper_promises() -> None:
    tasks, steps = 3, 3
    horizon = tasks * steps
    hits = sum(
        preemptions(run(threads(tasks, steps), Pct(seed, depth=2, horizon=horizon))[0], steps) == 1
        for seed in range(500)
    )
    assert hits / 500 >= 1 / (tasks * horizon)


@pytest.mark.parametrize(("depth", "horizon"), [(0, 10), (3, 0)])
def test_pct_rejects_senseless_parameters(depth: int, horizon: int) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        Pct(1, depth, horizon)


@given(st.lists(st.integers(0, 2), max_size=12))
def test_any_list_of_picks_that_fits_can_be_run_and_replayed(values: list[int]) -> None:
    engine = threads(3, 2)
    try:
        result, schedule = run(engine, Follow(values))
    except Divergence:
        return
    assert run(engine, Replay(schedule)) == (result, schedule)
    assert run(engine, Follow(picks(schedule))) == (result, schedule)


def test_a_pick_that_does_not_fit_is_a_divergence_that_names_the_choice() -> None:
    with pytest.raises(Divergence, match=r"choice 1: expected at least 6 options, met step choice"):
        run(threads(3, 2), Follow([0, 5]))


def test_follow_rejects_what_is_no_pick() -> None:
    with pytest.raises(BadSchedule, match="pick 0"):
        Follow(["a"])


def test_replay_names_what_was_expected_and_what_was_met() -> None:
    _, schedule = run(threads(3, 2), Fifo())
    with pytest.raises(Divergence) as caught:
        run(threads(2, 3), Replay(schedule))
    assert "choice 0: expected step choice by the kernel among [t0, t1, t2], met" in str(
        caught.value
    )
    assert "among [t0, t1]" in str(caught.value)


def test_replay_diverges_when_the_run_goes_on_too_long_or_ends_too_soon() -> None:
    _, schedule = run(threads(3, 2), Fifo())
    with pytest.raises(Divergence, match="expected the end of the run"):
        run(threads(3, 2), Replay(schedule[:-1]))
    longer = Replay((*schedule, schedule[-1]))
    run(threads(3, 2), longer)
    with pytest.raises(Divergence, match="met the end of the run"):
        longer.close()


def test_exhaustive_stops_at_an_engine_that_does_not_repeat() -> None:
    sizes = iter([3, 2])

    def fickle(chooser: Chooser) -> str:
        return str(chooser.ask(Kind.STEP, [f"t{i}" for i in range(next(sizes))]))

    with pytest.raises(Divergence, match="does not depend on its choices alone"):
        search(fickle, Exhaustive())

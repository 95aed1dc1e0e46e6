"""Runs side by side: the same moments at the same places, polls folded, the middle left out."""

from sim.exploration.explain import with_lines
from sim.report.html.beside import MOST, NEAR, OFTEN, WHOLE, Beside, beside, fold
from sim.report.trace.walk import Moment, moments_of
from sim.runs.play import play
from sim.schedulers.fifo import Fifo
from tests.helpers.made_reports import walk_of
from tests.helpers.scenes import BLIND, scene


def test_a_long_run_begins_before_its_last_message_and_says_what_is_left_out() -> None:
    clients = {"messages": 30, "pause_ms": 1}
    record = play(scene(BLIND, runtime="asyncio-3.11", clients=clients, injections=[]), Fifo())
    found = walk_of(record)
    assert found.before > 0
    received = [n for n, one in enumerate(found.moments) if one.what.startswith("received")]
    assert len(received) == 1
    assert received[0] < 5
    assert len(fold(moments_of(with_lines(record), "c1"))) == found.before + len(found.moments)


def moment(number: int, what: str = "", task: str = "a") -> Moment:
    what = what or f"does {number}"
    return Moment(number, float(number), task, what, "", "", "", ("-",) * 4, False)


def test_two_runs_part_where_they_differ_whatever_is_left_out() -> None:
    alike = [moment(n, "received" if n == 2 * WHOLE else "") for n in range(3 * WHOLE)]
    one, other = [*alike, moment(998)], [*alike, moment(999), moment(1000)]
    found = beside([one, other])
    assert found.parting is not None
    first, second = found.walks
    assert first.before == second.before > 0
    assert first.moments[: found.parting] == second.moments[: found.parting]
    assert first.moments[found.parting].what == "does 998"
    assert second.moments[found.parting].what == "does 999"


def test_runs_that_part_early_are_told_from_there() -> None:
    one = [moment(n) for n in range(3 * WHOLE)]
    other = [*one[:4], moment(5000), *one[4:]]
    found = beside([one, other])
    assert found.parting == 4 - found.walks[0].before
    assert all(walk.moments for walk in found.walks)


def test_a_run_that_is_the_beginning_of_the_other_parts_at_its_end() -> None:
    one = [moment(n) for n in range(5)]
    assert beside([one, [*one, moment(7)]]).parting == 4
    assert beside([one, one]).parting == 4


def test_what_an_explanation_names_is_never_left_out() -> None:
    run = [moment(n, "received" if n == 250 else "") for n in range(300)]
    found = beside([run], steps=[30])
    assert found.walks[0].moments[0].step <= 30


def test_both_runs_call_a_task_alike() -> None:
    """wait_for is enough of a name in one run alone; beside the other it is not."""
    one = [moment(0, task="c1/handler/wait_for"), moment(1)]
    other = [moment(0, task="c1/handler/wait_for"), moment(1, task="c2/handler/wait_for")]
    found: Beside = beside([one, other])
    assert found.parting == 1
    assert found.walks[0].moments[0].task == found.walks[1].moments[0].task


def test_a_poll_is_told_at_its_beginning_and_its_end() -> None:
    poll = [moment(n, f"polls {n % 3}") for n in range(300)]
    found = fold([moment(5000), *poll, moment(5001)])
    assert [one.what for one in found] == [
        "does 5000", "polls 0", "polls 1", "polls 2", "… the same 98 times more",
        "polls 0", "polls 1", "polls 2", "does 5001",
    ]  # fmt: skip
    assert found[-2].step == 299


def test_what_is_repeated_a_few_times_is_told_each_time() -> None:
    few = [moment(n, f"polls {n % 3}") for n in range(3 * (OFTEN - 1))]
    assert fold(few) == few


def test_a_very_long_run_is_told_near_what_matters_and_says_how_much_is_between() -> None:
    run = [moment(n, "received" if n == 0 else "") for n in range(MOST + 1000)]
    (found,) = beside([run], steps=[900]).walks
    told = {one.step for one in found.moments}
    assert {0, 900 - NEAR, 900, 900 + NEAR, MOST + 999} <= told
    gaps = [one.what for one in found.moments if one.what.startswith("…")]
    assert len(gaps) == 2
    left_out = sum(int(gap.split()[1].replace(",", "")) for gap in gaps)
    assert left_out + len(found.moments) - len(gaps) == len(run)


def test_very_long_runs_part_at_the_moment_that_is_shown_as_the_parting() -> None:
    """Regression: what was left out before the parting moved it by as much."""
    one = [moment(n, "received" if n == 2 else "") for n in range(2000)]
    other = [*one[:1500], moment(9999), *one[1500:]]
    found = beside([one, other], steps=[3])
    first, second = (walk.moments for walk in found.walks)
    assert found.parting is not None
    assert len(first) < MOST
    assert first[: found.parting] == second[: found.parting]
    assert (first[found.parting].what, second[found.parting].what) == ("does 1500", "does 9999")

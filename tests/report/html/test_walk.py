"""Moments: what is told of a run, in which order, with which states."""

from itertools import pairwise

import pytest

from sim.exploration.explain import with_lines
from sim.playing import Record, play
from sim.report.html.lanes import COLUMN, lanes
from sim.report.html.walk import LANE_NAMES, MOST, WHOLE, Walk, turns, walk
from sim.schedulers.fifo import Fifo
from tests.exploration.scenes import BLIND, scene
from tests.report.html.made import hop, timed


def of(record: Record) -> Walk:
    return walk(with_lines(record), "c1")


@pytest.mark.parametrize("record", [hop(), timed()], ids=["hop", "timed"])
def test_the_states_of_the_moments_are_those_of_the_trace(record: Record) -> None:
    """The last state of each lane is the last one that the trace says before the loop ended."""
    found = of(record)
    decided = next(n for n, one in enumerate(record.events) if one.kind in ("left", "raised"))
    for kind, lane in (("client_state", 0), ("application_state", 1), ("machine", 2)):
        said = [one.values["state"] for one in record.events[:decided] if one.kind == kind]
        assert found.moments[-1].states[lane] == said[-1]
    changes = [
        one.what.partition(" > ")[2] for one in found.moments if one.what.startswith("application")
    ]
    assert changes[-1] == "DISCONNECTED"


def test_check_write_and_use_of_the_hop_stand_in_this_order_with_their_lines() -> None:
    moments = of(hop()).moments
    check = next(n for n, one in enumerate(moments) if one.where == "sim.sut.loop:67")
    closed = "application_state CONNECTED > DISCONNECTED"
    write = next(n for n, one in enumerate(moments) if one.what == closed)
    use = next(n for n, one in enumerate(moments) if one.task == "wait_for" and "reads" in one.what)
    end = next(n for n, one in enumerate(moments) if one.what.startswith("raised"))
    assert check < write < use < end
    assert moments[check].what == "reads client_state CONNECTED, application_state CONNECTED"
    assert moments[use].what == "reads application_state DISCONNECTED"
    assert moments[use].where.startswith("starlette.websockets:")
    assert all(moments[at].window for at in (check, write, use))
    assert len({moments[at].step for at in (check, write, use)}) == 3


def test_a_turn_in_which_nothing_is_told_is_a_moment_too() -> None:
    assert any(one.what == "takes a turn" for one in of(hop()).moments)


def test_the_network_opens_and_closes() -> None:
    states = [one.states[LANE_NAMES.index("network")] for one in of(hop()).moments]
    order = [one for n, one in enumerate(states) if n == 0 or states[n - 1] != one]
    assert order[:3] == ["-", "connecting", "open"]
    assert any("closing" in one for one in order)


def test_nothing_is_told_after_the_loop_but_what_is_logged() -> None:
    moments = of(hop()).moments
    end = next(n for n, one in enumerate(moments) if one.what.startswith("raised"))
    assert all(one.what.startswith("log") for one in moments[end + 1 :])


def test_a_long_run_begins_with_its_last_message_and_says_what_is_left_out() -> None:
    clients = {"messages": 30, "pause_ms": 1}
    record = play(scene(BLIND, runtime="asyncio-3.11", clients=clients, injections=[]), Fifo())
    found = of(record)
    assert found.before > 0
    assert 0 < len(found.moments) <= MOST
    assert found.moments[0].what.startswith("received") or len(found.moments) == MOST
    again = walk(with_lines(record), "c1", before=0)
    assert again.before == 0
    assert len(again.moments) == found.before + len(found.moments) > WHOLE


def test_no_place_is_one_of_the_simulation() -> None:
    for one in of(timed()).moments:
        assert not one.where.startswith("sim.") or one.where.startswith("sim.sut.")


def test_lanes_have_a_dot_for_every_moment_in_the_row_of_its_task() -> None:
    found = of(hop())
    drawn = lanes(found, parting=3)
    rows = {name: y for y, name in drawn.names}
    assert [at for *_, at in drawn.dots] == list(range(len(found.moments)))
    for x, y, at in drawn.dots:
        assert x // COLUMN == at
        assert rows[found.moments[at].task] < y < rows[found.moments[at].task] + drawn.lane
    assert drawn.parting == 3 * COLUMN
    assert len(drawn.turns) == len(turns(found.moments))


def test_the_bars_of_a_lane_join_and_say_the_states_in_order() -> None:
    found = of(hop())
    drawn = lanes(found)
    y = {name: y for y, name in drawn.names}["application_state"] + 3
    mine = [bar for bar in drawn.bars if bar.y == y]
    assert [bar.state for bar in mine] == ["CONNECTING", "CONNECTED", "DISCONNECTED"]
    assert all(one.x + one.width == other.x for one, other in pairwise(mine))
    assert mine[-1].x + mine[-1].width == COLUMN * len(found.moments)
    assert all(len(bar.text) * 7 <= bar.width for bar in drawn.bars)


def test_the_shaded_windows_are_the_moments_that_lie_in_one() -> None:
    found = of(timed())
    drawn = lanes(found)
    shaded = {x // COLUMN + n for x, width in drawn.windows for n in range(width // COLUMN)}
    assert shaded == {n for n, one in enumerate(found.moments) if one.window}
    assert shaded

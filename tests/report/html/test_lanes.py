"""The picture of a walk: where its dots, bars and windows go."""

from itertools import pairwise

from sim.report.html.lanes import COLUMN, lanes, turns
from sim.report.trace.walk import lane_names
from tests.helpers.made_reports import hop, timed, walk_of

STATES = lane_names(hop())


def test_lanes_have_a_dot_for_every_moment_in_the_row_of_its_task() -> None:
    found = walk_of(hop())
    drawn = lanes(found, STATES, parting=3)
    rows = {name: y for y, name in drawn.names}
    assert [at for *_, at in drawn.dots] == list(range(len(found.moments)))
    for x, y, at in drawn.dots:
        assert x // COLUMN == at
        assert rows[found.moments[at].task] < y < rows[found.moments[at].task] + drawn.lane
    assert drawn.parting == 3 * COLUMN
    assert len(drawn.turns) == len(turns(found.moments))


def test_the_bars_of_a_lane_join_and_say_the_states_in_order() -> None:
    found = walk_of(hop())
    drawn = lanes(found, STATES)
    y = {name: y for y, name in drawn.names}["application_state"] + 3
    mine = [bar for bar in drawn.bars if bar.y == y]
    assert [bar.state for bar in mine] == ["CONNECTING", "CONNECTED", "DISCONNECTED"]
    assert all(one.x + one.width == other.x for one, other in pairwise(mine))
    assert mine[-1].x + mine[-1].width == COLUMN * len(found.moments)
    assert all(len(bar.text) * 7 <= bar.width for bar in drawn.bars)


def test_the_shaded_windows_are_the_moments_that_lie_in_one() -> None:
    found = walk_of(timed())
    drawn = lanes(found, STATES)
    shaded = {x // COLUMN + n for x, width in drawn.windows for n in range(width // COLUMN)}
    assert shaded == {n for n, one in enumerate(found.moments) if one.window}
    assert shaded

"""Moments: what is told of a run, in which order, with which states."""

from itertools import pairwise

import pytest

from sim.exploration.explain import with_lines
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.report.html.beside import MOST, NEAR, OFTEN, WHOLE, Beside, Walk, beside, fold
from sim.report.html.lanes import COLUMN, lanes, turns
from sim.report.html.walk import LANE_NAMES, Moment, moments_of, spoken
from sim.runs.play import play
from sim.runs.stage import Fidelity
from sim.runs.subject import Record
from sim.schedulers.fifo import Fifo
from tests.helpers.made_reports import hop, timed
from tests.helpers.scenes import BLIND, scene


def of(record: Record) -> Walk:
    (found,) = beside([moments_of(with_lines(record), "c1")]).walks
    return found


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


def test_a_long_run_begins_before_its_last_message_and_says_what_is_left_out() -> None:
    clients = {"messages": 30, "pause_ms": 1}
    record = play(scene(BLIND, runtime="asyncio-3.11", clients=clients, injections=[]), Fifo())
    found = of(record)
    assert found.before > 0
    received = [n for n, one in enumerate(found.moments) if one.what.startswith("received")]
    assert len(received) == 1
    assert received[0] < 5
    assert len(fold(moments_of(with_lines(record), "c1"))) == found.before + len(found.moments)


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


def moment(number: int, what: str = "", task: str = "a") -> Moment:
    what = what or f"does {number}"
    return Moment(number, float(number), task, what, "", "", ("-",) * 4, False)


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


def test_a_client_that_is_gone_before_the_accept_closes_alone() -> None:
    """Nothing that the server sends to it opens the connection again."""
    settings = {
        "runtime": "asyncio-3.11",
        "clients": {"script": ["connect", "rst"]},
        "setup": {"authentication_ms": 5},
        "injections": [],
    }
    record = play(scene(BLIND, **settings), Fifo())
    told = moments_of(with_lines(record), "c1")
    states = [one.states[LANE_NAMES.index("network")] for one in told]
    gone = next(n for n, one in enumerate(told) if one.what == "sends rst")
    assert states[gone] == "client closing"
    assert "open" not in states[gone:]


def test_the_window_ends_where_the_receive_looks_at_its_state() -> None:
    moments = of(timed()).moments
    inside = [n for n, one in enumerate(moments) if one.window]
    assert moments[inside[-1]].what == "reads application_state DISCONNECTED"
    assert moments[inside[-1]].where.startswith("starlette.websockets:")
    begin = max(n for n, one in enumerate(moments) if one.what == "reaches validated")
    assert begin in inside
    assert begin - 1 not in inside


def test_on_the_wire_fidelity_bytes_are_told_as_frames_and_move_the_network_lane() -> None:
    settings = ("window_ms=5", "injections.0.delay_ms=2")
    opened = open_scenario("server-close", settings)
    assert isinstance(opened, Scenario)
    record = play(opened, Fifo(), Fidelity.WIRE)
    told = moments_of(with_lines(record), "c1")
    sent = [one.what.removeprefix("sends ") for one in told if one.what.startswith("sends")]
    assert sent[:2] == ["connect", "accept"]
    assert any(one.startswith("text frame of") for one in sent)
    assert any(one.startswith("close frame of") for one in sent)
    states = list(dict.fromkeys(one.states[LANE_NAMES.index("network")] for one in told))
    assert states[:4] == ["-", "connecting", "open", "server closing"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("close 1000", "close 1000"), ("", ""), ("fin", "fin"), ("abc", "abc"),
        ("8800", "close frame of 2 bytes"), ("ff00", "2 bytes"), ("8a00", "pong frame of 2 bytes"),
    ],
)  # fmt: skip
def test_what_goes_over_a_wire_is_told_in_words(data: str, words: str) -> None:
    assert spoken(data) == words

"""Moments: what is told of a run, in which order, with which states."""

import pytest

from sim.exploration.explain import with_lines
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.report.trace.walk import moments_of, spoken
from sim.runs.play import play
from sim.runs.stage import Fidelity
from sim.runs.subject import Record
from sim.schedulers.fifo import Fifo
from tests.helpers.made_reports import hop, timed, unmoved, walk_of
from tests.helpers.scenes import BLIND, scene


@pytest.mark.parametrize("record", [hop(), timed()], ids=["hop", "timed"])
def test_the_states_of_the_moments_are_those_of_the_trace(record: Record) -> None:
    """The last state of each lane is the last one that the trace says before the loop ended."""
    found = walk_of(record)
    decided = next(n for n, one in enumerate(record.events) if one.kind in ("left", "raised"))
    for kind, lane in (("client_state", 0), ("application_state", 1), ("machine", 2)):
        said = [one.values["state"] for one in record.events[:decided] if one.kind == kind]
        assert found.moments[-1].states[lane] == said[-1]
    changes = [
        one.what.partition(" > ")[2] for one in found.moments if one.what.startswith("application")
    ]
    assert changes[-1] == "DISCONNECTED"


def test_check_write_and_use_of_the_hop_stand_in_this_order_with_their_lines() -> None:
    moments = walk_of(hop()).moments
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
    assert any(one.what == "takes a turn" for one in walk_of(hop()).moments)


def test_the_network_opens_and_closes() -> None:
    states = [one.states[-1] for one in walk_of(hop()).moments]
    order = [one for n, one in enumerate(states) if n == 0 or states[n - 1] != one]
    assert order[:3] == ["-", "connecting", "open"]
    assert any("closing" in one for one in order)


def test_nothing_is_told_after_the_loop_but_what_is_logged() -> None:
    moments = walk_of(hop()).moments
    end = next(n for n, one in enumerate(moments) if one.what.startswith("raised"))
    assert all(one.what.startswith("log") for one in moments[end + 1 :])


def test_no_place_is_one_of_the_simulation() -> None:
    for one in walk_of(timed()).moments:
        assert not one.where.startswith("sim.") or one.where.startswith("sim.sut.")


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
    states = [one.states[-1] for one in told]
    gone = next(n for n, one in enumerate(told) if one.what == "sends rst")
    assert states[gone] == "client closing"
    assert "open" not in states[gone:]


def test_the_window_ends_where_the_receive_looks_at_its_state() -> None:
    moments = walk_of(timed()).moments
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
    states = list(dict.fromkeys(one.states[-1] for one in told))
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


def test_a_send_that_fails_is_told_although_nothing_goes_over_the_wire() -> None:
    told = [one.what for one in moments_of(with_lines(unmoved()), "c1")]
    assert [one for one in told if one.startswith("sent ") and one.endswith(" not ok")]

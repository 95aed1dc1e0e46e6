"""The canonical trace: one form for one run, and back."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from sim.kernel.trace import digest, lines
from sim.kernel.world import World
from sim.model.record import Event
from tests.helpers.running import read_trace, run_once

TEXT = st.text(max_size=12)
VALUES = st.none() | st.booleans() | st.integers() | TEXT
EVENTS = st.lists(
    st.builds(
        Event,
        st.integers(0, 1 << 60),
        TEXT,
        TEXT,
        st.dictionaries(TEXT, VALUES, max_size=5),
    ),
    max_size=6,
)


def test_the_form_of_a_line_is_fixed() -> None:
    event = Event(7, "server/h#2", "sent", {"z": None, "a": True, "m": -3, "k": 'q"\n'})
    expected = '[7,"server/h#2","sent",{"a":true,"k":"q\\"\\n","m":-3,"z":null}]\n'
    assert lines([event]) == expected


def test_no_events_are_no_text() -> None:
    assert lines([]) == ""
    assert digest([]) == hashlib.sha256(b"").hexdigest()


def test_the_digest_of_an_event_is_the_same_for_ever() -> None:
    text = b'[1,"main","said",{"what":"\\u00e4\\u2028"}]\n'
    event = Event(1, "main", "said", {"what": "ä\u2028"})
    assert digest([event]) == hashlib.sha256(text).hexdigest()


@given(EVENTS)
def test_any_events_come_back_as_they_were(events: list[Event]) -> None:
    back = read_trace(lines(events))
    assert back == tuple(events)
    for one, other in zip(events, back, strict=True):
        kinds = {key: type(value) for key, value in one.values.items()}
        assert {key: type(value) for key, value in other.values.items()} == kinds


@given(EVENTS)
def test_the_text_is_ascii_with_one_ended_line_for_each_event(events: list[Event]) -> None:
    text = lines(events)
    assert text.isascii()
    assert text.count("\n") == len(events) == len(text.splitlines())
    assert not text or text.endswith("\n")


@given(EVENTS)
def test_each_line_is_what_the_json_module_writes(events: list[Event]) -> None:
    written = [
        json.dumps(list(event), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        for event in events
    ]
    assert lines(events).splitlines() == written


@given(EVENTS)
def test_the_digest_is_the_sha256_of_the_text(events: list[Event]) -> None:
    assert digest(events) == hashlib.sha256(lines(events).encode("ascii")).hexdigest()


@given(st.dictionaries(TEXT, VALUES, max_size=6))
def test_the_order_of_the_values_does_not_matter(values: dict[str, str | int | None]) -> None:
    turned = dict(reversed(values.items()))
    assert digest([Event(0, "t", "k", values)]) == digest([Event(0, "t", "k", turned)])


@given(EVENTS, EVENTS)
def test_different_traces_have_different_digests(one: list[Event], other: list[Event]) -> None:
    assert (digest(one) == digest(other)) == (lines(one) == lines(other))


def test_true_and_one_are_different_values() -> None:
    digests = {digest([Event(0, "t", "k", {"v": value})]) for value in (True, 1, "1", None)}
    assert len(digests) == 4


def test_a_run_says_the_same_after_a_round_trip() -> None:
    async def program(world: World) -> None:
        world.event("said", text="häß", count=3, flag=False, nothing=None)
        await world.sleep_until(9)
        world.event("later")

    events = run_once(program).events
    assert read_trace(lines(events)) == events
    assert [event.tick for event in events] == [0, 9]

"""Scripts as they are typed: every step, every slip, and back to what one would type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import UserError
from sim.model.appscript import Act, Script, Step
from sim.model.scriptreader import parse

SCRIPTS = {
    "send:hi, close": (Step(Act.SEND, "hi"), Step(Act.CLOSE, number=1000)),
    "send:two words, close:1001": (Step(Act.SEND, "two words"), Step(Act.CLOSE, number=1001)),
    'send:"with, comma", drop': (Step(Act.SEND, "with, comma"), Step(Act.DROP)),
    'send:{"a": [1, 2]}, wait': (Step(Act.SEND, '{"a": [1, 2]}'), Step(Act.WAIT, number=1)),
    "send_bytes:00ff, rst": (Step(Act.SEND_BYTES, "00ff"), Step(Act.RST)),
    "sleep:30000, wait:3, ping": (
        Step(Act.SLEEP, number=30000),
        Step(Act.WAIT, number=3),
        Step(Act.PING),
    ),
    "fin, silent": (Step(Act.FIN), Step(Act.SILENT)),
    "mute, close": (Step(Act.MUTE), Step(Act.CLOSE, number=1000)),
    "hangup": (Step(Act.HANGUP, "fin"),),
    "hangup:rst": (Step(Act.HANGUP, "rst"),),
    "after:c2:4, close": (Step(Act.AFTER, "c2", 4), Step(Act.CLOSE, number=1000)),
    "send:, close": (Step(Act.SEND, ""), Step(Act.CLOSE, number=1000)),
    "get:/page?a=b, close": (Step(Act.GET, "/page?a=b"), Step(Act.CLOSE, number=1000)),
    'post:/told {"a": [1, 2]}, drop': (
        Step(Act.POST, "/told", body='{"a": [1, 2]}'),
        Step(Act.DROP),
    ),
    'patch:/told "a, b", put:/told a b': (
        Step(Act.PATCH, "/told", body="a, b"),
        Step(Act.PUT, "/told", body="a b"),
    ),
    "delete:/told/1": (Step(Act.DELETE, "/told/1"),),
    'on:"ping" reply:"pong", silent': (Step(Act.ON, '["ping", "pong"]'), Step(Act.SILENT)),
}


@pytest.mark.parametrize("typed", SCRIPTS)
def test_every_step_is_read_as_it_is_documented(typed: str) -> None:
    assert parse(typed).steps == SCRIPTS[typed]


@pytest.mark.parametrize("typed", SCRIPTS)
def test_what_is_told_of_a_script_is_read_as_the_same_script(typed: str) -> None:
    again = parse(parse(typed).retyped().typed)
    assert again.steps == SCRIPTS[typed]


def test_path_headers_and_subprotocols_stand_before_the_steps() -> None:
    script = parse("/ws/1?x=y header:Authorization=Bearer subprotocol:chat send:hi")
    assert script.path == "/ws/1?x=y"
    assert script.headers == (("Authorization", "Bearer"),)
    assert script.subprotocols == ("chat",)
    assert script.steps == (Step(Act.SEND, "hi"),)
    assert parse(script.retyped().typed) == script.retyped()


@given(st.text(max_size=30))
def test_any_text_can_be_sent(text: str) -> None:
    typed = Script("", (Step(Act.SEND, text), Step(Act.CLOSE, number=1000))).retyped().typed
    assert parse(typed).steps[0] == Step(Act.SEND, text)


@given(st.text(max_size=30))
def test_any_text_can_be_a_body(text: str) -> None:
    step = Step(Act.POST, "/told", body=text)
    assert parse(Script("", (step, Step(Act.GET, "/x"))).retyped().typed).steps[0] == step


@pytest.mark.parametrize(
    ("typed", "connects", "names"),
    [
        ("get:/a, sleep:5, get:/b, post:/a", False, ("c1.get", "c1.get2", "c1.post")),
        ("get:/a, wait", True, ("c1", "c1.get")),
        ("sleep:5", True, ("c1",)),
    ],
)
def test_who_only_makes_requests_has_no_websocket(
    typed: str, connects: bool, names: tuple[str, ...]
) -> None:
    script = parse(typed)
    assert script.connects is connects
    assert script.connections("c1") == names


SLIPS = {
    "get:page": "expected get:/PATH, with a path that begins with /",
    "get:/page x": "a get carries no body, got 'x'",
    'post:/page {"a"': "post:/page: what begins like JSON is none",
    'post:/page {"a": 1} x': "post:/page: expected a comma behind the JSON, got 'x'",
    "snd:x": "did you mean 'send'?",
    "send": "expected send:TEXT",
    "close:77": "from 1000 to 4999",
    "wait:0": "from 1 to",
    "wait:many": "got 'many'",
    "sleep": "expected a number",
    "send_bytes:zz": "hexadecimal",
    "send:{a, close": "what begins like JSON is none",
    'send:{"a":1} b': "expected a comma behind the JSON",
    "close, hangup": "only as the first step",
    "hangup:now": "expected hangup or hangup:rst",
    "after:x:1": "expected after:cN:COUNT",
    "on:ping": "expected on:TEXT reply:TEXT",
    "ping:1": "takes no value",
    "": "it does nothing",
    "/ws": "it does nothing",
    "header:broken send:x": "expected header:NAME=VALUE",
}


@pytest.mark.parametrize("typed", SLIPS)
def test_a_slip_gets_a_line_that_says_what_is_allowed(typed: str) -> None:
    with pytest.raises(UserError) as raised:
        parse(typed)
    assert len(raised.value.faults) == 1
    assert SLIPS[typed] in raised.value.faults[0]
    assert raised.value.faults[0].startswith(f"client {typed!r}: ")


def test_every_slip_of_a_script_is_named() -> None:
    with pytest.raises(UserError) as raised:
        parse("snd:x, close:1, wait:0")
    assert len(raised.value.faults) == 3

"""What the visits of a plan are from outside: every shipped one, and what nobody outside can do."""

from typing import Any

import pytest

from sim.errors import UserError
from sim.files.catalog import names, open_plan
from sim.model.appscript import Act, Step
from sim.model.scenario import LATER
from sim.model.scriptreader import parse
from sim.model.times import Draw
from sim.model.visiting import ASKED, OPEN, Part, Placed
from sim.runs.injections import QUEUED
from sim.validation.visits import Cast, cast_of, cast_of_scripts
from tests.helpers.plans import small

CLOSE, RST = Step(Act.CLOSE, number=1000), Step(Act.RST)


def cast(**visit: Any) -> Cast:
    return cast_of(small(visits=[{"scenario": "healthy", "label": "other"}, visit]))


def part(**visit: Any) -> Part:
    found = cast(**visit).parts[-1]
    assert found.visit == 1
    return found


def why_not(**visit: Any) -> str:
    (line,) = cast(**visit).left_out
    return line.partition("not played from outside: ")[2]


def injected(**injection: Any) -> dict[str, Any]:
    return {"scenario": "healthy", "set": {"injections": [injection]}}


def test_a_scenarios_client_says_its_messages_and_waits_for_an_answer_to_each() -> None:
    keys = {"clients": {"messages": 2, "pause_ms": 40, "code": 1001}}
    found = part(scenario="healthy", set=keys, weight=3, label="a chat")
    first, second = (f'send:{{"type": "chat", "n": {number}}}, wait' for number in (1, 2))
    assert found.script.typed == f"{first}, sleep:40, {second}, close:1001"
    assert (found.label, found.weight, found.placed, found.fresh) == ("a chat", 3, (), True)


@pytest.mark.parametrize(
    ("end", "step"), [("close", "close"), ("abort", "rst"), ("eof", "fin"), ("silent", "silent")]
)
def test_it_leaves_as_its_scenario_says(end: str, step: str) -> None:
    found = part(scenario="healthy", set={"clients": {"messages": 0, "end": end}})
    assert found.script.typed == step


def test_a_script_of_a_scenario_is_said_in_the_language_of_visitors() -> None:
    rows = [
        {"connect": ["chat"], "headers": {"X": "1"}},
        {"wait": 2},
        {"send": "hi"},
        {"send_bytes": "00ff"},
        {"sleep": 1 << 20},
        "ping",
        "fin",
    ]
    found = part(scenario="healthy", set={"clients": {"script": rows}})
    assert found.script.typed == (
        "header:X=1 subprotocol:chat wait:2, send:hi, send_bytes:00ff, sleep:1000, ping, fin"
    )


def test_a_script_that_only_connects_stays() -> None:
    assert (
        part(scenario="healthy", set={"clients": {"script": ["connect"]}}).script.typed == "silent"
    )


# -- injections ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "step"),
    [("client-close", CLOSE), ("client-abort", RST), ("client-eof", Step(Act.FIN))],
)
def test_a_client_leaves_at_a_moment_of_its_own(do: str, step: Step) -> None:
    window = {"uniform": [0, 4000]}
    found = part(**injected(do=do, at="received", nth=2, delay_ms=window))
    assert found.placed == (Placed(2, Draw(uniform=(0, 4000)), (step,)),)


@pytest.mark.parametrize(
    ("at", "nth", "after"),
    [
        ("connecting", 1, ASKED),
        ("preaccept", 1, ASKED),
        ("accepted", 1, OPEN),
        ("top", 1, OPEN),
        ("validated", 2, 1),
        ("final_check", 3, 2),
        ("receiving", 2, 1),
        ("received", 2, 2),
        ("sending", 1, 1),
    ],
)
def test_a_probe_is_told_from_outside_by_how_many_messages_were_sent(
    at: str, nth: int, after: int
) -> None:
    (placed,) = part(**injected(do="client-abort", at=at, nth=nth)).placed
    assert placed.after == after


def test_a_time_counts_from_the_handshake_on_and_a_code_is_kept() -> None:
    found = part(**injected(do="client-close", time_ms=120, code=1001))
    assert found.placed == (Placed(ASKED, 120, (Step(Act.CLOSE, number=1001),)),)


def test_one_message_more_may_go_before_it() -> None:
    found = part(**injected(do="client-message", at="received", queued=True))
    assert found.placed[0].steps == (Step(Act.SEND, QUEUED), Step(Act.SEND, LATER))


@pytest.mark.parametrize("do", ["server-close", "server-shutdown", "state-change", "failing-send"])
def test_what_only_the_server_can_do_is_left_out_and_told(do: str) -> None:
    assert why_not(**injected(do=do, at="received")) == f"healthy: {do} is the server's own"


@pytest.mark.parametrize(
    ("at", "nth", "told"), [("closing", 1, "closing"), ("sending", 2, "sending (2)")]
)
def test_what_nobody_outside_sees_is_left_out_and_told(at: str, nth: int, told: str) -> None:
    why = f"healthy: nobody outside sees when a handler is at {told}"
    assert why_not(**injected(do="client-close", at=at, nth=nth)) == why


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"setup": {"machines": "two"}}, "what is special is the server's own (setup.machines)"),
        ({"setup": {"accepts": "never"}}, "what is special is the server's own (setup.accepts)"),
        ({"clients": {"count": 3}}, "it is 3 clients at once"),
    ],
)
def test_what_no_single_client_is_is_left_out_and_told(keys: dict[str, Any], told: str) -> None:
    assert why_not(scenario="healthy", set=keys) == f"healthy: {told}"


@pytest.mark.parametrize("name", [name for name in names() if name != "issue-1061"])
def test_every_shipped_scenario_is_played_or_left_out_with_a_reason(name: str) -> None:
    found = cast(scenario=name)
    assert len(found.parts) + len(found.left_out) == 2
    assert all(line.isprintable() for line in found.left_out)


def test_of_the_shipped_plans_one_is_played_as_a_whole_and_of_the_other_what_can_be() -> None:
    assert cast_of(open_plan("strategy-1061")).left_out == ()
    found = cast_of(open_plan("issue-1061"))
    assert [one.visit for one in found.parts] == [0, 1, 2]
    assert len(found.left_out) == 3


def test_a_plan_of_which_nothing_can_be_played_is_refused() -> None:
    with pytest.raises(UserError) as caught:
        cast_of(small(visits=[{"scenario": "server-close"}]))
    assert caught.value.faults == (
        "small: none of its visits can be played from outside",
        "not played from outside: server-close: server-close is the server's own",
    )


# -- clients of one's own --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leave", "step"),
    [("close", CLOSE), ("rst", RST), ("fin", Step(Act.FIN)), ("drop", Step(Act.DROP))],
)
def test_a_client_of_ones_own_may_leave_at_a_drawn_moment_behind_its_last_message(
    leave: str, step: Step
) -> None:
    found = part(
        client="/chat send:a, wait, send:b, wait, close", leave=leave, leave_ms={"list": [1]}
    )
    assert found.placed == (Placed(2, Draw(list=(1,)), (step,)),)
    assert (found.script.path, found.fresh) == ("/chat", False)
    assert found.label == "/chat send:a, wait, send:b, wait, close"


def test_with_both_the_client_is_played() -> None:
    assert part(scenario="server-close", client="send:mine").script.typed == "send:mine"


def test_scripts_that_were_typed_come_equally_often() -> None:
    found = cast_of_scripts([parse("send:a"), parse("send:b")])
    assert [(one.visit, one.weight, one.label) for one in found.parts] == [
        (0, 1, "send:a"),
        (1, 1, "send:b"),
    ]


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        (
            "send:a, after:c2:1",
            "after:c2:1: not with --url, clients of a running server do",
        ),
        ("get:/x", "get:/x: not with --url, requests of HTTP are not played"),
        ("/ä send:a", "its handshake cannot be sent: 'ascii' codec"),
        ("header:X(=y send:a", "its handshake cannot be sent: Illegal header name"),
        ("header:X=a\rb send:a", "its handshake cannot be sent: Illegal header value"),
    ],
)
def test_what_makes_no_sense_against_a_server_is_refused_in_a_line(typed: str, fault: str) -> None:
    with pytest.raises(UserError) as caught:
        cast_of_scripts([parse(typed)])
    (line,) = caught.value.faults
    assert f": {fault}" in line
    assert line.isprintable()
    with pytest.raises(UserError, match=r"small: visits\.1\.client: client ") as caught:
        cast(client=typed)


def test_who_hangs_up_cannot_leave_later() -> None:
    with pytest.raises(UserError, match="hangs up and is gone already"):
        cast(client="hangup", leave="rst")

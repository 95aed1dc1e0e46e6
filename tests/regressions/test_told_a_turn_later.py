"""The end of a TCP connection was told in the turn that read it, or hidden until it was told.

asyncio's transports leave connection_lost to `call_soon` (asyncio/selector_events.py,
`_force_close` after a reset, `close` after FIN), so uvicorn hears of either end one turn after it
was read; until then the transport `is_closing`, and what is written goes nowhere.

wsproto and sansio: on Python 3.11 the result of a receive comes back over two turns. In the first
the end is read, in the second the handler steps before connection_lost, and its send is silent. The
model told of the end at once, let that send fail, and predicted need_accept_first where uvicorn
0.54 shows a clean disconnect: 20 of 134 cells of a reset and 25 of 134 of FIN, on either
implementation. On 3.12 the receive is in place and nothing lies between; before 0.52.1 the send is
silent after connection_lost too.

Legacy: the model let a send in that turn pass, where `drain` yields to connection_lost and fails.
"""

from dataclasses import replace
from typing import Any

import pytest

from sim.conformance.arrange import scenario_of
from sim.conformance.cells import Cell
from sim.conformance.judge import judge
from sim.conformance.predict import predict
from sim.conformance.stacks import setting_of
from sim.model.profiles import profile_named
from sim.model.scenario import Scenario
from tests.helpers.arranged import LEGACY, cell

CLEAN = "clean_disconnect(1005)"
STACKS = ("uvicorn-wsproto", "uvicorn-websockets-sansio")
NEW = {"starlette": "1.10.0", "server": "uvicorn 0.54.0"}
ERRORS = {
    "none": "need_accept_first",
    "pre": "need_accept_first",
    "post": "need_accept_first",
    "both": "guard_break_final",
    "catch": "caught:need_accept_first",
}
"""What was predicted, by guard."""
every_stack = pytest.mark.parametrize("stack", STACKS)
every_end = pytest.mark.parametrize("kind", ["client_rst", "client_eof"])


def measured(stack: str, python: str, **columns: Any) -> Cell:
    """Return a cell as uvicorn 0.54 showed it: M2 is served, then comes the disconnect."""
    place = {"point": "gap", "wait": "5ms", "queued": True, **columns}
    return cell(stack, **NEW, python=python, outcomes={CLEAN: 3}, **place)


@every_stack
@every_end
@pytest.mark.parametrize("guard", ERRORS)
@pytest.mark.parametrize("wait", ["1", "5ms"])
def test_on_311_the_handler_sends_between_the_end_and_connection_lost(
    stack: str, kind: str, guard: str, wait: str
) -> None:
    one = measured(stack, "3.11.7", kind=kind, guard=guard, wait=wait)
    judged = judge(one)
    assert judged.prediction is not None
    assert judged.agrees, judged.prediction.classes
    assert judged.same_loss


@every_stack
@every_end
def test_told_at_once_the_send_would_fail(stack: str, kind: str) -> None:
    for guard, error in ERRORS.items():
        one = measured(stack, "3.11.7", kind=kind, guard=guard)
        at_once = replace(profile_named(setting_of(one).server), loss_by_callback=False)
        assert predict(scenario_of(one), at_once).classes == {error}


@every_stack
@every_end
@pytest.mark.parametrize("guard", ERRORS)
def test_in_place_nothing_lies_between(stack: str, kind: str, guard: str) -> None:
    """On 3.12, and on 3.11 with the timeout in place, either switch gives the same."""
    for one in (
        measured(stack, "3.12.1", kind=kind, guard=guard),
        measured(stack, "3.11.7", kind=kind, guard="both_nohop"),
    ):
        assert judge(one).agrees
        at_once = replace(profile_named(setting_of(one).server), loss_by_callback=False)
        assert predict(scenario_of(one), at_once).classes == {CLEAN}


@every_stack
@every_end
@pytest.mark.parametrize(
    ("server", "hops", "outcome"),
    [
        ("uvicorn 0.54.0", 1, CLEAN),
        ("uvicorn 0.54.0", 2, "clean_disconnect(1006)"),
        ("uvicorn 0.54.0", 3, "oserror_leaked(ClientDisconnected)"),
        ("uvicorn 0.35.0", 1, CLEAN),
        ("uvicorn 0.35.0", 2, "clean_disconnect(1006)"),
        ("uvicorn 0.35.0", 3, "other:RuntimeError"),
    ],
)
@pytest.mark.parametrize("python", ["3.11.7", "3.12.1"])
def test_an_accept_in_that_turn_is_silent_and_completes_no_handshake(
    stack: str, kind: str, server: str, hops: int, outcome: str, python: str
) -> None:
    """Before the end was read it is sent; in the turn after, `is_closing`; then the client is gone.

    As measured, on either Python: no receive has to come back.
    """
    place = {"point": "preaccept", "wait": str(hops), "guard": "none", "kind": kind}
    one = cell(stack, **NEW | {"server": server}, python=python, outcomes={outcome: 3}, **place)
    assert judge(one).agrees


@every_end
@pytest.mark.parametrize("python", ["3.11.7", "3.12.1"])
@pytest.mark.parametrize("guard", ERRORS)
@pytest.mark.parametrize(("wait", "queued", "lost"), [("2", False, 0), ("3", True, 3)])
def test_a_send_of_legacy_in_that_turn_waits_for_connection_lost_and_fails(
    kind: str, python: str, guard: str, wait: str, queued: bool, lost: int
) -> None:
    """As measured: the end is read while the handler awaits between M1 and its answer."""
    place = {"point": "proc1", "wait": wait, "kind": kind, "guard": guard, "queued": queued}
    outcomes = {"outcomes": {ERRORS[guard]: 3}, "n": 3, "message_lost": lost}
    one = cell(LEGACY, **NEW, python=python, **outcomes, **place)
    judged = judge(one)
    assert judged.agrees
    assert judged.same_loss
    hidden = replace(profile_named(setting_of(one).server), loss_by_callback=False)
    found = predict(scenario_of(one), hidden)
    assert (found.classes, found.loss) != (one.seen, one.loss)


@every_stack
@pytest.mark.parametrize("server", ["uvicorn 0.54.0", "uvicorn 0.35.0"])
@pytest.mark.parametrize(
    ("accepted_ms", "outcome"), [(0, "other:RuntimeError"), (5, "clean_disconnect(1006)")]
)
def test_a_send_after_such_an_accept_fails(
    stack: str, server: str, accepted_ms: int, outcome: str
) -> None:
    """In that very turn uvicorn still expects the accept; later the library refuses to send."""
    place = {"point": "preaccept", "wait": "2", "guard": "none", "kind": "client_rst"}
    one = scenario_of(cell(stack, **NEW | {"server": server}, **place))
    greets = one.setup.model_copy(update={"greets": True})
    pauses = one.pauses | {"accepted": accepted_ms}
    handler = one.handler.model_copy(update={"swallows": "disconnects"})
    update = {"setup": greets, "pauses": pauses, "handler": handler}
    assert predict(one.model_copy(update=update)).classes == {outcome}


@pytest.mark.parametrize("server", ["uvicorn-wsproto@0.54", "uvicorn-sansio@0.54"])
@pytest.mark.parametrize("end", ["client-abort", "client-eof"])
@pytest.mark.parametrize("hops", range(4))
def test_a_shutdown_in_that_turn_is_still_told(server: str, end: str, hops: int) -> None:
    """As measured: uvicorn's `shutdown` queues its 1012 unless connection_lost came first."""
    place = {"at": "validated", "nth": 2, "placed": "inline"}
    scenario = scenario_of(cell("uvicorn-wsproto", point="gap", kind="client_rst")).model_dump()
    events = [{"do": end, **place}, {"do": "server-shutdown", **place, "hops": hops}]
    both = scenario | {"server": server, "runtime": "asyncio-3.12", "injections": events}
    both["pauses"] = {"validated": {"hops": 5, "nth": [2]}}
    outcome = "clean_disconnect(1012)" if hops <= 1 else CLEAN
    assert predict(Scenario.model_validate(both)).classes == {outcome}

"""Predictions: all that a scenario's open orders allow, and the mechanisms that decide it.

Every expected outcome here was measured on a real server, unless a test says otherwise.
"""

import ast
import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sim.conformance.predict as predicting
from sim.conformance.arrange import scenario_of
from sim.conformance.predict import Prediction, predict, states_at_end
from sim.conformance.stacks import setting_of
from sim.errors import NoAnswer
from sim.model.profiles import profile_named
from sim.model.record import LOOP, Event, Limits
from sim.model.scenario import Scenario
from sim.model.schedule import Kind
from sim.model.switches import OnAccept, OnSend, OwnClose
from sim.runs.scenario import ScenarioSubject
from tests.helpers.arranged import LEGACY, TRIO, cell

SANSIO, WSPROTO, ASYNCIO = "uvicorn-websockets-sansio", "uvicorn-wsproto", "hypercorn-asyncio"
SOURCE = Path(predicting.__file__).parent.parent
GONE = "clean_disconnect(1006)"


def foretold(like: str, /, switches: dict[str, Any] | None = None, **columns: Any) -> Prediction:
    """Return what is predicted of a cell, with some switches of its profile turned."""
    one = cell(like, **columns)
    profile = profile_named(setting_of(one).server)
    return predict(scenario_of(one), replace(profile, **(switches or {})))


def classes(like: str, /, switches: dict[str, Any] | None = None, **columns: Any) -> list[str]:
    return sorted(foretold(like, switches, **columns).classes)


# -- what is searched ------------------------------------------------------------------------------


@pytest.mark.parametrize("like", [LEGACY, ASYNCIO, SANSIO, WSPROTO])
def test_asyncio_leaves_nothing_open(like: str) -> None:
    for wait in ("0", "1", "5ms"):
        assert len(foretold(like, wait=wait, kind="server_close").runs) == 1


def test_trio_leaves_the_order_of_a_batch_open() -> None:
    place: dict[str, Any] = {"kind": "server_close", "point": "top", "wait": "1", "guard": "both"}
    assert classes(TRIO, **place) == ["clean_disconnect(1000)", "guard_break_final"]


def test_the_outside_world_keeps_its_times_whatever_the_order() -> None:
    for run in foretold(TRIO, kind="client_rst", point="procN", wait="1").runs.values():
        for choice in run.record().schedule:
            if choice.question.kind is not Kind.STEP:
                assert not choice.deviates


def test_every_class_has_a_run_that_shows_it() -> None:
    found = foretold(TRIO, kind="server_close", point="top", wait="1", guard="both")
    assert len(found.runs) > 1
    for name, run in found.runs.items():
        again = run.record()
        assert (again.outcome.label, again.digest) == (name, run.digest)


def test_a_search_that_does_not_come_to_its_end_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(predicting, "MOST", 3)
    with pytest.raises(NoAnswer, match="more than 3 schedules"):
        foretold(TRIO, kind="client_close", point="procN", wait="1")


def test_a_run_that_ends_by_an_error_of_its_own_is_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ScenarioSubject, "bounds", lambda self: Limits(steps=9))
    with pytest.raises(NoAnswer, match="a run ended step_limit"):
        foretold(LEGACY)


def test_a_union_has_all_of_both_and_keeps_its_own_runs() -> None:
    one = foretold(LEGACY)
    other = foretold(LEGACY, kind="client_rst", point="sendfail", wait="-", queued=True)
    both = one | other
    assert both.classes == one.classes | other.classes
    assert both.states == one.states | other.states
    assert (one | one) == one


@pytest.mark.parametrize(
    ("losses", "loss"), [({0}, "never"), ({1}, "always"), ({1, 2}, "always"), ({0, 2}, "some")]
)
def test_a_loss_is_never_some_or_always_of_the_schedules(losses: set[int], loss: str) -> None:
    assert Prediction({}, frozenset(losses), frozenset()).loss == loss


def event(kind: str, **values: str) -> Event:
    return Event(0, LOOP, kind, values)


def test_the_states_at_the_end_are_those_when_the_loop_was_left() -> None:
    moves = [
        event("client_state", state="CONNECTED"),
        event("application_state", state="CONNECTED"),
        event("left", outcome="x"),
        event("application_state", state="DISCONNECTED"),
    ]
    assert states_at_end(moves) == ("CONNECTED", "CONNECTED")
    assert states_at_end(moves[:2] + moves[3:]) == ("CONNECTED", "DISCONNECTED")
    assert states_at_end([]) == ("CONNECTING", "CONNECTING")


# -- mechanisms ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("point", "wait"), [("gap", "0"), ("gap", "1"), ("top", "1")])
def test_the_send_for_m2_finds_the_reset_or_the_transport_closing(point: str, wait: str) -> None:
    """M2 and the reset in one go, on legacy on 3.11 with the timeout in place. A turn earlier,
    without that of asyncio.wait, connection_lost has not run, but the transport is closing."""
    place: dict[str, Any] = {"kind": "client_rst", "point": point, "wait": wait, "queued": True}
    found = foretold(LEGACY, guard="both_nohop", **place)
    assert found.classes == {"guard_break_final"}
    assert found.states == {("CONNECTED", "DISCONNECTED")}  # its send failed
    early: dict[str, Any] = {"woken_turns": 0}
    assert classes(LEGACY, early, guard="both_nohop", **place) == ["guard_break_final"]
    early["loss_by_callback"] = False
    assert classes(LEGACY, early, guard="both_nohop", **place) == [GONE]


@pytest.mark.parametrize(
    ("guard", "hops", "outcome"),
    [
        ("pre", 6, "need_accept_first"),
        ("both", 5, "guard_break_final"),
        ("both", 6, "need_accept_first"),
        ("both_nohop", 3, "guard_break_final"),
    ],
)
def test_recv_of_legacy_takes_a_turn_more(guard: str, hops: int, outcome: str) -> None:
    """A task closes so many turns after M2 came, on 3.11; without asyncio.wait's turn the handler
    would have served M2 by then, and the close would find it elsewhere."""
    one = cell(LEGACY, kind="server_close", point="gap", guard=guard, queued=True)
    scenario = scenario_of(one)
    (event,) = scenario.injections
    late = scenario.model_copy(update={"injections": (event.model_copy(update={"hops": hops}),)})
    profile = profile_named(scenario.server)
    assert predict(late).classes == {outcome}
    assert predict(late, replace(profile, woken_turns=0)).classes != {outcome}


def test_a_send_of_hypercorn_trio_is_two_checkpoints_so_that_another_task_is_done_meanwhile() -> (
    None
):
    place: dict[str, Any] = {"kind": "server_close", "point": "proc1", "wait": "0", "guard": "pre"}
    assert classes(TRIO, **place) == ["need_accept_first"]
    assert classes(TRIO, {"send_turns": 1}, **place) == [
        "clean_disconnect(1000)",
        "need_accept_first",
    ]
    assert classes(TRIO, {"send_turns": 0}, **place) == ["clean_disconnect(1000)"]


def test_a_receive_of_hypercorn_trio_is_a_checkpoint_also_when_a_message_is_there() -> None:
    place: dict[str, Any] = {
        "kind": "server_close",
        "point": "preaccept",
        "wait": "1",
        "guard": "none",
    }
    assert classes(TRIO, **place) == ["send_after_close"]
    assert classes(TRIO, {"ready_turns": 0}, **place) == ["need_accept_first", "send_after_close"]


def test_closed_event_is_looked_at_on_entry_only() -> None:
    """Who waits in receive gets the code of the client's reply, who asks later 1005."""
    place: dict[str, Any] = {"kind": "server_close", "point": "top", "guard": "raw"}
    assert classes(LEGACY, wait="0", **place) == ["clean_disconnect(1001)"]
    assert classes(LEGACY, wait="5ms", **place) == ["clean_disconnect(1005)"]


def test_two_receivers_wait_for_the_end_of_the_tcp_connection_on_legacy() -> None:
    """A mixed cell: the handler's sleep may end while the other reader waits for the client's FIN.
    Both then get the client's code, and neither is told that another one is waiting."""
    scenario = scenario_of(cell(kind="disc_eaten", point="top", wait="5ms"))
    late = scenario.model_copy(
        update={"clients": scenario.clients.model_copy(update={"down_ms": 8})}
    )
    assert predict(scenario).classes == {"receive_after_disconnect"}
    assert predict(late).classes == {"clean_disconnect(1000)"}


@pytest.mark.parametrize(
    ("like", "switch", "value", "columns", "instead"),
    [
        (
            WSPROTO,
            "pause_after_message",
            False,
            {"kind": "sm_closing", "point": "sendfail", "wait": "-"},
            "need_accept_first",
        ),
        (
            LEGACY,
            "send_reset_first",
            OnSend.SILENT,
            {"kind": "client_rst", "point": "proc1", "wait": "0"},
            GONE,
        ),
        (
            SANSIO,
            "send_lost",
            OnSend.SILENT,
            {"kind": "client_rst", "point": "sendfail", "wait": "-"},
            "clean_disconnect(1005)",
        ),
        (
            SANSIO,
            "accept_gone",
            OnAccept.SILENT,
            {"kind": "client_rst", "point": "preaccept", "wait": "5ms"},
            GONE,
        ),
        (
            ASYNCIO,
            "own_close",
            OwnClose.QUEUED,
            {"kind": "server_close", "point": "top", "wait": "0", "guard": "both_nohop"},
            "clean_disconnect(1001)",
        ),
        (
            ASYNCIO,
            "keeps_close_code",
            True,
            {"kind": "client_close", "point": "top", "wait": "0"},
            "clean_disconnect(1000)",
        ),
    ],
)
def test_a_switch_decides_its_cell(
    like: str, switch: str, value: Any, columns: dict[str, Any], instead: str
) -> None:
    assert instead not in classes(like, **columns)
    assert instead in classes(like, {switch: value}, **columns)


@pytest.mark.parametrize(("starlette", "older"), [("0.35.1", True), ("0.36.0", False)])
def test_starlette_before_0_36_leaves_application_state_alone_when_a_send_fails(
    starlette: str, older: bool
) -> None:
    """Not measured: read off the source (sim/server/older.py)."""
    place: dict[str, Any] = {
        "kind": "client_rst",
        "point": "sendfail",
        "wait": "-",
        "starlette": starlette,
    }
    found = foretold(LEGACY, guard="none", **place)
    assert found.states == {
        ("DISCONNECTED", "CONNECTED") if older else ("CONNECTED", "DISCONNECTED")
    }
    assert found.classes == {GONE if older else "need_accept_first"}


@pytest.mark.parametrize(
    ("server", "states"),
    [
        ("uvicorn 0.26.0", ("DISCONNECTED", "CONNECTED")),
        ("uvicorn 0.27.0", ("CONNECTED", "DISCONNECTED")),
    ],
)
@pytest.mark.parametrize("like", [LEGACY, WSPROTO])
def test_uvicorn_before_0_27_leaks_an_error_that_starlette_does_not_know(
    like: str, server: str, states: tuple[str, str]
) -> None:
    """Not measured: read off the source. The send fails, and Starlette is none the wiser."""
    place: dict[str, Any] = {
        "kind": "client_close",
        "point": "sendfail",
        "wait": "-",
        "server": server,
    }
    found = foretold(like, guard="none", **place)
    assert found.states == {states}
    (run,) = found.runs.values()
    assert [one.values["ok"] for one in run.record().events if one.kind == "sent"][-1] is False


# -- no table of outcomes --------------------------------------------------------------------------

TRUTH = Path(__file__).parent / "truth.jsonl.gz"
MODULES = sorted(
    str(path.relative_to(SOURCE))
    for folder in ("conformance", "model")
    for path in (SOURCE / folder).glob("*.py")
    # What each outcome and finding means; whether one comes is not told there.
    if path.name not in ("outcome.py", "findings.py")
)


def outcome_words() -> set[str]:
    """Return the words of the outcome classes of the truth, without their codes."""
    text = gzip.decompress(TRUTH.read_bytes()).decode()
    labels = set(re.findall(r'"([^"]+)":\d+', "".join(re.findall(r'"outcomes":\{[^}]*\}', text))))
    return {word for label in labels for word in re.findall(r"[a-z]+(?:_[a-z]+)+", label)} | {
        label for label in labels if label.isalpha()
    }


def in_code(path: Path) -> Iterator[str]:
    """Yield the texts and names of a module, without its comments and docstrings."""
    tree = ast.parse(path.read_text())
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value
        elif isinstance(node, ast.Name):
            yield node.id


@pytest.mark.parametrize("module", MODULES)
def test_what_predicts_knows_mechanisms_and_no_table_of_outcomes(module: str) -> None:
    words = outcome_words()
    assert {"clean_disconnect", "need_accept_first", "guard_break_top", "cancelled"} <= words
    path = SOURCE / module
    texts = list(in_code(path))
    for word in words:
        assert not any(word in text for text in texts), f"{module} names {word}"
        if "_" in word:
            assert word not in path.read_text(), f"{module} names {word}"


def test_nothing_of_the_prediction_reads_what_was_seen() -> None:
    """Two cells that differ in what came of them are one scenario."""
    one = scenario_of(cell(outcomes={"hang": 10}, message_lost=10, n=10))
    assert one == scenario_of(cell())
    assert isinstance(one, Scenario)

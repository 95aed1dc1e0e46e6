"""Verdicts on hand-made traces: what counts as a failure, and what is only to be told."""

from dataclasses import replace
from typing import Any

import pytest

from sim.errors import NoAnswer
from sim.model.outcome import Finding, Outcome
from sim.model.record import End, Ending, Event, Waiting
from sim.runs.judge import judge

AGENT_EVENTS = (
    "agent_started",
    "agent_thinking",
    "tool_executing",
    "tool_completed",
    "agent_completed",
)
Row = tuple[str, dict[str, Any]]
BEGAN: tuple[Row, ...] = (
    ("client_state", {"state": "CONNECTED"}),
    ("application_state", {"state": "CONNECTED"}),
)


def events(*rows: Row, connection: str = "c1") -> tuple[Event, ...]:
    return tuple(
        Event(number, "", kind, {"connection": connection, **values})
        for number, (kind, values) in enumerate(rows)
    )


def end(
    *trace: Event, ending: Ending = Ending.COMPLETED, error: BaseException | None = None
) -> End:
    return End(ending, tick=0, steps=0, schedule=(), events=trace, error=error)


def judged(*rows: Row, ending: Ending = Ending.COMPLETED, agent_events: bool = False) -> Outcome:
    return judge(end(*events(*BEGAN, *rows), ending=ending), agent_events)


def raised(outcome: str, text: str = "") -> Row:
    return ("raised", {"outcome": outcome, "text": text})


def left(outcome: str) -> Row:
    return ("left", {"outcome": outcome})


def turn(*whats: str, ok: bool = True) -> tuple[Row, ...]:
    rows = [("sent", {"what": what, "ok": ok}) for what in whats]
    return (("client.sent", {}), ("received", {"text": "x"}), *rows)


@pytest.mark.parametrize(
    "kind",
    [
        "need_accept_first",
        "receive_after_disconnect",
        "send_after_close",
        "concurrent_recv",
        "oserror_leaked(ClientDisconnected)",
        "other:KeyError",
        "never_ready",
        "manager_failed",
        "services_failed",
    ],
)
def test_an_end_by_anything_but_a_disconnect_is_a_failure(kind: str) -> None:
    outcome = judged(raised(kind, "what was said"))
    assert outcome.failed
    assert outcome.findings == (Finding(kind, True, "c1", "what was said"),)
    assert outcome.label == kind


@pytest.mark.parametrize(
    "kind",
    [
        "clean_disconnect(1000)",
        "clean_disconnect(1006)",
        "guard_break_top",
        "guard_break_final",
        "guard_break_hs_timeout",
        "refused(1008)",
        "hang",
        "caught:need_accept_first",
        "caught:other:RuntimeError",
    ],
)
def test_a_disconnect_a_guard_a_refusal_and_what_was_caught_are_none(kind: str) -> None:
    outcome = judged(left(kind))
    assert not outcome.failed
    assert outcome.findings == (Finding(kind, False, "c1"),)


def test_a_cancelled_handler_is_no_failure() -> None:
    outcome = judged(("app.cancelled", {}))
    assert (outcome.classes, outcome.failed) == (("cancelled",), False)


def test_the_end_of_the_time_is_no_failure() -> None:
    outcome = judged(ending=Ending.TIME_LIMIT)
    assert (outcome.classes, outcome.failed, outcome.time_up) == (("time_up",), False, True)
    assert not judged(left("hang")).time_up


def test_an_end_that_was_recorded_counts_although_the_time_was_up_later() -> None:
    outcome = judged(raised("need_accept_first"), ending=Ending.TIME_LIMIT)
    assert (outcome.classes, outcome.failed) == (("need_accept_first",), True)


def test_a_deadlock_of_the_handler_is_a_failure() -> None:
    outcome = judged(ending=Ending.DEADLOCK)
    assert outcome.failed
    told = "the client waits for nothing: gone"
    assert outcome.findings == (Finding("deadlock", True, "c1", told),)


def test_a_deadlock_names_what_both_sides_wait_for() -> None:
    trace = events(*BEGAN, connection="c1")
    waiting = (
        Waiting("main/transport:c1/handler:c1", "receive (a:1)", "mine:7"),
        Waiting("main/transport:c1/handler:c1/child", "receive (a:2)"),
        Waiting("main/transport:c2/handler:c2", "receive (a:3)"),
    )
    stuck = end(*trace, ending=Ending.DEADLOCK)
    outcome = judge(replace(stuck, waiting=waiting, outside=(Waiting("c1", "message 2"),)))
    (finding,) = outcome.findings
    assert finding.text == (
        "handler:c1 waits at mine:7; handler:c1/child waits at receive (a:2); "
        "the client waits for message 2"
    )


def test_who_waits_for_a_client_that_has_nothing_more_to_say_waits_for_nothing_wrong() -> None:
    trace = events(*BEGAN, connection="c1")
    quiet = replace(end(*trace, ending=Ending.DEADLOCK), outside=(Waiting("c1", ""),))
    outcome = judge(quiet)
    assert (outcome.classes, outcome.failed) == (("waiting",), False)
    gone = events(*BEGAN, ("client.over", {"how": "lost"}), connection="c1")
    assert judge(replace(quiet, events=tuple(gone))).classes == ("deadlock",)


def test_a_client_that_waits_for_ever_after_the_handler_has_ended_is_none() -> None:
    error = RuntimeError("c1 waits")
    trace = events(*BEGAN, left("hang"), ("ended", {}))
    outcome = judge(end(*trace, ending=Ending.DEADLOCK, error=error))
    assert not outcome.failed
    assert outcome.findings[1:] == (Finding("client_stranded", text="c1 waits"),)


@pytest.mark.parametrize(
    "ending", [Ending.FAILED, Ending.STEP_LIMIT, Ending.REFUSED, Ending.DIVERGED]
)
def test_a_world_that_came_to_grief_says_nothing_about_the_handler(ending: Ending) -> None:
    trace = events(*BEGAN, left("hang"))
    with pytest.raises(NoAnswer, match=f"^{ending}: why$"):
        judge(end(*trace, ending=ending, error=ValueError("why")))


def test_an_outcome_that_no_table_knows_is_a_failure() -> None:
    """Forgetting a class must not make it a pass."""
    assert judged(left("something_new")).failed


def test_what_an_injecting_task_met_is_told_and_no_failure() -> None:
    outcome = judged(("swallowed", {"error": "ProtocolError"}), left("hang"))
    assert not outcome.failed
    text = "the injection itself met ProtocolError"
    assert outcome.findings[1:] == (Finding("injection_met", connection="c1", text=text),)


def test_a_message_that_was_never_received_is_a_finding_and_no_failure() -> None:
    outcome = judged(*turn(), ("client.sent", {}), ("client.sent", {}), left("guard_break_final"))
    assert outcome.lost == 2
    assert outcome.findings[1:] == (Finding("message_lost", connection="c1", text="2 of 3"),)
    assert not outcome.failed


def test_nothing_is_lost_when_all_was_received() -> None:
    outcome = judged(*turn(), *turn(), left("hang"))
    assert (outcome.lost, len(outcome.findings)) == (0, 1)


def test_a_turn_with_its_five_events_in_order_is_complete() -> None:
    outcome = judged(*turn(*AGENT_EVENTS), *turn(*AGENT_EVENTS), left("hang"), agent_events=True)
    assert (outcome.turns, outcome.complete, len(outcome.findings)) == (2, 2, 1)


@pytest.mark.parametrize("missing", AGENT_EVENTS)
def test_a_missing_event_is_named(missing: str) -> None:
    sent = [what for what in AGENT_EVENTS if what != missing]
    outcome = judged(*turn(*sent), left("hang"), agent_events=True)
    assert outcome.findings[1:] == (Finding("events_missing", connection="c1", text=missing),)
    assert (outcome.turns, outcome.complete, outcome.failed) == (1, 0, False)


def test_events_out_of_order_are_shown_as_they_were_sent() -> None:
    sent = ("agent_thinking", "agent_started", *AGENT_EVENTS[2:])
    outcome = judged(*turn(*sent), left("hang"), agent_events=True)
    (finding,) = outcome.findings[1:]
    assert (finding.kind, finding.text) == ("events_out_of_order", ", ".join(sent))
    assert outcome.complete == 0


def test_an_event_whose_send_failed_is_missing() -> None:
    rows = (*turn(*AGENT_EVENTS[:4]), ("sent", {"what": "agent_completed", "ok": False}))
    outcome = judged(*rows, left("hang"), agent_events=True)
    assert outcome.findings[1].text == "agent_completed"


def test_events_are_asked_for_only_where_the_mode_sends_them() -> None:
    assert len(judged(*turn("factory_response"), left("hang")).findings) == 1


def test_other_messages_of_a_turn_and_outside_of_one_do_not_matter() -> None:
    rows = (("sent", {"what": "heartbeat", "ok": True}), *turn("heartbeat", *AGENT_EVENTS))
    assert judged(*rows, left("hang"), agent_events=True).complete == 1


def test_each_connection_is_judged_by_itself() -> None:
    one = events(*BEGAN, *turn(), raised("need_accept_first"), connection="c1")
    two = events(*BEGAN, ("client.sent", {}), left("clean_disconnect(1000)"), connection="c2")
    mixed = [event for pair in zip(one, two, strict=False) for event in pair]
    outcome = judge(end(*mixed, *one[len(two) :]))
    assert outcome.classes == ("need_accept_first", "clean_disconnect(1000)")
    assert [(f.kind, f.connection) for f in outcome.findings] == [
        ("need_accept_first", "c1"),
        ("clean_disconnect(1000)", "c2"),
        ("message_lost", "c2"),
    ]
    assert (outcome.failed, outcome.lost, outcome.turns) == (True, 1, 1)


def test_what_one_connection_received_too_much_does_not_hide_what_another_lost() -> None:
    one = events(*BEGAN, *turn(), ("received", {"text": "x"}), left("hang"), connection="c1")
    two = events(*BEGAN, ("client.sent", {}), left("hang"), connection="c2")
    assert judge(end(*one, *two)).lost == 1


def test_a_client_whose_request_never_came_is_told_apart() -> None:
    trace = events(("wire", {}), connection="c1")
    assert judge(end(*trace)).classes == ("no_request",)


def test_the_states_are_the_last_ones() -> None:
    outcome = judged(("application_state", {"state": "DISCONNECTED"}), left("hang"))
    assert outcome.states == (("CONNECTED", "DISCONNECTED"),)


def test_an_empty_trace_says_nothing() -> None:
    assert judge(end()) == Outcome()
    assert Outcome().label == "nothing"

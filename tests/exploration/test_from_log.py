"""Runs of an application meet what a log tells of, by the reader that has read the log."""

import time
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from sim.exploration.asked import Asked
from sim.exploration.from_log import Met, Wanted, meet, read_traceback, tracebacks_of, wanted_of
from sim.logs.mechanism import (
    BLIND,
    ESCAPED,
    OWN_CLOSE,
    OWN_RECEIVE,
    OWN_SEND,
    REGISTRY,
    SERVER_CLOSE,
)
from sim.logs.patterns import BY_NAME
from sim.logs.triage import add, begin_triage
from tests.helpers.applications import FOLDER

APPS = "logged"
OURS = "sim.sut.analogous"


def slow(*values: object) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


def wanted(*mechanisms: str) -> list[Wanted]:
    return [Wanted(one, 1, True, "need-accept-first") for one in mechanisms]


def met(target: str, *mechanisms: str, clients: Sequence[str], server: str) -> Iterator[Met]:
    return meet(wanted(*mechanisms), asked_of(target, clients, server), 30, time.perf_counter)


def asked_of(target: str, clients: Sequence[str], server: str) -> Asked:
    return Asked(target, clients=tuple(clients), case={"server": server}, app_dir=str(FOLDER))


@pytest.mark.parametrize(
    ("target", "mechanism", "clients", "server"),
    [
        (f"{APPS}:swallows", BLIND, ["send:hi, close"], "websockets"),
        (f"{APPS}:monitored", SERVER_CLOSE, ["send:hi, silent"], "websockets-sansio"),
        (f"{OURS}:own_second_close", OWN_CLOSE, ["close"], "websockets"),
        slow(f"{OURS}:own_second_close", OWN_CLOSE, ["close"], "wsproto"),
        slow(f"{OURS}:send_after_its_own_disconnect", OWN_SEND, ["close"], "websockets"),
        slow(f"{OURS}:receive_after_its_own_disconnect", OWN_RECEIVE, ["close"], "websockets"),
        (f"{OURS}:escaped_disconnect", ESCAPED, ["close"], "websockets-sansio"),
        slow(
            *(f"{OURS}:registry_change", REGISTRY, ["send:hi, wait, close", "send:hi, close"]),
            "websockets-sansio",
        ),
    ],
)
def test_a_run_meets_its_mechanism_and_no_other(
    target: str, mechanism: str, clients: list[str], server: str
) -> None:
    every = (BLIND, SERVER_CLOSE, OWN_CLOSE, OWN_SEND, OWN_RECEIVE, REGISTRY)
    others = [one for one in every if one != mechanism]
    found = list(met(target, mechanism, *others, clients=clients, server=server))
    # A broadcast that meets somebody who is gone leaves that one's own handler in a blind spot.
    besides = {BLIND} if mechanism == REGISTRY else set()
    assert mechanism in {one.mechanism for one in found} <= {mechanism} | besides
    assert found[0].record.outcome.failed
    assert tracebacks_of(found[0].record)


def test_an_application_that_catches_meets_nothing() -> None:
    asked = asked_of(f"{APPS}:careful", ["send:hi, close"], "websockets")
    assert list(meet(wanted(BLIND, ESCAPED), asked, 2, time.perf_counter)) == []


def test_what_is_asked_and_gives_no_answer_is_told() -> None:
    told: list[tuple[str, str]] = []
    asked = asked_of(f"{APPS}:draws", ["send:hi, close"], "websockets")
    found = meet(
        wanted(BLIND), asked, 2, time.perf_counter, lambda one, why: told.append((one.target, why))
    )
    assert list(found) == []
    assert told[0] == (asked.target, "")


def raised() -> str:
    try:
        raise WebSocketDisconnect(1001, "")
    except WebSocketDisconnect as error:
        return "".join(traceback.format_exception(error))


def test_a_traceback_is_read_as_below_the_head_that_uvicorn_writes() -> None:
    (one,) = read_traceback(raised())
    assert (one.names, one.said.severity) == (("escaped-disconnect",), "error")
    assert one.proved == ESCAPED


def test_what_is_proved_is_wanted_first_and_what_the_text_leaves_once_each() -> None:
    need = BY_NAME["need-accept-first"]
    log = [
        *[f"2026-03-01T10:00:00Z ERROR {need.texts[0]}"] * 3,
        "2026-03-01T10:00:01Z ERROR Exception in ASGI application",
        *raised().splitlines(),
        "2026-03-01T10:00:02Z INFO WebSocket connection established successfully",
    ]
    triage = begin_triage()
    add(triage, "log", ["\n".join(log).encode()])
    found = wanted_of(triage.counts)
    assert [one.mechanism for one in found] == [ESCAPED, *need.consistent]
    assert [one.proved for one in found] == [True, False, False, False]
    assert [one.records for one in found] == [1, 3, 3, 3]

"""Handlers from public reports, unmodified on asyncio: what real servers do is what is found.

Each row: the client, and for each of uvicorn's classes (sansio, wsproto, legacy) the findings over
all schedules. What was seen on real servers stands in the reports.
"""

from dataclasses import replace

import pytest

from sim.exploration.case import CaseSearch
from sim.model.app import SERVERS, ServerName
from tests.helpers.applications import endings, kinds, subject, told

STANDS = {"returned", "gone", "waiting", "cancelled", "not called"}
SAME = None
ROWS: dict[str, tuple[set[str], set[str] | None]] = {
    # the push that never notices ends by a disconnect out of send, which servers log
    "/push drop": ({"escaped-disconnect"}, SAME),
    "/push close": ({"escaped-disconnect"}, SAME),
    # a bare echo: every client that leaves costs a traceback
    "/bare send:a, close": ({"escaped-disconnect"}, SAME),
    # an idle client is nobody's fault
    "/bare silent": (set(), SAME),
    # one connection of a manager that forgets nobody never meets a send after a close
    "/manager send:a, drop": ({"escaped-disconnect"}, SAME),
    # the timer's close behind the client's, out of a task group
    "/init sleep:4999, close": ({"escaped-disconnect"}, {"escape"}),
    "/init sleep:6000, send:a, close": (set(), SAME),
    # gone before accept: sansio and wsproto swallow what accept raises, legacy accepts
    "/late-accept hangup": (set(), SAME),
    "/late-accept hangup:rst": (set(), SAME),
    "/task send:a, close": (set(), SAME),
    # three receivers at once
    "/rounds send:{}, silent": ({"two-receivers"}, {"escape"}),
    "/json send:no, close": ({"escape"}, SAME),
    "/room send:{}, close": ({"escape"}, SAME),
}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("client", ROWS)
def test_every_schedule_ends_as_real_servers_end(client: str, server: ServerName) -> None:
    expected, legacy = ROWS[client]
    wanted = legacy if server == "websockets" and legacy is not None else expected
    found, _ = endings(subject("reported:app", client, server=server))
    assert kinds(tuple(found)) - STANDS == wanted


def escape(client: str, server: ServerName = "websockets-sansio") -> tuple[str, str]:
    """Return text and line of what left the application in the usual run."""
    findings = told(subject("reported:app", client, server=server)).outcome.findings
    (finding,) = [one for one in findings if one.kind == "escape"]
    return finding.text, finding.where


def test_what_is_in_a_group_is_told_by_its_own_name_and_line() -> None:
    one = subject("reported:app", "/init sleep:4999, close", server="websockets")
    found = CaseSearch(one, lambda _: None).run()
    (failing,) = found.failing.values()
    (finding,) = failing.outcome.findings
    assert finding.text.startswith("RuntimeError: Unexpected ASGI message 'websocket.close'")
    assert finding.where.startswith("reported.py:")


def test_an_endpoint_that_reads_twice_meets_the_disconnect_twice() -> None:
    text, _ = escape("/room send:{}, close")
    assert 'Cannot call "receive" once a disconnect message has been received.' in text


def test_bad_json_rises_at_a_line_of_the_handler() -> None:
    text, where = escape("/json send:no, close")
    assert text.startswith("JSONDecodeError: ")
    assert where.startswith("reported.py:")


@pytest.mark.parametrize("server", SERVERS)
def test_a_shutdown_waits_for_a_handler_that_does_not_look(server: ServerName) -> None:
    one = subject("reported:app", "/news silent", server=server)
    stopped = told(replace(one, case=replace(one.case, shutdown_at_ms=100.0)))
    (slow,) = [one for one in stopped.outcome.findings if one.kind == "slow-shutdown"]
    assert slow.text == "the server has not stopped 60 s after it was told to; it waits for c1"
    assert slow.where.startswith("reported.py:")

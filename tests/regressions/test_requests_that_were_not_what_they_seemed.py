"""What a review of requests found: some were never made, some never did what they were for, some
were served by a server that had stopped, and some could not be sent at all.
"""

import re
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from sim.commands.cli import main
from tests.helpers.applications import FOLDER, endings, kinds, subject, told

NOTE = 'post:/notify {"text": "hi"}'


def check(*args: str) -> Result:
    return CliRunner().invoke(main, ["check", "notify:app", "--app-dir", str(FOLDER), *args])


@pytest.mark.parametrize(
    "script",
    [
        "drop, get:/broken",
        "rst, get:/broken",
        "hangup, get:/broken",
        "close, sleep:1000, get:/broken",
        "close, send:x, wait, get:/broken",
        "fin, send:x, get:/broken",
    ],
)
def test_requests_are_made_though_the_websocket_is_over(script: str) -> None:
    """They were dropped with it: "race-free", and the route was never called."""
    found, _ = endings(subject("notify:app", script))
    assert all("escape" in label for label in found), found


def test_a_request_behind_a_message_that_never_comes_is_a_hang() -> None:
    found, _ = endings(subject("notify:app", "wait, get:/work"))
    assert kinds(list(found)) == {"hang"}


def test_a_request_that_never_did_what_it_was_for_is_no_all_clear() -> None:
    """A wrong key in its body was answered by 422 each time, and hid the race it was to show."""
    found = check("--client", "sleep:10, close", "--client", 'post:/notify {"txt": "hi"}')
    assert found.exit_code == 3
    assert "inconclusive: no request did what it was for: POST /notify was answered by 422 in" in (
        found.stdout
    )


def test_answers_that_say_no_are_told_beside_those_that_do_not() -> None:
    script = f'{NOTE}, post:/notify {{"txt": 1}}'
    found = check("--client", script)
    assert found.exit_code == 0
    assert re.search(r"POST /notify was answered by 200 in \d+, 422 in \d+ schedules", found.stdout)


def test_a_check_of_requests_alone_has_an_answer() -> None:
    assert check("--client", NOTE).exit_code == 0


def test_a_server_that_has_stopped_takes_no_request() -> None:
    """It was served, after the lifespan had ended: a false escape."""
    one = subject("notify:app", "silent", "sleep:20000, get:/broken, get:/work")
    case = one.case
    stopped = replace(one, case=replace(case, shutdown_at_ms=50.0))
    made = told(stopped)
    assert made.outcome.classes[1:] == ("refused", "refused")
    assert not made.outcome.failed


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f"header:Content-Length=3 {NOTE}", "header content-length: it follows from the body"),
        (f"header:Transfer-Encoding=chunked {NOTE}", "header transfer-encoding: it follows"),
        (f"header:X(=a {NOTE}", "POST /notify: no request of HTTP: "),
        (f"/ws {NOTE}", "a path is for a WebSocket, and it opens none"),
    ],
)
def test_what_http_does_not_allow_is_a_fault_and_no_hang(script: str, said: str) -> None:
    found = check("--client", script)
    assert found.exit_code == 2
    assert said in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_a_tab_may_stand_before_a_body() -> None:
    found = check("--client", 'post:/notify\t{"text": "hi, you"}')
    assert found.exit_code == 0, found.output


def test_a_single_client_may_begin_by_sleeping() -> None:
    """It was an IndexError: a script that sleeps was taken for the idle one beside others."""
    found = check("--client", "sleep:1, close")
    assert found.exit_code == 0, found.output
    assert "/ws" in found.stdout

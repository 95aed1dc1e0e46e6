"""The table of patterns: every text is matched, whatever its quotes; every claim holds."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import starlette.websockets
from starlette.websockets import WebSocketDisconnect

from sim.files.catalog import names
from sim.logs.matching import NEEDLES, marks, match_patterns, more_marks, place
from sim.logs.patterns import BY_NAME, ERROR, MECHANISMS, PATTERNS, WARNING
from sim.sut import classify as classifying
from sim.sut.guards import GUARDS
from tests.helpers.reading_logs import NEUTRAL

TEXTS = [(pattern.name, text) for pattern in PATTERNS for text in pattern.texts]
SUT = Path(classifying.__file__).parent
REPORT = {
    "good": [
        "WebSocket connection established successfully",
        "WebSocket state validation passed",
        "Agent message processed successfully",
    ],
    "bad": [
        "WebSocket is not connected. Need to call 'accept' first",
        "RuntimeError: WebSocket connection closed before message was received",
        "Connection state machine never reached ready state",
        "Connection state machine never reached ready state: ApplicationConnectionState.CONNECTING",
    ],
    "warning": [
        "WebSocket state changed between handshake validation and receive for connection {id}"
    ],
}


@pytest.mark.parametrize(("name", "text"), TEXTS)
def test_each_text_is_of_its_pattern_and_no_other(name: str, text: str) -> None:
    for said in (text, f"2025-09-14 10:00:00,123 - app - ERROR - {text} (see docs)"):
        assert match_patterns(said) == [name]
        assert place(said, name) <= len(said)
        assert marks(said)


@pytest.mark.parametrize(("name", "text"), TEXTS)
@pytest.mark.parametrize("quote", ["'", '"', "\\'", '\\"', "`", "’", "&quot;", "\\u0022", ""])
def test_all_styles_of_quotation_marks_are_one(name: str, text: str, quote: str) -> None:
    assert match_patterns(text.replace('"', quote).replace("'", quote)) == [name]


@pytest.mark.parametrize("kind", REPORT)
def test_the_lines_of_the_report_are_of_the_kinds_it_says(kind: str) -> None:
    for text in REPORT[kind]:
        (name,) = match_patterns(text)
        assert BY_NAME[name].kind == kind


@pytest.mark.parametrize(
    "text", ["Need to call", "accept first", "once a close", "is not connected"]
)
def test_a_part_of_a_text_is_not_enough(text: str) -> None:
    assert match_patterns(text) == []


def test_a_fallback_counts_only_where_no_other_bad_pattern_does() -> None:
    error = "Error in message loop: "
    assert match_patterns(f"{error}boom") == ["loop-error"]
    assert match_patterns(f"{error}{BY_NAME[ERROR].texts[0]}") == [ERROR]
    assert match_patterns(f"{error}boom {BY_NAME[WARNING].texts[0]}") == ["loop-error", WARNING]


def test_what_the_installed_starlette_raises_is_matched() -> None:
    source = inspect.getsource(starlette.websockets)
    for text in (
        'WebSocket is not connected. Need to call "accept" first.',
        'Cannot call "receive" once a disconnect message has been received.',
        'Cannot call "send" once a close message has been sent.',
    ):
        assert text in source
        assert len(match_patterns(text)) == 1


def test_what_the_handlers_classify_is_matched() -> None:
    kinds = {name: part for part, name in classifying._TEXTS}
    assert set(kinds) == {
        "need_accept_first", "receive_after_disconnect", "send_after_close", "concurrent_recv"
    }  # fmt: skip
    for part in kinds.values():
        (pattern,) = [one for one in PATTERNS if any(part in text for text in one.texts)]
        assert pattern.kind == "bad"
        error = RuntimeError(pattern.texts[0])
        assert not isinstance(error, WebSocketDisconnect)
        assert kinds[classifying.classify(error)] == part


def logged() -> Iterator[str]:
    """Yield what stands in the source of the handlers as the text of a log line."""
    for path in sorted(SUT.rglob("*.py")):
        for line in path.read_text().splitlines():
            if ".log(" in line or "_log(" in line:
                yield f"{path.name}: {line.strip()}"


def test_every_line_that_the_handlers_log_is_matched_or_known_as_neutral() -> None:
    texts = [
        "Error in message loop: ",
        "WebSocket set-up failed: ",
        "WebSocket connection established successfully",
        "Agent message processed successfully",
        "Connection state machine never reached ready state: ApplicationConnectionState.CLOSED",
        "Invalid state transition for c1: closed -> processing",
        "Too many refused transitions for c1: -> failed",
        *(guard.warning.format("c1") for guard in GUARDS.values()),
    ]
    for text in texts:
        assert len(match_patterns(text)) == 1, text
    for start in NEUTRAL:
        assert match_patterns(f"{start}c1") == []
    # One call each: who adds a line has to say here what it is.
    assert len(list(logged())) == 10, list(logged())


def test_the_reports_good_line_of_validation_is_logged_by_no_handler() -> None:
    assert not any("validation passed" in path.read_text() for path in SUT.rglob("*.py"))
    assert BY_NAME["validation-passed"].scenario == ""


def test_every_scenario_and_mechanism_that_is_named_exists() -> None:
    assert len(BY_NAME) == len(PATTERNS)
    for pattern in PATTERNS:
        assert pattern.scenario in ("", *names())
        assert set(pattern.consistent) <= set(MECHANISMS)
        assert pattern.why.endswith(".")
        assert pattern.of
    for one in MECHANISMS.values():
        assert one.scenario in names() or one.check


def test_what_was_never_seen_says_so() -> None:
    pattern = BY_NAME["closed-before-message"]
    assert pattern.of == ("unknown",)
    assert "never seen on any stack" in pattern.why


def test_marks_are_all_places_where_a_needle_stands_also_where_two_share_letters() -> None:
    whole = " ".join(text for _, text in TEXTS) + "".join(NEEDLES) + "\xe9[error: ERROR: "
    expected = {
        at for needle in NEEDLES for at in range(len(whole)) if whole.startswith(needle, at)
    }
    assert marks(whole) == sorted(marks(whole))
    assert set(marks(whole)) == expected
    assert set(marks(whole, 70)) == {at for at in expected if at >= 70}


def test_marks_of_a_text_that_grows_are_those_of_the_whole() -> None:
    whole = " ".join(text for _, text in TEXTS) + " ".join(NEEDLES)
    for size in (1, 7, 40):
        known: list[int] = []
        for at in range(0, len(whole), size):
            known = more_marks(known, whole[: at + size], at)
        assert known == marks(whole)

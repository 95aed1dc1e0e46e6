"""The conclusion follows from the counts, and the tables show what was counted."""

from itertools import pairwise

import pytest

from sim.logs.patterns import PATTERNS
from sim.report.text.logs import (
    busiest,
    conclusion,
    document_of,
    explained,
    over_time,
    summary,
    unit_name,
)
from tests.helpers.reading_logs import GOOD, NEED, WARNING, document, triage

NEVER_READY = "Connection state machine never reached ready state: X.CONNECTING"


def said(*lines: str) -> str:
    return " ".join(conclusion(triage("\n".join(lines).encode()).counts))


def at(minute: int, text: str) -> str:
    return f"2025-09-14T10:{minute:02}:00Z {text}"


def test_without_any_known_line_nothing_is_claimed() -> None:
    for log in ((), ("ordinary",)):
        assert said(*log) == (
            "No line holds a known pattern: this log does not tell whether the race happens here."
        )


def test_without_a_bad_line() -> None:
    assert said(at(0, GOOD)) == "No bad line."
    text = said(at(0, GOOD), at(1, WARNING))
    assert text.startswith("No bad line. The published fix is deployed and stopped a receive once")


def test_without_its_own_words_nothing_is_said_of_the_published_fix() -> None:
    text = said(at(0, NEED), at(1, NEED))
    assert text.startswith("2 bad lines. Consistent with the race of issue #1061: ")
    assert "need-accept-first 2 times (blind spot, server close or hop)" in text
    assert "fix" not in text


@pytest.mark.parametrize("reverse", [False, True])
def test_errors_behind_the_warning_mean_that_the_race_is_still_there(reverse: bool) -> None:
    log = [at(0, NEED), at(1, WARNING), at(1, NEED), at(2, NEED), at(3, NEED), at(4, NEVER_READY)]
    text = said(*reversed(log)) if reverse else said(*log)
    assert (
        "The race is still there: the error was logged until 2025-09-14T10:03:00Z, after the first "
        "warning at 2025-09-14T10:01:00Z (2 times in later minutes)" in text
    )
    assert "besides, never-ready once (set-up race)" in text


def test_errors_before_the_warning_only_do_not_prove_the_fix() -> None:
    text = said(at(0, NEED), at(1, WARNING))
    assert "the error was not logged again, but the fix looks at client_state" in text


def test_without_times_nothing_is_ordered() -> None:
    assert "Without times nobody can say" in said(NEED, WARNING)
    assert "Without times nobody can say" in said(at(0, NEED), WARNING)


def test_other_bad_lines_are_not_called_the_race() -> None:
    assert said(NEVER_READY) == (
        "1 bad line. Not the error of issue #1061 itself (need-accept-first), but never-ready once "
        "(set-up race)."
    )


def test_each_pattern_that_was_met_is_explained_with_an_example() -> None:
    log = "\n".join(pattern.texts[0] for pattern in PATTERNS)
    counts = triage(log.encode()).counts
    lines = list(explained(counts))
    for pattern in PATTERNS:
        found = f"{pattern.name}: {pattern.why}" in lines
        assert found == (pattern.kind != "good")
    assert sum(line.startswith("  first seen at log:") for line in lines) == sum(
        pattern.kind != "good" for pattern in PATTERNS
    )


def test_the_picture_over_time_has_its_bars_where_the_bad_lines_are() -> None:
    lines = [at(0, NEED)] + [at(4, NEED)] * 4 + [at(5, GOOD)]
    first, picture, worst = over_time(triage("\n".join(lines).encode()).counts)
    assert first == (
        "bad lines over time, 2025-09-14T10:00:00Z to 2025-09-14T10:04:00Z, minute each:"
    )
    assert picture == "  ▂···█  (highest 4)"
    assert worst == "  most in a minute: 2025-09-14T10:04:00Z 4, 2025-09-14T10:00:00Z 1"
    assert list(over_time(triage(GOOD.encode()).counts)) == []


def test_a_long_time_is_shown_in_few_bars_and_coarse_stretches_are_said() -> None:
    long = [f"2025-{month:02}-{day:02}T{hour:02}:00:00Z {NEED}\n"
            for month in range(1, 13) for day in range(1, 29) for hour in range(24)]  # fmt: skip
    counts = triage("".join(long).encode()).counts
    assert counts.stretches.unit_s == 60
    spread = "".join(f"{line[:14]}{minute}{line[16:]}" for line in long for minute in (10, 40))
    counts = triage(spread.encode()).counts
    assert counts.stretches.unit_s == 3600
    first, picture, _, coarse = over_time(counts)
    assert "hours each" in first
    assert len(picture) < 90
    assert coarse == "  (too many minutes to keep apart: counted per hour)"


def test_units_have_names() -> None:
    assert [unit_name(one) for one in (60, 3600, 86_400, 30 * 86_400)] == [
        "minute", "hour", "day", "30-day stretch"
    ]  # fmt: skip


def test_busy_connections_say_their_bound_once_there_are_too_many() -> None:
    few = triage(f"{NEED} for connection a".encode()).counts
    assert list(busiest(few)) == [
        "busiest connections (bad lines and warnings):",
        "        1  a  (1 bad, 0 warnings)",
    ]
    many = "\n".join(f"{NEED} for connection c{number % 1500}" for number in range(3000))
    assert next(busiest(triage(many.encode()).counts)).startswith(
        "busiest connections (bad lines and warnings, each up to "
    )


def test_the_summary_says_what_was_not_read() -> None:
    lines = list(summary(triage(b'{"a"\n' + NEED.encode())))
    assert lines[1] == "  unreadable (1): JSON that is broken"
    assert "1 bad, 0 warnings, 0 good" in lines
    assert "1 of them have no time of their own" in lines


def test_the_digest_follows_from_the_content_alone() -> None:
    log = at(0, NEED).encode()
    one, other = triage(log), triage(log)
    other.files[0] = type(other.files[0])("other name", *[
        getattr(other.files[0], name)
        for name in ("size", "lines", "entries", "encoding", "gzip", "unreadable")
    ])  # fmt: skip
    assert document_of(one)["digest"] == document_of(other)["digest"]
    logs = [log, log + b"\n", at(1, NEED).encode(), f"{at(0, NEED)}!".encode()]
    digests = [document(one)["digest"] for one in logs]
    assert len(set(digests)) == 4
    assert all(a != b for a, b in pairwise(digests))

"""Times: what programs write is read to the nanosecond, and nothing else is taken for one."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.logs.times import (
    NANOS,
    Assumed,
    Instant,
    Reading,
    from_number,
    from_pair,
    from_text,
    read_time,
    write_time,
)

TEN = 1_757_844_000 * NANOS
"""2025-09-14 10:00 UTC."""
MS = 1_000_000


@pytest.mark.parametrize(
    ("text", "ns", "zoned"),
    [
        ("2025-09-14T10:00:00Z", 0, True),
        ("2025-09-14T10:00:00.123456789Z", 123_456_789, True),
        ("2025-09-14T10:00:00.1234567891Z", 123_456_789, True),
        ("2025-09-14T12:00:00+02:00", 0, True),
        ("2025-09-14T06:30:00-0330", 0, True),
        ("2025-09-14 10:00:00,123", 123 * MS, False),
        ("2025-09-14 10:00:00", 0, False),
        ("2025-09-14 10:00", 0, False),
        ("2025/09/14 10:00:00", 0, False),
        ("2025-09-14 10:00:00 UTC", 0, True),
        ("2025-09-14 10:00:00.5 +0000", 500 * MS, True),
        ("14/Sep/2025:12:00:00 +0200", 0, True),
        ("20250914T100000Z", 0, True),
        ("2025-09-14_10:00:00.12345", 123_450_000, False),
        ("Sun Sep 14 10:00:00 2025", 0, False),
        ("Sun Sep 14 10:00:00.5 UTC 2025", 500 * MS, True),
        ("2025-09-14 10:00:00 AM", 0, False),
        ("2025-09-13 12:00:00 AM +0000", -34 * 3600 * NANOS, True),
        ("14 Sep 2025 10:00:00 GMT", 0, True),
        ("2025-09-14T12:00:00+02", 0, True),
        ("1757844000", 0, True),
        ("1757844000.25", 250 * MS, True),
        ("1757844000123", 123 * MS, True),
        ("1757844000123456", 123_456_000, True),
        ("1757844000123456789", 123_456_789, True),
    ],
)
def test_common_forms_are_read(text: str, ns: int, zoned: bool) -> None:
    expected = Instant(TEN + ns, zoned)
    assert from_text(text) == expected
    assert from_text(f"[{text}] INFO a") == expected
    assert from_text(text, whole=True) == expected
    assert from_text(f"{text} x", whole=True) is None
    assert from_text(f"\x1b[32m{text}\x1b[0m x") == expected


def test_behind_other_text_too_but_an_epoch_only_at_the_beginning() -> None:
    assert from_text("ERROR 2025-09-14T10:00:00Z up") == Instant(TEN, True)
    assert from_text("uvicorn.error ERROR 2025-09-14T10:00:00Z up") == Instant(TEN, True)
    assert from_text("request 1757844000") is None


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "10:00:00", "2025-09-14", "Sep 14 10:00:00", "2025-13-14T10:00:00Z",
        "2025-02-29T10:00:00Z", "2025-09-31T10:00:00Z", "2025-09-14T24:00:00Z",
        "2025-09-14T10:60:00Z", "2025-09-14T10:00:61Z", "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z", "0000-00-00T00:00:00Z", "14/Foo/2025:10:00:00 +0000",
        "12345678901234567890", "٢٠٢٥-09-14T10:00:00Z", "9" * 300,
    ],
)  # fmt: skip
def test_what_is_no_time_is_none(text: str) -> None:
    assert from_text(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "ERROR:root:token expired at 2025-09-14T10:00:00Z",
        "ERROR:    token expires 2025-09-14 10:00:00",
        "ERROR: 2025-09-14 10:00:00 is no date",
        "ERROR:app:[2025-09-14 10:00:00]",
        "ERROR due 2025-09-14T10:00:00Z",
        "1234567890 orders",
        "4915112345678 called",
        "49151123456780 called",
        "ERROR: token expires 2025-09-14 10:00:00",
        "[ERROR] token expires 2025-09-14 10:00:00",
        "released 2025-09-13, ran 2025-09-14 10:00:00",
        "the job of 14/Sep/2025:10:00:00 +0000 failed",
        "order 1757844000 failed",
        "from 10.0.0.10:20:30 on",
    ],
)
def test_a_time_that_a_message_tells_of_is_not_that_of_the_line(text: str) -> None:
    assert read_time(text) == Reading()


NO_DATE = ["10:00:00", "10:00:00.5", "[10:00:00]", "09/14/25 10:00:00", "10:00:00 AM"]
NO_YEAR = [
    "Sep 14 10:00:00",
    "Sep 14 10:00:00 2024 rows:",
    "Sun Sep 14 10:00:00",
    "Sep 14 10:00:00.5",
    "E0914 10:00:00.5",
]


@pytest.mark.parametrize("text", NO_DATE)
def test_a_time_without_a_date_is_known_only_if_somebody_says_the_date(text: str) -> None:
    line = f"{text} ERROR it failed"
    assert read_time(line) == Reading(None, "date")
    assert read_time(line, Assumed(year=2025)) == Reading(None, "date")
    found = read_time(line, Assumed(day=date(2025, 9, 14))).when
    assert found in (Instant(TEN, False), Instant(TEN + 500 * MS, False))


@pytest.mark.parametrize("text", NO_YEAR)
def test_a_time_without_a_year_is_known_only_if_somebody_says_the_year(text: str) -> None:
    line = f"{text} ERROR it failed"
    assert read_time(line) == Reading(None, "year")
    for assumed in (Assumed(year=2025), Assumed(day=date(2025, 1, 1))):
        found = read_time(line, assumed).when
        assert found in (Instant(TEN, False), Instant(TEN + 500 * MS, False))


def test_the_29th_of_february_is_in_no_year_without_one() -> None:
    assert read_time("Feb 29 10:00:00 x", Assumed(year=2025)) == Reading()
    assert read_time("Feb 29 10:00:00 x", Assumed(year=2024)).when is not None


def test_the_digits_of_a_date_and_a_time_are_no_number_since_1970() -> None:
    assert from_text("20250914100000 ERROR x") == Instant(TEN, False)


def test_a_zone_of_a_few_letters_may_be_several_so_somebody_has_to_say_it() -> None:
    assert read_time("2025-09-14 10:00:00 PST [77] FATAL: x") == Reading(None, "zone")
    berlin = Assumed(zone=ZoneInfo("Europe/Berlin"))
    assert from_text("2025-09-14 12:00:00 CEST x", assumed=berlin) == Instant(TEN, True)


def test_the_year_of_syslog_is_not_that_of_the_next_date() -> None:
    line = "Jan 01 00:00:01 2025-12-31 23:59:59,999 ERROR x"
    assert read_time(line) == Reading(None, "year")


def test_hours_in_halves_of_a_day() -> None:
    day = Assumed(day=date(2025, 9, 14))
    noon = Instant(TEN + 2 * 3600 * NANOS, False)
    assert from_text("12:00:00 PM x", assumed=day) == noon
    assert from_text("12:00:00 AM x", assumed=day) == Instant(TEN - 10 * 3600 * NANOS, False)
    assert from_text("13:00:00 PM x", assumed=day) is None


@pytest.mark.parametrize(
    ("zone", "hour"), [(timezone(timedelta(hours=2)), 12), (ZoneInfo("Europe/Berlin"), 12)]
)
def test_a_zone_that_somebody_says_is_that_of_times_without_one(
    zone: timezone | ZoneInfo, hour: int
) -> None:
    assumed = Assumed(zone=zone)
    assert from_text(f"2025-09-14 {hour}:00:00", assumed=assumed) == Instant(TEN, True)
    assert from_text("2025-09-14 10:00:00Z", assumed=assumed) == Instant(TEN, True)
    assert from_text("1757844000", assumed=assumed) == Instant(TEN, True)


def test_a_label_of_tai64n_counts_ten_seconds_more_than_utc() -> None:
    label = f"@{2**62 + 10 + TEN // NANOS:016x}{500 * MS:08x}"
    assert from_text(f"{label} ERROR x") == Instant(TEN + 500 * MS, True)


def test_keys_say_that_a_time_is_the_line_s() -> None:
    line = 'level=error msg="it failed and failed" time="2025-09-14T10:00:00Z"'
    assert from_text(line) == Instant(TEN, True)
    assert from_text("2025-09-14 10:00:00.5 +0000 UTC m=+0.1") == Instant(TEN + 500 * MS, True)
    assert from_text("level=error ts=1757844000.5 x") == Instant(TEN + 500 * MS, True)
    assert from_text("ts=1757844000.5 level=error x") == Instant(TEN + 500 * MS, True)


def test_a_date_alone_is_a_time_where_one_is_asked_for() -> None:
    assert from_text("2025-09-14", whole=True) == Instant(TEN - 10 * 3600 * NANOS, False)


@pytest.mark.parametrize(
    ("value", "ns"),
    [(1_757_844_000, 0), (1_757_844_000.25, 250 * MS), (1_757_844_000_123, 123 * MS)],
)
def test_numbers_are_read_in_the_unit_of_their_size(value: float, ns: int) -> None:
    assert from_number(value) == Instant(TEN + ns, True)


@pytest.mark.parametrize(
    "value", [-1, 0.035, 35, 10**8, 10**11, float("nan"), float("inf"), 10**30, 10**400, 1e300]
)
def test_numbers_that_are_no_time_are_none(value: float) -> None:
    assert from_number(value) is None


def test_pairs_of_seconds_and_nanoseconds() -> None:
    assert from_pair(1_757_844_000, 5) == Instant(TEN + 5, True)
    assert from_pair("1757844000", None) == Instant(TEN, True)
    for seconds, nanos in ((None, None), ("x", 0), (1, 10**9), (-1, 0), (1, -1), ([], {})):
        assert from_pair(seconds, nanos) is None


@given(st.integers(0, 7_258_118_400 * NANOS - 1))
def test_what_is_written_is_read_back(ns: int) -> None:
    assert from_text(write_time(ns), whole=True) == Instant(ns, True)
    seconds, part = divmod(ns, NANOS)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert write_time(ns).startswith(moment.strftime("%Y-%m-%dT%H:%M:%S"))
    assert write_time(ns).endswith("Z")
    assert ("." in write_time(ns)) == bool(part)


@pytest.mark.parametrize(
    "day", ["2025-02-29", "2025-04-31", "2025-13-01", "2025-00-01", "2025-01-00", "0000-01-01"]
)
def test_days_that_no_calendar_has_are_no_time(day: str) -> None:
    assert from_text(f"{day}T10:00:00Z") is None


def test_the_leap_second_is_the_first_of_the_next_minute() -> None:
    assert from_text("2016-12-31T23:59:60Z") == from_text("2017-01-01T00:00:00Z")
    assert from_text("2024-02-29T00:00:00Z") is not None


@given(st.text())
def test_any_text_is_a_time_or_none(text: str) -> None:
    for whole in (False, True):
        assert from_text(text, whole) is None or isinstance(from_text(text, whole), Instant)


@given(st.floats() | st.integers())
@example(-0.0)
def test_any_number_is_a_time_or_none(value: float) -> None:
    assert from_number(value) is None or isinstance(from_number(value), Instant)

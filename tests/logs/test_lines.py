"""What lines of logs are: heads, parts of tracebacks, and who wrote them."""

import pytest

from sim.logs.lines import Line, Sort, names_exception, sort_of, split_source

HEADS = [
    "2026-07-29 11:00:00,100 ERROR uvicorn.error: it failed",
    "2026-07-29T11:00:00.5Z it failed",
    "[2026-07-29 11:00:00 +0000] [14] [ERROR] it failed",
    "[29/Jul/2026:11:00:00 +0000] GET /",
    "ERROR:    Exception in ASGI application",
    "INFO:     connection open",
    "[ERROR] it failed",
    "WARNING it is late",
    "Jul 29 11:00:00 it failed",
    "11:00:00 it failed",
    "1753786800.123 it failed",
    "time=2026-07-29T11:00:00Z level=error",
    "E0729 11:00:00.000000 1 app.go:1] it failed",
]


@pytest.mark.parametrize("line", HEADS)
def test_heads_begin_with_a_time_or_a_severity(line: str) -> None:
    assert sort_of(line) is Sort.HEAD


@pytest.mark.parametrize(
    ("line", "sort"),
    [
        ("Traceback (most recent call last):", Sort.START),
        ("  + Exception Group Traceback (most recent call last):", Sort.START),
        ("    | Traceback (most recent call last):", Sort.START),
        ('  File "/srv/app.py", line 3, in f', Sort.FRAME),
        ("    ^^^^^", Sort.FRAME),
        ("| RuntimeError: x", Sort.FRAME),
        ("During handling of the above exception, another exception occurred:", Sort.CHAIN),
        ("", Sort.BLANK),
        ("   ", Sort.BLANK),
        ("RuntimeError: it failed", Sort.OTHER),
        ("errors are fine", Sort.OTHER),
        ("Information: none", Sort.OTHER),
    ],
)
def test_other_lines_are_what_python_prints_them_for(line: str, sort: Sort) -> None:
    assert sort_of(line) is sort


@pytest.mark.parametrize(
    ("line", "source", "text"),
    [
        ("web_1    |   File x", "web_1", "  File x"),
        ("web-1  | ", "web-1", ""),
        ("[pod/web-7/app] it failed", "pod/web-7/app", "it failed"),
        ("Jul 29 11:00:00 host app[12]:   File x", "host app[12]", "  File x"),
        ("2026-07-29T11:00:00+0000 host app[12]: text", "host app[12]", "text"),
        ("2026-07-29T11:00:00Z ERROR app: it failed", "", None),
        ("2026-07-29 11:00:00.1 | ERROR    | app:f:1 - it failed", "", None),
        ("ERROR | it failed", "", None),
        ("  | RuntimeError: x", "", None),
        ("nothing before it", "", None),
    ],
)
def test_who_wrote_a_line_stands_before_it(line: str, source: str, text: str | None) -> None:
    found = split_source(line)
    assert (found.source, found.text) == (source, line if text is None else text)
    assert isinstance(found, Line)


def test_what_was_raised_is_named_by_a_dotted_word() -> None:
    for line in ("RuntimeError: x", "app.errors.Gone", "KeyboardInterrupt", "  | ValueError: x"):
        assert names_exception(line)
    for line in ("it failed: x", "(1012, None)", ""):
        assert not names_exception(line)

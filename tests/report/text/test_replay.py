"""What is told around a run: what was run, what came of it, and whether the trace differs."""

from dataclasses import replace

from sim.report.text.replay import difference_of, heading_of, tell
from sim.report.trace.formats import FORMATS
from sim.runs.keep import token_of
from sim.runs.replay import replayed
from tests.helpers.own_app import failing
from tests.helpers.told_runs import made, played


def test_a_run_of_ours_is_headed_by_mode_shape_and_guard() -> None:
    record = played("server-close")
    assert heading_of(record) == (
        f"server-close: main mode, report shape, guard pre-fix, {record.scenario.runtime}, "
        f"{record.scenario.server}"
    )
    assert heading_of(made()).startswith("a scenario: main mode, ")


def test_a_run_of_somebodys_own_is_headed_by_the_handler() -> None:
    assert heading_of(failing()) == (
        "own: handler tests.helpers.own_app:echo, asyncio-3.11, uvicorn-sansio@0.54"
    )


def test_a_run_stands_between_what_was_run_and_what_came_of_it() -> None:
    record = played("server-close")
    done = replayed(token_of(record))
    first, text, outcome, digest = tell(done, FORMATS["columns"])
    assert first == heading_of(record)
    assert f"{text}\n" == FORMATS["columns"].write(record)
    assert outcome == f"outcome: {record.outcome.label}"
    assert digest == f"digest:  {record.digest} (as recorded)"


def test_a_trace_that_is_not_the_recorded_one_is_said_to_differ() -> None:
    done = replayed(token_of(played("server-close")))
    other = replace(done, record=replace(done.record, digest="0" * 64))
    *_, digest, last = tell(other, FORMATS["text"])
    assert digest == f"digest:  {'0' * 64}"
    assert last == difference_of(other)
    assert "… → 000000000000…); " in last

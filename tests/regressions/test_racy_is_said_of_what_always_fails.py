"""What fails whatever the order is no race, and is not called one."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sim.commands.cli import main
from sim.exploration.search import explore
from sim.exploration.verdict import Verdict
from sim.files.catalog import open_scenario
from sim.model.scenario import Scenario
from sim.testing.failure import RaceFound
from sim.testing.race import Race
from tests.helpers import reported_handlers as handlers

TEXT, BINARY = {"send": "hello"}, {"send_bytes": "00ff"}


def scenario(*script: Any, **keys: Any) -> Scenario:
    return Scenario.model_validate({"clients": {"script": ["connect", *script, "close"]}, **keys})


@pytest.mark.parametrize(
    ("sent", "outcome"), [(TEXT, "other:JSONDecodeError"), (BINARY, "other:KeyError")]
)
def test_a_handler_that_no_order_helps_fails_in_every_schedule(sent: Any, outcome: str) -> None:
    found = Race(scenario(sent), handler=handlers.reading_json).explore()
    assert found.verdict is Verdict.ALWAYS
    assert set(found.outcomes) == {outcome}
    assert found.words().startswith(
        "fails in every schedule at these times: complete, all 2 classes fail: it is no race"
    )
    assert found.failure is not None
    assert found.failure.outcome.findings[0].where.startswith("tests.helpers.reported_handlers:")


def test_times_that_were_free_are_not_restricted_in_words() -> None:
    found = Race(scenario(TEXT), handler=handlers.reading_json).explore(times="all")
    assert found.words().startswith("fails in every schedule: complete")


def test_a_check_that_stops_at_a_failure_looks_on_until_something_passes() -> None:
    with pytest.raises(RaceFound, match="fails in every schedule"):
        Race(scenario(TEXT), handler=handlers.reading_json).check()
    with pytest.raises(RaceFound, match=r"racy: 4 of 32 classes fail \("):
        Race("wait-for-hop", guard="pre-fix").check()


def test_a_cut_search_never_says_it() -> None:
    found = Race(scenario(TEXT), handler=handlers.reading_json).explore(max_schedules=1)
    assert found.verdict is Verdict.RACY
    assert not found.complete


MEETING = """
window_ms = 10
[clients]
messages = 1
[[injections]]
do = "server-close"
at = "validated"
nth = 2
delay_ms = 5
[expect]
pre-fix = "{}"
catch = "race-free"
"""


@pytest.mark.parametrize(("promise", "status"), [("racy", 0), ("all", 0), ("race-free", 1)])
def test_racy_and_all_are_met_by_it(promise: str, status: int, tmp_path: Path) -> None:
    path = tmp_path / "meeting.toml"
    path.write_text(MEETING.format(promise))
    command = f"explore {path} --guard pre-fix --set runtime=asyncio-3.12"
    done = CliRunner().invoke(main, shlex.split(command))
    assert "fails in every schedule" in done.output
    assert done.exit_code == status


def test_where_some_schedules_pass_it_is_racy() -> None:
    opened = open_scenario("wait-for-hop")
    assert isinstance(opened, Scenario)
    assert explore(opened.model_copy(update={"guard": "pre-fix"})).verdict is Verdict.RACY

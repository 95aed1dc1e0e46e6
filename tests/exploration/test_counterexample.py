"""A counterexample as plain values, as a file and as a token, each of which gives the run again."""

import json
from pathlib import Path
from typing import Any

import pytest

from sim.exploration.counterexample import Counterexample, counterexample, list_changes
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore
from sim.exploration.shrink import deviations
from sim.files.racefile import from_text, to_text
from sim.model.scenario import Scenario
from sim.runs.keep import read_file, write_file
from sim.runs.replay import replayed
from tests.helpers.scenes import BLIND, CLOSE, scene

CASES = [
    (base, runtime, times)
    for base, runtime, times in (
        (CLOSE, "any-order", "fixed"),
        (CLOSE, "any-order", "all"),
        (CLOSE, "trio", "fixed"),
        (CLOSE, "asyncio-3.11", "fixed"),
        (BLIND, "any-order", "all"),
        (BLIND, "asyncio-3.11", "all"),
    )
]


def made(base: dict[str, Any], runtime: str, times: Any) -> Counterexample:
    found = counterexample(explore(scene(base, runtime=runtime), Inquiry(times=times)))
    assert found is not None
    return found


@pytest.mark.parametrize(("base", "runtime", "times"), CASES)
def test_it_is_json_and_a_file_and_a_token_of_the_same_run(
    base: dict[str, Any], runtime: str, times: str, tmp_path: Path
) -> None:
    found = made(base, runtime, times)
    summary = found.summary()
    assert json.loads(json.dumps(summary, sort_keys=True, allow_nan=False)) == json.loads(
        json.dumps(summary)
    )
    path = tmp_path / "one.race.json"
    write_file(path, found.file())
    race = read_file(path)
    assert race == from_text(to_text(found.file()).encode(), "")
    assert race.times == times
    assert race.counterexample == json.loads(json.dumps(summary))
    assert 0 < len(found.token) <= 1024
    for given in (race, found.token):
        again = replayed(given)
        assert again.same_trace
        assert again.record.digest == found.record.digest
        assert again.record.outcome == found.record.outcome


def test_the_summary_says_what_the_run_was() -> None:
    found = made(CLOSE, "any-order", "fixed")
    summary = found.summary()
    assert summary["outcome"] == "need_accept_first" == found.record.outcome.label
    assert summary["deviations"] == deviations(found.record.schedule)
    assert summary["choices"] == len(found.record.schedule)
    assert summary["steps"] == found.record.end.steps
    assert summary["least"] is found.least is True
    assert summary["why"] == found.explanation.sentence()
    assert summary["use"]["state"] == summary["writer"]["state"] == "application_state"
    assert summary["window"] == {"hops": found.explanation.hops, "ms": 0.0}
    assert len(summary["states"]) == len(summary["rows"][0]["before"])
    assert found.parting is not None
    assert summary["passing"]["choice"] == found.parting.index
    assert summary["passing"]["outcome"] != summary["outcome"]
    assert Scenario.model_validate(summary["scenario"]) == found.record.scenario
    assert found.told.outcome == found.record.outcome


def test_of_a_scenario_only_what_touches_a_run_and_is_not_the_default_is_told() -> None:
    plain = Scenario.model_validate({"title": "x", "about": "y", "guard": "raw"})
    assert list_changes(plain) == {"guard": "raw"}


def test_where_nothing_fails_there_is_none() -> None:
    assert counterexample(explore(scene(CLOSE, guard="both-states"))) is None
    assert counterexample(explore(scene(CLOSE), Inquiry(prop="no-loss"))) is None

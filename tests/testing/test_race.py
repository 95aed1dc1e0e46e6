"""A race: what it accepts, when it is found, and how what it found is run again."""

import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.websockets import WebSocket, WebSocketState

from sim.errors import BadSchedule, Divergence, UserError, WsraceError
from sim.exploration.verdict import Exploration, Verdict
from sim.files.catalog import open_scenario
from sim.files.token import decode
from sim.model.scenario import Scenario
from sim.runs.play import play
from sim.runs.replay import Allowed, replay, replayed
from sim.schedulers.replay import Follow
from sim.sut.guards import GUARDS, Guard
from sim.testing.failure import Place, RaceFound, file_name
from sim.testing.race import Race, Watch
from tests.helpers.written import MONITOR

AT_5_MS = ("window_ms=20", "injections.0.delay_ms=5")
MEETING = ("runtime=any-order", "window_ms=5", "injections.0.delay_ms=5")
"""Some runs fail, and some pass."""


def useless(websocket: WebSocket) -> bool:
    return True


def careful(websocket: WebSocket) -> bool:
    return websocket.application_state is WebSocketState.CONNECTED


wide = Guard("wide", "both states", final=("client_state", "application_state"))
HERE = Place(node="tests/x.py::test", module=__name__)


def race(*settings: str, scenario: Any = "server-close", **given: Any) -> Race:
    return Race(scenario, settings=settings or AT_5_MS, **{"place": HERE, **given})


def caught(call: Callable[[], object]) -> RaceFound:
    with pytest.raises(RaceFound) as found:
        call()
    return found.value


def faults(call: Callable[[], object]) -> list[str]:
    with pytest.raises(UserError) as error:
        call()
    return list(error.value.faults)


# -- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "guard", "expected"),
    [
        (AT_5_MS, "pre-fix", {"some", "racy", "all"}),
        (AT_5_MS, "catch", {"none", "race-free"}),
        (MEETING, "pre-fix", {"some", "racy"}),
        (MEETING, "both-states", {"none", "race-free"}),
    ],
)
@pytest.mark.parametrize("expect", ["none", "race-free", "some", "racy", "all"])
def test_a_check_passes_if_the_verdict_is_the_expected_one(
    settings: tuple[str, ...], guard: str, expected: set[str], expect: str
) -> None:
    one = race(*settings, guard=guard)
    if expect in expected:
        one.check(expect=expect)
    else:
        assert "expected: " in str(caught(lambda: one.check(expect=expect)))


@pytest.mark.parametrize("expect", ["none", "some", "all"])
@pytest.mark.parametrize(
    "options", [{"max_schedules": 20}, {"strategy": "uniform", "max_schedules": 20}]
)
def test_an_inconclusive_search_passes_no_check(expect: str, options: dict[str, Any]) -> None:
    one = Race("server-close", guard="catch", times="all")
    error = caught(lambda: one.check(expect=expect, **options))
    assert "an inconclusive search is no pass" in str(error)
    assert error.exploration is not None
    assert error.exploration.bound in str(error)
    assert error.record is None


def test_all_is_no_answer_before_the_last_one_was_looked_at() -> None:
    one = race("window_ms=20", "injections.0.delay_ms=5", "clients.count=2", "clients.every_ms=1")
    one.check(expect="all")
    error = caught(lambda: one.check(expect="all", max_schedules=2))
    assert "every one was looked at" in str(error)


def test_a_check_stops_at_the_first_failure_and_an_exploration_does_not() -> None:
    one = race(*MEETING)
    found = one.explore()
    assert 1 < found.failing < found.looked
    assert found.complete
    first = caught(one.check).exploration
    assert first is not None
    assert (first.failing, first.complete) == (1, False)
    whole = caught(lambda: one.check(first=False)).exploration
    assert whole == found


def test_options_of_the_race_hold_for_each_search_unless_overridden() -> None:
    one = race(*MEETING, strategy="exhaustive", max_schedules=3)
    assert one.explore().inquiry.strategy == "exhaustive"
    assert one.explore().schedules == 3
    assert one.explore(strategy="dpor", max_schedules=None).complete


def test_times_are_set_free_where_a_draw_cannot_be_listed() -> None:
    assert Race("server-close", max_schedules=1).explore().inquiry.times == "all"
    assert Race("wait-for-hop", max_schedules=1).explore().inquiry.times == "fixed"
    assert race().explore().inquiry.times == "fixed"
    assert race(times="all", max_schedules=1).explore().inquiry.times == "all"


def test_a_message_loss_can_be_looked_for() -> None:
    one = race("injections.0.queued=true", *AT_5_MS, guard="both-states")
    one.check()
    error = caught(lambda: one.check(property="no-loss"))
    assert "message_lost: 1 of " in str(error)
    assert decode(error.token).property == "no-loss"


# -- what is given -------------------------------------------------------------------------------


def test_a_scenario_is_a_name_a_file_or_an_object(tmp_path: Path) -> None:
    path = tmp_path / "monitor.toml"
    path.write_text(MONITOR)
    opened = open_scenario(str(path))
    assert isinstance(opened, Scenario)
    for given in (path, str(path), opened):
        one = Race(given, settings=["window_ms=7"], runtime="trio")
        assert (one.scenario.name, one.scenario.window_ms) == ("monitor", 7)
        assert one.scenario.runtime == "trio"
        assert one.scenario.injections == opened.injections


def test_a_scenario_without_a_name_gets_that_of_the_test() -> None:
    assert Race(Scenario(), place=HERE).scenario.name == HERE.node
    assert Race(Scenario(name="x"), place=HERE).scenario.name == "x"


@pytest.mark.parametrize("bad", [3, None, ["catch"], "catsh", "nosuch_module:x", "sys:nosuch"])
def test_a_guard_that_is_none_is_one_clear_line(bad: object) -> None:
    (line,) = faults(lambda: race().guard(bad))
    assert "guard" in line


def test_every_fault_of_the_options_is_named() -> None:
    bad: dict[str, Any] = {"times": "some", "bound": "1", "seed": True, "expect": "x", "nosuch": 1}
    for call in (lambda: race(**bad), lambda: race().check(**bad), lambda: race().explore(**bad)):
        named = [line.split(":")[0] for line in faults(call)]
        assert sorted(named) == sorted(bad)
    assert faults(lambda: race(strategy="x", property="y"))[1].startswith("property: 'y' is")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"scenario": "issue-1061"}, "issue-1061: it is a batch; ask for one of its scenarios: b"),
        ({"scenario": "server-clos"}, "unknown scenario 'server-clos'"),
        ({"scenario": "no/such.toml"}, "no/such.toml: cannot be read"),
        ({"settings": "window_ms=1"}, "settings: expected a list of KEY=VALUE"),
        ({"settings": [1]}, "settings: expected a list of KEY=VALUE"),
        ({"settings": ["windw=1"]}, "scenarios/server-close.toml with windw=1: windw"),
        ({"runtime": "python"}, "scenarios/server-close.toml with runtime=python: runtime"),
    ],
)
def test_a_scenario_that_is_none_is_one_clear_line(given: dict[str, Any], line: str) -> None:
    (found,) = faults(lambda: Race(**{"scenario": "server-close", **given}))
    assert found.startswith(line)


def test_a_guard_that_a_file_names_is_never_imported(tmp_path: Path) -> None:
    (tmp_path / "unwanted_guards.py").write_text("raise SystemExit")
    path = tmp_path / "one.toml"
    path.write_text(f'guard = "unwanted_guards:x"\n{MONITOR}')
    sys.path.insert(0, str(tmp_path))
    try:
        (line,) = faults(Race(path).check)
    finally:
        sys.path.remove(str(tmp_path))
    assert "runs only if you name it" in line
    assert "unwanted_guards" not in sys.modules


# -- failures, and runs repeated -----------------------------------------------------------------


@pytest.mark.parametrize("guard", ["pre-fix", f"{__name__}:useless", useless, "raw"])
@pytest.mark.parametrize("times", ["fixed", "all"])
def test_the_token_of_a_failure_is_that_failing_run(guard: Any, times: str) -> None:
    one = race("setup.machines=two", *AT_5_MS, guard=guard, times=times)
    error = caught(one.check)
    assert error.record is not None
    assert error.record.outcome.failed
    own = one.scenario.guard if ":" in one.scenario.guard else None
    assert replay(error.token, own).events == error.record.events
    assert error.file is not None
    again = replayed(error.file, Allowed(own))
    assert again.same_trace
    assert again.recorded.of_scenario().name == "server-close"
    assert error.token in str(error)
    assert f"pytest {HERE.node} --wsrace-replay {error.token}" in str(error)
    assert ("--guard" in str(error)) == (own is not None)


def test_a_guard_that_stands_in_a_module_has_a_token_and_another_has_picks() -> None:
    def hidden(websocket: WebSocket) -> bool:
        return True

    one = race(*MEETING)
    assert caught(one.guard(useless).check).token
    for guard in (hidden, lambda websocket: True, replace(wide, final=None)):
        error = caught(one.guard(guard).check)
        assert error.token == ""
        assert error.file is None
        assert error.record is not None
        text = str(error)
        assert f"race.check(picks={error.picks}, times='fixed')" in text
        again = caught(partial(one.check, picks=error.picks))
        assert again.record is not None
        assert again.record.schedule == error.record.schedule
        assert again.exploration is None


def test_a_guard_object_is_looked_for_in_the_module_of_the_test() -> None:
    one = race().guard(wide)
    assert one.scenario.guard == f"{__name__}:wide"
    assert one.subject.tellable
    one.check()
    assert race().guard(GUARDS["catch"]).scenario.guard == "catch"


def test_picks_that_pass_pass_and_picks_that_cannot_be_are_named() -> None:
    one = race(*MEETING)
    one.check(picks=[0, 0, 0])
    caught(lambda: one.check(picks=[0, 0, 1]))
    with pytest.raises(Divergence, match="choice 0: expected at least 10 options"):
        one.check(picks=[9])
    with pytest.raises(BadSchedule, match="pick 1: expected an integer"):
        one.check(picks=[0, -1])
    listed = Race("wait-for-hop")
    assert faults(lambda: listed.check(picks=[]))[0].startswith("8 combinations of listed times")


def test_a_failure_names_outcome_deviations_and_reason() -> None:
    text = str(caught(race(*MEETING).guard(lambda websocket: True).check))
    record = play(race(*MEETING).scenario, Follow([0, 0, 1]))
    assert record.outcome.failed
    for line in (
        "server-close, guard tests.testing.test_race:test_a_failure_names_outcome",
        "outcomes: ",
        "outcome: need_accept_first",
        '  c1: need_accept_first: WebSocket is not connected. Need to call "accept" first.',
        f"deviations: 1 of {len(record.schedule)} choices are not the default",
        "  choice 2: step choice by the kernel among [",
        ": transport:c1/handler:c1/server-close, not transport:c1/handler:c1",
    ):
        assert line in text
    assert "why: guard read client_state" in str(caught(race(*MEETING).check))


def test_errors_come_without_the_frames_in_between() -> None:
    def frames(call: Callable[[], object]) -> list[str]:
        with pytest.raises((WsraceError, RaceFound)) as found:
            call()
        assert found.value.__cause__ is None
        assert found.value.__suppress_context__ or found.value.__context__ is None
        return [frame.name for frame in traceback.extract_tb(found.value.__traceback__)]

    for call in (
        race().check,
        lambda: race().check(nosuch=1),
        lambda: race().guard("nosuch:x"),
        lambda: race().check(picks=[9]),
        lambda: Race("nosuch"),
    ):
        names = frames(call)
        assert names.count("called") == 1
        assert names[-1] == "called"


# -- what pytest adds ----------------------------------------------------------------------------


def test_the_run_to_replay_is_made_where_it_belongs_and_nothing_else_is() -> None:
    token = caught(race().check).token
    seen: list[Exploration] = []
    watch = Watch(replay=decode(token), found=seen.append)
    other = race(guard="catch", watch=watch)
    other.check()
    assert not other.replayed
    same = race(watch=watch)
    error = caught(same.check)
    assert same.replayed
    assert error.token == token
    assert seen == []


@pytest.mark.parametrize("form", ["token", "file"])
def test_a_replay_passes_by_what_comes_of_the_same_choices(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = caught(race(guard=useless).check)
    watch = Watch(replay=decode(error.token) if form == "token" else error.file)
    caught(race(watch=watch, guard=useless).check)
    monkeypatch.setattr(sys.modules[__name__], "useless", careful)
    mended = race(watch=watch).guard(f"{__name__}:useless")
    mended.check()
    assert mended.replayed


@pytest.mark.parametrize("form", ["token", "file"])
def test_a_replay_of_code_that_takes_another_way_is_no_pass(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = race(*MEETING, guard=useless)
    error = caught(one.check)
    watch = Watch(replay=decode(error.token) if form == "token" else error.file)
    monkeypatch.setattr(sys.modules[__name__], "useless", lambda websocket: False)
    other = race(*MEETING, watch=watch).guard(f"{__name__}:useless")
    with pytest.raises(Divergence, match="the code takes another way by now: "):
        other.check()


def test_each_verdict_and_each_failure_is_told() -> None:
    told: list[object] = []
    watch = Watch(found=lambda found: told.append(found.verdict), failed=told.append)
    one = race(watch=watch)
    one.guard("catch").check()
    error = caught(one.guard("pre-fix").check)
    one.explore()
    assert told == [Verdict.RACE_FREE, Verdict.RACY, error, Verdict.ALWAYS]


def test_file_names_are_plain_and_never_the_same_for_two_tests() -> None:
    nodes = ["a/b.py::test[x/y]", "a/b.py::test[x-y]", "a-b.py::test[x/y]", "é" * 300, "..", ""]
    names = [file_name(node) for node in nodes]
    assert len(set(names)) == len(nodes)
    for name in names:
        assert name.isascii()
        assert len(name) < 150
        assert "/" not in name
        assert name.endswith(".race.json")
        assert not name.startswith(".")
    assert names[0] == "a-b.py-test-x-y-7c8b585d.race.json"

"""Runs that are forced on a server: what is asked for, what is expected, what is counted."""

from collections.abc import Sequence
from typing import Any

import pytest

from sim.conformance.force import LONGEST_MS, PATIENCE_MS, confirm, force, stack_for
from sim.errors import UserError
from sim.files.catalog import open_scenario
from sim.live.stacks import Stack, find_installed
from sim.model.profiles import PROFILES
from sim.model.scenario import Scenario
from sim.report.text.conform import confirmation_lines
from sim.runs.play import play
from sim.runs.subject import Record
from tests.conformance.test_measure import LEGACY, TRIO, Trial

NEWER = Stack(
    "uvicorn-websockets", "asyncio-3.12", "uvicorn-websockets@0.54", "uvicorn 0.54.0",
    "websockets 17.4", "1.10.0", "3.13.0",
)  # fmt: skip
UNKNOWN = Stack(
    "uvicorn-websockets", "asyncio-3.12", "uvicorn-websockets@9.9", "uvicorn 9.9.0",
    "websockets 99", "1.10.0", "3.13.0",
)  # fmt: skip


class Server:
    """Plays what it is given on the model instead of a real server."""

    def __init__(self) -> None:
        self.asked: list[tuple[Scenario, int, float | None]] = []

    def run(
        self, scenario: Scenario, trials: int, guard: object, limit_ms: float | None
    ) -> Sequence[Any]:
        self.asked.append((scenario, trials, limit_ms))
        return [Trial(play(scenario)) for _ in range(trials)]


def hop(guard: str = "both-states") -> Record:
    scenario = open_scenario("wait-for-hop", (f"guard={guard}", "injections.0.hops=0"))
    assert isinstance(scenario, Scenario)
    return play(scenario)


def told(record: Record, stack: Stack) -> str:
    server: Any = Server()
    found = confirm(force(record, stack), server, 4)
    return "\n".join(confirmation_lines(record.scenario, found))


def test_where_the_model_expects_it_every_trial_confirms() -> None:
    record, server = hop(), Server()
    assert record.outcome.label == "need_accept_first"
    placed = force(record, LEGACY)
    assert placed.expected
    found = confirm(placed, server, 20)  # type: ignore[arg-type]
    assert (found.confirmed, found.trials) == (20, 20)
    ((asked, trials, limit_ms),) = server.asked
    assert (asked.runtime, asked.server) == ("asyncio-3.11", "uvicorn-websockets@0.35.0")
    assert trials == 20
    assert limit_ms == pytest.approx(PATIENCE_MS + record.end.tick * 1000 / 2**20)


def test_on_another_python_the_hop_is_not_there_and_the_difference_is_told() -> None:
    placed = force(hop(), NEWER)
    assert not placed.expected
    text = told(hop(), NEWER)
    assert "confirmed 0 of 4" in text
    assert "runtime asyncio-3.11 there, asyncio-3.12 here" in text
    assert "server uvicorn-websockets@0.35 there, uvicorn-websockets@0.54.0 here" in text


def test_a_server_that_the_model_does_not_know_is_tried_all_the_same() -> None:
    placed = force(hop(), UNKNOWN)
    assert placed.predicted == frozenset()
    assert "9.9" in placed.why
    assert "the model has no answer for this server" in told(hop(), UNKNOWN)


def test_under_trio_every_outcome_of_the_open_order_is_expected() -> None:
    scenario = Scenario.model_validate(
        {
            "mode": "legacy",
            "runtime": "trio",
            "server": "hypercorn-trio@0.18",
            "window_hops": 1,
            "clients": {"messages": 0, "end": "silent"},
            "end_ms": 2000,
            "injections": [{"do": "server-close", "at": "validated", "placed": "inline"}],
        }
    )
    placed = force(play(scenario), TRIO)
    assert {"need_accept_first"} < placed.predicted


def test_a_run_that_takes_longer_than_anybody_waits_is_refused() -> None:
    silent = Scenario.model_validate({"mode": "legacy", "clients": {"end": "silent"}})
    with pytest.raises(UserError, match=f"at most {LONGEST_MS / 1000:g} s"):
        force(play(silent), LEGACY)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_has_a_stack_or_says_that_it_is_not_installed(profile: str) -> None:
    family = profile.partition("@")[0]
    if family in {one.profile.partition("@")[0] for one in find_installed()}:
        assert stack_for(profile).profile.partition("@")[0] == family
    else:
        with pytest.raises(UserError, match="is not installed"):
            stack_for(profile)


def test_what_was_placed_is_told_event_by_event() -> None:
    lines = told(hop(), LEGACY).splitlines()
    assert lines[0].startswith("wait-for-hop: guard both-states, recorded on asyncio-3.11")
    assert "  client-message at receiving, passing 1" in lines
    assert any(line.startswith("  server-close at ") for line in lines)
    assert lines[-1] == "confirmed 4 of 4"

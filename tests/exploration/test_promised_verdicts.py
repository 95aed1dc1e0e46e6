"""The verdicts that the product promises, per guard, shape, runtime and server (issue #1061)."""

from dataclasses import replace

import pytest

from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore
from sim.exploration.verdict import Verdict
from sim.model.names import RuntimeName
from sim.schedulers.dpor import Dpor
from sim.schedulers.exhaustive import Exhaustive
from sim.sut.guards import GUARDS, Guard
from tests.benchmarks.reduction import searched
from tests.helpers.verdicts import JUDGED, KINDS, PAIRS, promised, racy_or, server_close, verdict

DEFAULT = "uvicorn-websockets@0.35"


def holds(kind: str, runtime: RuntimeName, server: str, shape: str, messages: int) -> None:
    for guard in JUDGED:
        found = verdict(KINDS[kind](guard, runtime, server, messages, shape))
        assert found.complete, (guard, found.words())
        assert racy_or(found) == promised(kind, guard, runtime, server), (guard, found.words())


@pytest.mark.parametrize("messages", [1, 2])
@pytest.mark.parametrize("shape", ["report", "original"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("runtime", "server"), PAIRS)
def test_every_guard_has_its_complete_verdict(
    runtime: RuntimeName, server: str, kind: str, shape: str, messages: int
) -> None:
    holds(kind, runtime, server, shape, messages)


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["report", "original"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("runtime", "server"), PAIRS)
def test_every_guard_has_its_complete_verdict_with_three_messages(
    runtime: RuntimeName, server: str, kind: str, shape: str
) -> None:
    holds(kind, runtime, server, shape, 3)


@pytest.mark.parametrize("runtime", ["asyncio-3.11", "asyncio-3.12", "any-order"])
@pytest.mark.parametrize("guard", JUDGED)
def test_more_rounds_of_the_poll_add_no_class(guard: str, runtime: RuntimeName) -> None:
    """While the handler polls, nothing else is about to happen.

    The states that it polls were changed for good by then, and all that follows from a close (the
    client's answer, the end of the TCP connection) takes less than the first round. So a round more
    is a step of the clock and a step of the handler more, and both come after all that was: no
    choice is added.
    """
    few, many = (
        verdict(server_close(guard, runtime, DEFAULT, 1, "original", rounds)) for rounds in (2, 5)
    )
    assert (few.classes, few.failing, few.verdict) == (many.classes, many.failing, many.verdict)


@pytest.mark.slow
@pytest.mark.parametrize(("runtime", "server"), PAIRS)
def test_300_rounds_of_the_poll_give_the_classes_of_five(runtime: RuntimeName, server: str) -> None:
    for guard in JUDGED:
        few, many = (
            verdict(server_close(guard, runtime, server, 1, "original", rounds))
            for rounds in (5, 300)
        )
        assert many.complete
        assert (few.classes, few.failing) == (many.classes, many.failing)


@pytest.mark.parametrize("runtime", ["asyncio-3.11", "asyncio-3.12"])
def test_the_verdicts_hold_over_all_arrival_and_injection_times(runtime: RuntimeName) -> None:
    for guard in ("post-fix", "both-states", "both-no-hop", "catch"):
        scenario = server_close(guard, runtime, DEFAULT, 1, "report")
        data = scenario.model_dump(exclude_unset=True)
        data["clients"] = {**data["clients"], "messages": 0}
        data["injections"] = ({"do": "server-close", "at": "accepted"},)
        data |= {"end_ms": 500, "window_hops": 0, "window_ms": 5}
        found = verdict(type(scenario).model_validate(data), "all")
        assert found.complete, found.words()
        assert "every arrival and injection time" in found.words()
        assert racy_or(found) == promised("server close", guard, runtime, DEFAULT), found.words()


@pytest.mark.slow
@pytest.mark.parametrize(("runtime", "server"), PAIRS)
def test_the_verdicts_hold_over_all_times_on_every_pair(runtime: RuntimeName, server: str) -> None:
    for guard in JUDGED:
        scenario = server_close(guard, runtime, server, 1, "report")
        data = scenario.model_dump(exclude_unset=True)
        data["injections"] = ({"do": "server-close", "at": "received"},)
        found = verdict(type(scenario).model_validate(data), "all")
        assert found.complete, found.words()
        assert racy_or(found) == promised("server close", guard, runtime, server), found.words()


SAFEGUARDS: dict[str, Guard] = {
    "it does not read application_state": replace(GUARDS["both-no-hop"], final=("client_state",)),
    "it does not look right before the receive": replace(GUARDS["both-no-hop"], final=None),
    "the timeout runs in a task of its own": replace(GUARDS["both-no-hop"], in_place=False),
    "it does not catch": replace(GUARDS["catch"], catches=False),
}


@pytest.mark.parametrize("what", SAFEGUARDS)
def test_each_safeguard_that_is_switched_off_makes_the_verdict_racy(what: str) -> None:
    mutant = SAFEGUARDS[what]
    scenario = server_close("mutant:guard", "asyncio-3.11", DEFAULT, 1, "report")
    found = explore(scenario, Inquiry(), mutant)
    assert found.fails, found.words()


@pytest.mark.parametrize("guard", ["both-no-hop", "catch"])
def test_the_guards_that_the_mutants_are_made_of_are_race_free(guard: str) -> None:
    scenario = server_close("mutant:guard", "asyncio-3.11", DEFAULT, 1, "report")
    assert explore(scenario, Inquiry(), GUARDS[guard]).verdict is Verdict.RACE_FREE


def test_hypercorns_silent_send_is_what_makes_a_close_during_send_race_free() -> None:
    make = KINDS["close during send"]
    told = verdict(make("post-fix", "asyncio-3.12", DEFAULT, 1, "report"))
    silent = verdict(make("post-fix", "asyncio-3.12", "hypercorn-asyncio@0.18", 1, "report"))
    assert set(told.outcomes) == {"need_accept_first"}
    assert silent.verdict is Verdict.RACE_FREE
    assert "hypercorn-asyncio@0.18 returns silently" in silent.because()
    assert told.because() == ""
    assert all(label.startswith("clean_disconnect") for label in silent.outcomes)


def test_a_guard_that_had_something_to_guard_against_claims_no_other_reason() -> None:
    found = verdict(server_close("both-no-hop", "asyncio-3.12", DEFAULT, 1, "report"))
    assert found.verdict is Verdict.RACE_FREE
    assert found.because() == ""


@pytest.mark.slow
def test_the_reduced_search_of_the_large_scenario_finds_every_class_of_the_full_one() -> None:
    full, reduced = searched(Exhaustive()), searched(Dpor())
    assert full.complete
    assert reduced.complete
    assert full.runs > 200_000
    assert set(reduced.classes) == set(full.classes)
    assert set(reduced.classes.values()) == {1}
    assert set(reduced.outcomes) == set(full.outcomes)

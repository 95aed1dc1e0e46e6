"""Simulated deployments: who comes when, the same luck for every guard, workers, and the facts."""

from itertools import pairwise

import pytest

from sim.errors import UserError
from sim.validation.deployment import Session, deploy, scenarios_of, session_again
from tests.helpers.plans import small

PLAN = small()


def sessions(guard: str, seed: int = 0) -> list[Session]:
    return deploy(PLAN, guard, seed)


def test_every_client_has_one_session_after_the_other_until_the_last_minute() -> None:
    found = sessions("pre-fix")
    assert {one.client for one in found} == set(range(6))
    for client in range(6):
        own = [one for one in found if one.client == client]
        assert [one.number for one in own] == list(range(len(own)))
        for one, following in pairwise(own):
            assert one.began_min + one.ms / 60_000 <= following.began_min
    assert all(0 <= one.began_min < 5 for one in found)
    assert min(one.began_min for one in found) < 20_000 / 60_000


def test_the_first_sessions_begin_within_the_ramp() -> None:
    assert all(one.began_min <= 1 / 3 for one in sessions("catch") if one.number == 0)


def test_every_kind_of_visit_comes_about_as_often_as_its_weight_says() -> None:
    found = deploy(small(deployment={"clients": 60}), "catch")
    shares = [sum(one.visit == visit for one in found) / len(found) for visit in range(4)]
    assert shares == pytest.approx([3 / 6, 1 / 6, 1 / 6, 1 / 6], abs=0.06)


def test_the_same_seed_gives_the_same_sessions_and_another_one_others() -> None:
    assert sessions("pre-fix") == sessions("pre-fix")
    assert sessions("pre-fix") != sessions("pre-fix", 1)


def test_two_workers_give_the_same_sessions() -> None:
    assert deploy(PLAN, "pre-fix", workers=2) == sessions("pre-fix")


def test_guards_meet_the_same_luck() -> None:
    """The first session of a client differs in nothing but what the guard does."""

    def first(guard: str) -> list[tuple[int, float, int]]:
        return [(o.client, o.began_min, o.visit) for o in sessions(guard) if o.number == 0]

    assert first("pre-fix") == first("catch")


def test_a_session_can_be_made_again() -> None:
    for one in sessions("post-fix")[:12]:
        record = session_again(PLAN, "post-fix", 0, one)
        assert (record.outcome.label, record.outcome.lost) == (one.label, one.lost)


def test_catch_never_fails_and_the_two_guards_of_the_issue_do() -> None:
    failed = {
        g: [one for one in sessions(g) if one.failed] for g in ("catch", "pre-fix", "post-fix")
    }
    assert not failed["catch"]
    assert {one.visit for one in failed["pre-fix"]} == {1, 3}
    assert {one.visit for one in failed["post-fix"]} == {1}
    assert any(one.lost for one in sessions("post-fix") if one.visit == 2)
    assert not any(one.lost for one in sessions("pre-fix") if one.visit == 2)


def test_the_deployment_says_runtime_and_server() -> None:
    plan = small(deployment={"runtime": "trio", "server": "hypercorn-trio@0.18"})
    assert {(one.runtime, one.server) for one in scenarios_of(plan, "catch")} == {
        ("trio", "hypercorn-trio@0.18")
    }


def test_every_fault_of_every_visit_is_told_before_anything_runs() -> None:
    plan = small(visits=[{"scenario": "nosuch"}, {"scenario": "healthy", "set": {"windw_ms": 5}}])
    with pytest.raises(UserError) as caught:
        deploy(plan, "catch")
    first, second = caught.value.faults
    assert "include.0.scenario" in first
    assert "nosuch" in first
    assert "windw_ms" in second

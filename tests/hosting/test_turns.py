"""Forty races that asyncio decides by its order of callbacks: no schedule decides otherwise."""

import asyncio

import pytest

from sim.testing import AppFailed, check
from tests.helpers.applications import FOLDER, endings, kinds, subject
from tests.helpers.apps.turns import GUARDS, TURNS, race

CELLS = [(guard, waits_for, turns) for guard, waits_for in GUARDS for turns in TURNS]


def path(guard: str, waits_for: bool, turns: int) -> str:
    return f"/{guard}/{'wait_for' if waits_for else 'plain'}/{turns}"


@pytest.mark.parametrize(("guard", "waits_for", "turns"), CELLS)
def test_every_schedule_ends_as_asyncio_decides(guard: str, waits_for: bool, turns: int) -> None:
    fails = bool(asyncio.run(race(guard, waits_for, turns)))
    found, _ = endings(subject("turns:app", f"{path(guard, waits_for, turns)} silent"))
    assert kinds(tuple(found)) == ({"escape", "swallowed"} if fails else {"waiting"})


@pytest.mark.slow
@pytest.mark.parametrize(("guard", "waits_for", "turns"), CELLS)
def test_a_check_with_nothing_chosen_says_so(guard: str, waits_for: bool, turns: int) -> None:
    fails = bool(asyncio.run(race(guard, waits_for, turns)))
    options = {"path": path(guard, waits_for, turns), "app_dir": str(FOLDER)}
    if fails:
        with pytest.raises(AppFailed, match="fails in every schedule"):
            check("turns:app", **options)
    else:
        assert check("turns:app", **options).climbed.verdict == "race-free"

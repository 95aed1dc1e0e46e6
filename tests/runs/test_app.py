"""Runs of applications are the same in every process, and are made again from tokens."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.aio.session import ready
from sim.kernel.series import run_once
from sim.kernel.trace import digest
from sim.model.app import Bounds
from sim.model.schedule import Scheduler, picks
from sim.runs.app import AppSubject
from sim.runs.keep import file_of, token_of
from sim.runs.replay import Allowed, replayed
from sim.runs.subject import record
from sim.schedulers.pct import Pct
from sim.schedulers.replay import Lenient, Replay
from sim.schedulers.uniform import Uniform
from tests.helpers.applications import FOLDER, subject

ROOT = Path(__file__).parent.parent.parent
APPS = {
    "guarded:app": ("/ws send:a, close",),
    "rooms:app": ("/room/{name} send:a, close", "/news send:b, drop"),
    "plain:raw": ("send:a, rst", "send:bye, silent"),
}
MANY = 12


def schedulers(many: int) -> list[Scheduler]:
    drawn: list[Scheduler] = [Uniform(seed) for seed in range(many)]
    return drawn + [Pct(seed, 3, 30) for seed in range(2 * many)]


def digests(many: int) -> list[str]:
    """Return the digests of drawn runs of three applications; and of each, followed again."""
    found = []
    for target, clients in APPS.items():
        one = subject(target, *clients, bounds=Bounds(late=1, partial=1))
        with ready():
            for each in schedulers(many):
                end = run_once(one.job(each))
                again = run_once(one.job(Replay(end.schedule)))
                assert again.events == end.events
                found.append(digest(end.events))
    return found


@pytest.mark.parametrize("many", [MANY, pytest.param(300, marks=pytest.mark.slow)])
def test_drawn_runs_are_the_same_in_processes_with_other_hash_seeds(many: int) -> None:
    code = f"from tests.runs.test_app import digests\nprint(*digests({many}))"
    found = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment,
            check=True,
        )
        found.add(done.stdout)
    assert len(found) == 1
    assert len(set(found.pop().split())) > MANY


@pytest.mark.parametrize("target", APPS)
def test_drawn_runs_replay_from_their_picks_their_tokens_and_their_files(target: str) -> None:
    one = subject(target, *APPS[target], bounds=Bounds(late=1, partial=1))
    allowed = Allowed(app=target, app_dir=str(FOLDER))
    with ready():
        for number, scheduler in enumerate(schedulers(MANY)):
            end = run_once(one.job(scheduler))
            again = run_once(one.job(Lenient(picks(end.schedule))))
            assert again.events == end.events
            if number % MANY == 0:
                made = record(one, end)
                assert replayed(token_of(made), allowed).same_trace
                assert replayed(file_of(made), allowed).same_trace


def clients_of(one: AppSubject) -> list[str]:
    return [" | ".join(script.typed for script in small.case.clients) for small in one.smaller()]


def test_what_a_script_waits_for_is_not_taken_away_before_the_waiting() -> None:
    """A hang would else be made small to a client that waits for what nobody asked for."""
    one = subject("plain:odd", "/waits send:hi, sleep:5, wait, close")
    assert clients_of(one) == ["/waits send:hi, sleep:5, close", "/waits send:hi, sleep:5, wait"]
    then = subject("plain:odd", "/waits send:hi, close")
    assert clients_of(then) == ["/waits close", "/waits send:hi"]


def test_a_client_that_another_one_may_wait_for_stays() -> None:
    one = subject("rooms:app", "/room/a send:hi, close", "/room/a wait, close")
    assert clients_of(one) == [
        "/room/a send:hi, close",
        "/room/a send:hi, close | /room/a close",
        "/room/a send:hi, close | /room/a wait",
    ]

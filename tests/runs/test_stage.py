"""Whole worlds repeat: in one process, in others, on other Pythons; and the fidelities agree."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import Divergence
from sim.kernel.order import Order
from sim.kernel.series import run_all
from sim.kernel.trace import digest, lines
from sim.kernel.world import Job
from sim.model.client import ClientSpec
from sim.model.profiles import DEFAULT_PROFILE, PROFILES
from sim.model.record import End, Ending
from sim.model.script import parse_script
from sim.runs.stage import Fidelity, program
from sim.schedulers.replay import Follow, Replay
from sim.schedulers.uniform import Uniform
from tests.helpers.running import check_deterministic, read_trace, run_once
from tests.helpers.worlds import ENDS, digest_of, echo, jobs, smallest, varied

ROOT = Path(__file__).parent.parent.parent
# Other Pythons that have the packages, for example "/a/bin/python:/b/bin/python".
PYTHONS = [sys.executable, *filter(None, os.environ.get("WSRACE_PYTHONS", "").split(os.pathsep))]


def digests_of_processes(fidelity: Fidelity, worlds: int, processes: int) -> list[str]:
    """Start the processes two at a time, each with a hash seed of its own."""
    found: list[str] = []
    commands = [
        (python, str(1 + 7919 * number))
        for python in PYTHONS
        for number in range(-(-processes // len(PYTHONS)))
    ]
    rest = iter(commands)
    while pair := list(islice(rest, 2)):
        running = [
            subprocess.Popen(
                [python, "-m", "tests.helpers.worlds", fidelity, str(worlds)],
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for python, hash_seed in pair
        ]
        for process in running:
            out, _ = process.communicate(timeout=600)
            assert process.returncode == 0
            found.append(out.strip())
    return found


def test_wire_worlds_have_one_digest_in_every_process() -> None:
    assert set(digests_of_processes(Fidelity.WIRE, 6, 2)) == {digest_of(Fidelity.WIRE, 6)}


@pytest.mark.slow
def test_fifty_wire_worlds_have_one_digest_in_twenty_processes_on_every_python() -> None:
    found = digests_of_processes(Fidelity.WIRE, 50, 20)
    assert len(found) >= 20
    assert set(found) == {digest_of(Fidelity.WIRE, 50)}


def run_twice(seeds: range) -> None:
    """Run each seed twice in the same `trio.run`, the second time in reverse order."""
    first: dict[int, str] = {}

    def note(end: End) -> None:
        first[len(first)] = digest(end.events)

    run_all(jobs(Fidelity.ASGI, seeds), note)
    again = iter(reversed(seeds))

    def compare(end: End) -> None:
        assert digest(end.events) == first[next(again) - seeds.start]

    run_all(jobs(Fidelity.ASGI, list(reversed(seeds))), compare)
    assert len(set(first.values())) > len(first) // 2  # the worlds really differ


def test_two_hundred_seeds_run_twice_have_identical_digests() -> None:
    run_twice(range(200))


@pytest.mark.slow
def test_ten_thousand_seeds_run_twice_have_identical_digests() -> None:
    run_twice(range(10_000))


@pytest.mark.parametrize("fidelity", Fidelity)
@given(picks=st.lists(st.integers(0, 3), max_size=40))
@settings(max_examples=40, deadline=None)
def test_any_choice_list_is_replayable_or_says_where_it_cannot_be(
    fidelity: Fidelity, picks: list[int]
) -> None:
    code = smallest(fidelity)
    end = run_once(code, Follow(picks))
    if end.ending is Ending.DIVERGED:
        assert isinstance(end.error, Divergence)
    else:
        assert end.ending is Ending.COMPLETED
        assert digest(run_once(code, Replay(end.schedule)).events) == digest(end.events)


@pytest.mark.parametrize("fidelity", Fidelity)
@given(seed=st.integers(0, 1 << 64), order=st.sampled_from(Order))
@settings(max_examples=25, deadline=None)
def test_replaying_a_record_gives_the_same_trace(
    fidelity: Fidelity, seed: int, order: Order
) -> None:
    check_deterministic(Job(varied(fidelity, seed), Uniform(seed), order=order))


@pytest.mark.parametrize("seed", range(20))
def test_varied_worlds_end_by_themselves(seed: int) -> None:
    for fidelity in Fidelity:
        end = run_once(varied(fidelity, seed), Uniform(seed))
        assert end.ending is Ending.COMPLETED, end.error


def test_a_trace_reads_back_as_written() -> None:
    events = run_once(smallest(Fidelity.WIRE)).events
    assert read_trace(lines(events)) == events
    assert any(event.kind == "wire" for event in events)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("end", ENDS[:3], ids=str)
def test_both_fidelities_tell_the_same_story(profile: str, end: Any) -> None:
    """Frames or bytes: the application and the client must see the same in the natural order."""
    script = ["connect", {"send": "a"}, {"wait": 1}, {"send": "b"}, {"wait": 1}, end]
    kinds = ("asgi.receive", "asgi.send", "client_state", "application_state", "client.over")
    stories = []
    for fidelity in Fidelity:
        code = program(fidelity, echo, [ClientSpec(parse_script(script))], PROFILES[profile])
        events = run_once(code, job=Job(code, Uniform(0), order=Order.FIFO)).events
        story: dict[str, list[object]] = {kind: [] for kind in kinds}
        for event in events:
            if event.kind in kinds:
                story[event.kind].append(tuple(event.values.items()))
        stories.append(story)
    assert stories[0] == stories[1]


def test_the_default_profile_runs_many_clients() -> None:
    clients = [ClientSpec(parse_script(["connect", {"send": "x"}, {"wait": 1}, "close"]))] * 30
    code = program(Fidelity.ASGI, echo, clients, PROFILES[DEFAULT_PROFILE])
    end = run_once(code, Uniform(1))
    over = [event.values["how"] for event in end.events if event.kind == "client.over"]
    assert over == ["close 1000"] * 30

"""Replays: the very run again, in other processes too, or a divergence that says where."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim import __version__
from sim.catalog import open_scenario
from sim.errors import Divergence, UserError
from sim.model.scenario import Scenario
from sim.model.token import body_of
from sim.play import Record, play
from sim.replaying import replay, token_of
from sim.rungs import Rung
from sim.schedulers.uniform import Uniform

ROOT = Path(__file__).parent.parent


def one(name: str = "server-close", seed: int = 3, **changes: object) -> Record:
    scenario = open_scenario(name, ("window_ms=8",))
    assert isinstance(scenario, Scenario)
    resolved = scenario.model_copy(update=changes).resolve(seed)
    return play(resolved, Uniform(seed))


@pytest.mark.parametrize("runtime", ["asyncio-3.11", "trio", "any-order"])
@pytest.mark.parametrize("seed", range(5))
def test_a_token_replays_the_very_run(runtime: str, seed: int) -> None:
    first = one(seed=seed, runtime=runtime)
    again = replay(token_of(first))
    assert again.digest == first.digest
    assert again.events == first.events
    assert again.outcome == first.outcome


def test_a_run_on_the_wire_rung_replays_too() -> None:
    scenario = open_scenario("healthy", ("clients.messages=1",))
    assert isinstance(scenario, Scenario)
    first = play(scenario, Uniform(1), Rung.WIRE)
    assert replay(token_of(first, Rung.WIRE)).digest == first.digest


def test_tokens_replay_in_a_new_process_with_another_hash_seed() -> None:
    records = [one(seed=seed, runtime="any-order") for seed in range(3)]
    code = "import sys, sim\nfor token in sys.argv[1:]: print(sim.replay(token).digest)"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(token_of, records)],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout.split() == [record.digest for record in records]


def test_another_digest_is_a_divergence_that_names_the_versions() -> None:
    record = one()
    body = body_of(record.scenario, record.schedule, "0" * 64, "0.0.9")
    with pytest.raises(Divergence, match=rf"made by wsrace 0\.0\.9, this is {__version__}"):
        replay(body)


def test_other_choices_are_a_divergence_that_says_where() -> None:
    record = one(runtime="any-order")
    body = body_of(record.scenario, record.schedule, record.digest, __version__)
    with pytest.raises(Divergence, match="expected 100 choices, met"):
        replay(body.model_copy(update={"choices": 100}))
    with pytest.raises(Divergence, match="choice 0: expected at least 100 options"):
        replay(body.model_copy(update={"deviations": ((0, 99),)}))


def test_a_guard_of_ones_own_runs_only_if_a_person_names_it() -> None:
    record = one()
    foreign = record.scenario.model_copy(update={"guard": "os:system"})
    body = body_of(foreign, record.schedule, record.digest, __version__)
    with pytest.raises(UserError, match="runs only if you name it: --guard os:system"):
        replay(body)
    with pytest.raises(Divergence, match="the token's guard is 'os:system', not 'os:popen'"):
        replay(body, guard="os:popen")
